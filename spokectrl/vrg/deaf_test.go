// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// storageSays changes what csi-addons says of a volume.
func (c *cluster) storageSays(claim string, change func(*replicationv1.VolumeReplication)) {
	c.t.Helper()
	vr := c.replica(claim)
	require.NotNil(c.t, vr)
	change(vr)
	require.NoError(c.t, c.client.Status().Update(c.t.Context(), vr))
}

// TestASideThatWasDemotedStaysATarget : from then on its storage may lose sight of the peer, for a moment as its driver is restarted, or
// for good as the peer is lost. A failover to this side reads nothing of the failed one, not even by way of the storage (I8).
func TestASideThatWasDemotedStaysATarget(t *testing.T) {
	following := func(vr *replicationv1.VolumeReplication) {
		set(vr, "Degraded", metav1.ConditionTrue, "VolumeDegraded")
		set(vr, "Resyncing", metav1.ConditionTrue, "ResyncTriggered")
	}
	fails := func(reason string) func(*replicationv1.VolumeReplication) {
		return func(vr *replicationv1.VolumeReplication) {
			set(vr, "Completed", metav1.ConditionFalse, reason)
			set(vr, "Degraded", metav1.ConditionTrue, "Error")
			set(vr, "Resyncing", metav1.ConditionFalse, "FailedToResync")
			vr.Status.Message = "failed to connect to the remote cluster"
		}
	}
	for name, tc := range map[string]struct {
		action v1alpha1.VRGAction
		then   func(*replicationv1.VolumeReplication)
	}{
		"after a relocate":                {v1alpha1.VRGActionRelocate, fails("FailedToResync")},
		"after a failover and the return": {v1alpha1.VRGActionFailover, fails("FailedToResync")},
		"while the driver is restarted":   {v1alpha1.VRGActionFailover, fails("FailedToDemote")},
		"while csi-addons has not looked": {v1alpha1.VRGActionRelocate, func(vr *replicationv1.VolumeReplication) { vr.Status.ObservedGeneration-- }},
	} {
		t.Run(name, func(t *testing.T) {
			c := deployed(t, newStores())
			c.wish(v1alpha1.Secondary, "1", action(tc.action), peerServes)
			c.settle()
			c.storageSays("data", following)
			c.settle()
			require.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)

			c.storageSays("data", tc.then)
			c.settle()
			assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
			assert.Equal(t, "False/Progressing", c.says("DataReady"), "it is told")
			assert.Equal(t, "False/Replicating", c.says("DataProtected"), "and it is no proof that nothing is missing here")
			if c.replica("data").Status.Message != "" {
				assert.Contains(t, c.message("DataReady"), "failed to connect to the remote cluster")
			}

			c.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
			c.settle()
			assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State, c.message("DataReady"))
		})
	}
}

// TestASideThatWasNotDemotedIsNoTarget : what its storage is still making again has no content, and what it has not sent is nowhere else.
func TestASideThatWasNotDemotedIsNoTarget(t *testing.T) {
	c := deployed(t, newStores())
	c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionFailover), peerServes)
	_, err := c.pass()
	require.NoError(t, err)
	c.storageSays("data", func(vr *replicationv1.VolumeReplication) {
		vr.Status = replicationv1.VolumeReplicationStatus{State: replicationv1.SecondaryState, ObservedGeneration: vr.Generation, Message: "awaiting initial resync"}
		set(vr, "Completed", metav1.ConditionFalse, "FailedToResync")
	})
	c.settle()
	assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State)
	assert.Contains(t, c.message("DataReady"), "awaiting initial resync")
}
