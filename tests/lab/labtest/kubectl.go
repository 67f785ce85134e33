// SPDX-License-Identifier: Apache-2.0

package labtest

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
)

// Kubectl runs the real one against a cluster, with text as its standard input, and returns all that it says.
func Kubectl(ctx context.Context, l *lab.Lab, cluster, text string, args ...string) (string, error) {
	programs, err := binaries.Ensure(ctx, io.Discard)
	if err != nil {
		return "", err
	}
	args = append([]string{"--kubeconfig", l.Cluster(cluster).Kubeconfig}, args...)
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "kubectl"), args...)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
