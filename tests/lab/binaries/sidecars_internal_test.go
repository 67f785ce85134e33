// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSidecarsAreTakenFromTheFolderThatIsNamed(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(EnvDir, dir)
	_, err := Sidecars(t.Context(), io.Discard)
	require.ErrorContains(t, err, "lacks csi-provisioner, csi-resizer, csi-snapshotter, snapshot-controller")
	for _, p := range sidecarPrograms() {
		require.NoError(t, os.WriteFile(filepath.Join(dir, p.name), nil, 0o600))
	}
	got, err := Sidecars(t.Context(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, dir, got)
}

func TestAModuleOfSidecarsWithAnotherChecksumIsNotBuilt(t *testing.T) {
	m := sidecarModules()[0]
	m.sum = "h1:another"
	_, err := m.folder(t.Context())
	require.ErrorContains(t, err, "it is not built")
	_, err = SidecarModule(t.Context(), "example.com/another")
	require.Error(t, err)
}
