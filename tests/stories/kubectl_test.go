// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/binaries"
)

// kubectl runs the real one against a cluster, with text as its standard input, and returns all that it says.
func kubectl(ctx context.Context, l *lab.Lab, cluster, text string, args ...string) (string, error) {
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

// onHub runs kubectl against the hub; it must succeed.
func onHub(t *testing.T, l *lab.Lab, args ...string) string {
	t.Helper()
	out, err := kubectl(t.Context(), l, lab.Hub, "", args...)
	require.NoError(t, err)
	return out
}

// applied applies YAML text to the hub.
func applied(t *testing.T, l *lab.Lab, text string, args ...string) string {
	t.Helper()
	out, err := kubectl(t.Context(), l, lab.Hub, text, append([]string{"apply", "-f", "-"}, args...)...)
	require.NoError(t, err)
	return out
}

// refused applies YAML text that the API server must refuse, and returns what it says.
func refused(t *testing.T, l *lab.Lab, text string) string {
	t.Helper()
	out, err := kubectl(t.Context(), l, lab.Hub, text, "apply", "-f", "-")
	require.Error(t, err, "accepted: %s", out)
	return out
}
