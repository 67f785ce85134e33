// SPDX-License-Identifier: Apache-2.0

package kindlab

import (
	"context"

	"github.com/ramendr/ramen-direct/tests/lab"
)

// GrantObjects gives the DR clusters the rights to capture and restore Kubernetes objects, as docs/objects.md says.
func (l *Lab) GrantObjects(ctx context.Context) error {
	for _, spoke := range lab.Spokes() {
		if err := l.kubectl(ctx, spoke, "apply", "--server-side", "-f", "dist/objects-spoke.yaml"); err != nil {
			return err
		}
	}
	return nil
}

// Kubectl runs kubectl against a cluster, in the folder of the project, and returns what it prints.
func (l *Lab) Kubectl(ctx context.Context, name, stdin string, args ...string) (string, error) {
	return l.run(ctx, stdin, "kubectl", append([]string{"--context", contextOf(name)}, args...)...)
}
