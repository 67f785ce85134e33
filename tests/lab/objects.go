// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// GrantObjects gives the spokectrls of both spokes the rights to capture and restore Kubernetes objects, which Install leaves out.
func (l *Lab) GrantObjects(ctx context.Context) error {
	project, err := source.Root(ctx)
	if err != nil {
		return fmt.Errorf("grant rights: %w", err)
	}
	for _, spoke := range Spokes() {
		if err := l.applyKustomization(ctx, l.Cluster(spoke), filepath.Join(project, "config", "spoke", "objects")); err != nil {
			return fmt.Errorf("grant rights on %s: %w", spoke, err)
		}
	}
	return nil
}
