// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// onHub runs kubectl against the hub; it must succeed.
func onHub(t *testing.T, l *lab.Lab, args ...string) string {
	t.Helper()
	out, err := labtest.Kubectl(t.Context(), l, lab.Hub, "", args...)
	require.NoError(t, err)
	return out
}

// applied applies YAML text to the hub.
func applied(t *testing.T, l *lab.Lab, text string, args ...string) string {
	t.Helper()
	out, err := labtest.Kubectl(t.Context(), l, lab.Hub, text, append([]string{"apply", "-f", "-"}, args...)...)
	require.NoError(t, err)
	return out
}

// refused applies YAML text that the API server must refuse, and returns what it says.
func refused(t *testing.T, l *lab.Lab, text string, args ...string) string {
	t.Helper()
	out, err := labtest.Kubectl(t.Context(), l, lab.Hub, text, append([]string{"apply", "-f", "-"}, args...)...)
	require.Error(t, err, "accepted: %s", out)
	return out
}
