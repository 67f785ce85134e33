// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// TestAClusterThatIsRestoredFromABackupResumesNoRole: what left it since the backup goes on elsewhere, what came to it since
// is there again with all its data, and what stayed is left alone.
func TestAClusterThatIsRestoredFromABackupResumesNoRole(t *testing.T) {
	l := shared.Lab(t)
	came := protected(t, l, "restored-came", lab.DR2)
	onDR1 := protectedOn(t, l, lab.DR1, "restored-left", "restored-stayed")
	left, stayed := onDR1[0], onDR1[1]
	backup := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, l.BackUp(t.Context(), lab.DR1, backup))
	actors := []*actor{left, came, stayed}
	all(t, actors[:2], "relocate", func(ctx context.Context, a *actor) error {
		_, err := a.Relocate(ctx, map[*actor]string{left: lab.DR2, came: lab.DR1}[a])
		return err
	})
	pod := stayed.Pod(lab.DR1)

	// As docs/faults.md says: the deployer stands still until the cluster obeys what is wished now.
	for _, a := range actors {
		a.Leave()
	}
	before := left.Acknowledged(lab.DR1)
	require.NoError(t, l.Restore(t.Context(), lab.DR1, backup))
	for _, a := range actors {
		require.Eventually(t, func() bool { return a.Obeyed(t.Context(), lab.DR1) == nil }, patience, tick, "%s on the restored cluster", a.App.Name)
		a.Follow()
	}
	left.Settled(v1alpha1.Relocated, lab.DR2)
	came.Settled(v1alpha1.Relocated, lab.DR1)
	stayed.Settled(v1alpha1.Deployed, lab.DR1)
	for a, home := range map[*actor]string{left: lab.DR2, came: lab.DR1, stayed: lab.DR1} {
		require.NoError(t, a.GoesOn(t.Context(), home), a.App.Name)
		a.RunsOnlyOn(home)
	}
	// Its Pod was there again, as in the backup, but the storage lets nobody write to a volume that is Secondary.
	assert.Equal(t, before, left.Acknowledged(lab.DR1), "what left wrote on the cluster that it had left")
	left.NothingLost()
	came.NothingLost()
	stayed.NothingLost()
	assert.Equal(t, pod, stayed.Pod(lab.DR1), "the workload that stayed was left alone")

	_, err := left.Relocate(t.Context(), lab.DR1)
	require.NoError(t, err, "what left can come back")
	left.NothingLost()
}
