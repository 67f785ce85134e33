// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProgramsAreTakenFromTheFolderThatIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		take     func(context.Context, io.Writer) (string, error)
		programs []program
		lacks    string
	}{
		"csi-addons": {CSIAddons, csiAddonsPrograms(), "lacks csi-addons-manager, csi-addons-manager-quick, csi-addons-sidecar"},
		"sidecars":   {Sidecars, sidecarPrograms(), "lacks csi-provisioner, csi-resizer, csi-snapshotter, snapshot-controller"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv(EnvDir, dir)
			_, err := tc.take(t.Context(), io.Discard)
			require.ErrorContains(t, err, tc.lacks)
			for _, p := range tc.programs {
				require.NoError(t, os.WriteFile(filepath.Join(dir, p.name), nil, 0o600))
			}
			got, err := tc.take(t.Context(), io.Discard)
			require.NoError(t, err)
			require.Equal(t, dir, got)
		})
	}
}
