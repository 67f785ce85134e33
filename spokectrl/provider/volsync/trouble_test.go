// SPDX-License-Identifier: Apache-2.0

package volsync_test

import (
	"testing"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// TestWhatVolSyncComplainsOfInEachSynchronizationIsNoTrouble: its messages, as VolSync 0.14 wrote them on clusters of kind in
// each synchronization, for less than a second. DataProtected must not go and come with them.
func TestWhatVolSyncComplainsOfInEachSynchronizationIsNoTrouble(t *testing.T) {
	for message, trouble := range map[string]bool{
		`Operation cannot be fulfilled on jobs.batch "volsync-rsync-tls-src-copied": the object has been modified; please apply your changes to the latest version and try again`: false,
		`volumesnapshots.snapshot.storage.k8s.io "volsync-copied-src" not found`:                                                                                                  false,
		`persistentvolumeclaims "volsync-copied-src" already exists`:                                                                                                              false,
		`persistentvolumeclaims "copied" not found`:                                                                                                                               true,
		`jobs.batch "volsync-rsync-tls-src-copied" is forbidden: exceeded quota: pods, requested: 1`:                                                                              true,
	} {
		t.Run(message, func(t *testing.T) {
			condition := []metav1.Condition{{
				Type: volsyncv1.ConditionSynchronizing, Status: metav1.ConditionFalse, Reason: volsyncv1.SynchronizingReasonError, Message: message,
			}}
			ctx, c, v := t.Context(), cluster(t, snapshotClass("snap")), volume()
			tell(ctx, t, c, v, plan.Primary)
			sync(ctx, t, c)
			rs := source(ctx, t, c)
			rs.Status.Conditions = condition
			require.NoError(t, c.Status().Update(ctx, rs))
			is := observe(t, c, v).Protected
			assert.Equal(t, !trouble, is.Status == metav1.ConditionTrue, "%s: %s", is.Reason, is.Message)
			if trouble {
				assert.Contains(t, is.Message, message)
			}

			peer := receiving(t)
			rd := peer.destination()
			rd.Status = &volsyncv1.ReplicationDestinationStatus{Conditions: condition}
			require.NoError(t, peer.c.Status().Update(ctx, rd))
			assert.Equal(t, trouble, peer.only().Trouble != "", peer.only().Trouble)
		})
	}
}

// TestAMoverThatFailsIsATrouble though VolSync says that a synchronization is in progress: as VolSync 0.14 told on kind of a
// peer that did not answer.
func TestAMoverThatFailsIsATrouble(t *testing.T) {
	conditions := []metav1.Condition{{
		Type: volsyncv1.ConditionSynchronizing, Status: metav1.ConditionTrue, Reason: volsyncv1.SynchronizingReasonSync, Message: "Synchronization in-progress",
	}}
	failed := &volsyncv1.MoverStatus{
		Result: volsyncv1.MoverResultFailed, Logs: "Syncronization failed. Retrying in 32 seconds. Retry 5/5.\nrsync error: error starting client-server protocol (code 5)\n",
	}
	const says = "VolSync says that its mover failed: rsync error: error starting client-server protocol (code 5)"
	ctx, c, v := t.Context(), cluster(t, snapshotClass("snap")), volume()
	tell(ctx, t, c, v, plan.Primary)
	sync(ctx, t, c)
	rs := source(ctx, t, c)
	rs.Status.Conditions, rs.Status.LatestMoverStatus = conditions, failed
	require.NoError(t, c.Status().Update(ctx, rs))
	is := observe(t, c, v).Protected
	assert.Equal(t, "Error", is.Reason)
	assert.Equal(t, "the volume is not synchronized: "+says, is.Message)

	rs.Status.LatestMoverStatus = &volsyncv1.MoverStatus{Result: volsyncv1.MoverResultSuccessful, Logs: "rsync completed in 3s"}
	require.NoError(t, c.Status().Update(ctx, rs))
	assert.Equal(t, metav1.ConditionTrue, observe(t, c, v).Protected.Status)

	peer := receiving(t)
	rd := peer.destination()
	rd.Status = &volsyncv1.ReplicationDestinationStatus{Conditions: conditions, LatestMoverStatus: failed}
	require.NoError(t, peer.c.Status().Update(ctx, rd))
	assert.Equal(t, says, peer.only().Trouble)
}
