// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// TestAHubThatIsRestoredFromABackupDragsNobodyBack: it finds out from its clusters what became of its applications since
// the backup, and carries out no move that only the backup remembers. It protects nothing that was let go since, until the user does.
func TestAHubThatIsRestoredFromABackupDragsNobodyBack(t *testing.T) {
	l := shared.Lab(t)
	actors := protectedOn(t, l, lab.DR1, "restored-moved", "restored-returned", "restored-still", "restored-ended")
	moved, returned, still, ended := actors[0], actors[1], actors[2], actors[3]
	returned.Ask(failoverTo(lab.DR2))
	returned.Settled(v1alpha1.FailedOver, lab.DR2)
	require.NoError(t, returned.GoesOn(t.Context(), lab.DR2))

	backup := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, l.BackUp(t.Context(), lab.Hub, backup))
	_, err := moved.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err)
	_, err = returned.Relocate(t.Context(), lab.DR1)
	require.NoError(t, err)
	_, err = ended.Disable(t.Context())
	require.NoError(t, err)
	actors = actors[:3]
	pods := []any{moved.Pod(lab.DR2), returned.Pod(lab.DR1), still.Pod(lab.DR1)}
	before := groupsOf(actors)

	// As docs/operations.md says: the deployer stands still until the hub has found out.
	for _, a := range actors {
		a.Leave()
	}
	pod := ended.Pod(lab.DR1)
	require.NoError(t, l.Restore(t.Context(), lab.Hub, backup))
	moved.Settled(v1alpha1.Deployed, lab.DR2) // the spec of the backup asks for no move
	still.Settled(v1alpha1.Deployed, lab.DR1)
	// It hears one cluster before the other one, and waits for the user as soon as it knows of a later spec.
	returned.Control("it waits, and knows where the workload is", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		require.NotNil(c, drpc.Status.Waiting)
		assert.Equal(c, "SpecConfirmed", drpc.Status.Waiting.Fact)
		assert.Equal(c, "the hub was restored from a backup: the clusters already follow a newer spec, by which the workload is on cluster dr1. "+
			"This spec asks for Failover to dr2; nothing was moved", drpc.Status.Waiting.Message)
		assert.Equal(c, lab.DR1, drpc.Status.PreferredDecision.ClusterName, "the decisions of the backup are corrected")
	})
	assert.Equal(t, v1alpha1.WaitForUser, returned.DRPC().Status.Phase)
	assert.Equal(t, pods, []any{moved.Pod(lab.DR2), returned.Pod(lab.DR1), still.Pod(lab.DR1)}, "no workload was touched")
	for key, group := range groupsOf(actors) {
		assert.Equal(t, before[key].Spec.ReplicationState, group.Spec.ReplicationState, key)
	}
	for _, a := range actors {
		a.Follow()
	}

	protectAgain(t, ended)
	assert.Equal(t, pod, ended.Pod(lab.DR1))
	returned.Ask(relocateTo(lab.DR1))
	returned.Settled(v1alpha1.Relocated, lab.DR1)
	for a, home := range map[*actor]string{moved: lab.DR2, returned: lab.DR1, still: lab.DR1} {
		require.NoError(t, a.GoesOn(t.Context(), home))
		a.NothingLost()
		a.RunsOnlyOn(home)
	}
}

// protectAgain protects an application on dr1 that was let go, and that the hub finds in its backup.
func protectAgain(t *testing.T, a *actor) {
	t.Helper()
	w := a.Waits("ProtectionEnded", lab.DR1)
	assert.Contains(t, w.Message, "was removed from dr1 and dr2, and nothing is made again there")
	for _, cluster := range lab.Spokes() {
		err := a.Lab.Cluster(cluster).Client.Get(t.Context(), a.App.DRPC(), &v1alpha1.VolumeReplicationGroup{})
		assert.True(t, apierrors.IsNotFound(err), "no group is made on %s: %v", cluster, err)
	}
	assert.Nil(t, a.DRPC().Status.Decisions, "the deployer leaves things as they are")
	require.NoError(t, a.App.Unprotect(t.Context()))
	_, err := a.Disabled(t.Context(), lab.DR1)
	require.NoError(t, err)
	a.Follow()
	require.NoError(t, a.Protect(t.Context(), lab.DR1))
	a.NothingLost()
}
