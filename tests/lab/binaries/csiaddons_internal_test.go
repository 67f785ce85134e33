// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// TestThePatchesFitTheModule that go.mod requires: a developer who takes another version learns here what has to be looked at.
func TestThePatchesFitTheModule(t *testing.T) {
	from, err := source.Module(t.Context(), moduleCSIAddons)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "src")
	require.NoError(t, os.CopyFS(dir, os.DirFS(from)))
	for _, p := range append(sidecarPatches(), quickPatches()...) {
		require.NoError(t, p.apply(dir))
	}
	require.ErrorContains(t, sidecarPatches()[0].apply(dir), "in 0 places, not in 1", "a source that is not as it was is not built")
}

func TestABuildOfCSIAddonsThatFailsLeavesNoHalfFolder(t *testing.T) {
	cache := t.TempDir()
	dir := filepath.Join(cache, "csi-addons-0.0.0")
	require.Error(t, buildCSIAddons(t.Context(), io.Discard, t.TempDir(), dir), "this is no such module")
	require.NoDirExists(t, dir)
	require.NoDirExists(t, dir+".src")
}
