// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func TestAVolumeWhosePVIsLostStaysStored(t *testing.T) {
	for name, phase := range map[string]corev1.PersistentVolumeClaimPhase{"nobody noticed yet": corev1.ClaimBound, "the claim is lost": corev1.ClaimLost} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			dr1, dr2 := newCluster(t, "dr1", s), newCluster(t, "dr2", s)
			dr1.provision("data")
			dr1.provision("more")
			dr1.wish(v1alpha1.Primary, "1")
			dr1.settle()
			lost := dr1.pv("pv-data")
			dr1.remove(&corev1.PersistentVolume{}, "pv-data")
			claim := dr1.claim("data")
			claim.Status.Phase = phase
			require.NoError(t, dr1.client.Status().Update(t.Context(), claim))
			dr1.settle()
			assert.Equal(t, "False/Error", dr1.says("DataReady"))
			assert.Contains(t, dr1.message("DataReady"), "PersistentVolume pv-data")
			assert.Contains(t, dr1.message("DataReady"), "action Failover")
			require.NotNil(t, dr1.replica("data"))

			more := dr1.claim("more") // what is stored of others goes on changing
			more.Labels["tier"] = "db"
			require.NoError(t, dr1.client.Update(t.Context(), more))
			dr1.settle()
			dr1.restart(s)
			dr1.settle()
			for _, bucket := range []string{"dr1", "dr2"} {
				assert.Contains(t, s.keys(t, bucket), "app/drpc/v1.PersistentVolume/pv-data")
				assert.Contains(t, s.keys(t, bucket), "app/drpc/v1.PersistentVolumeClaim/app/data")
			}
			dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
			dr2.settle()
			assert.Equal(t, "True/Restored", dr2.says("ClusterDataReady"))
			assert.Equal(t, corev1.ClaimBound, dr2.claim("data").Status.Phase)
			assert.Equal(t, "db", dr2.claim("more").Labels["tier"])

			s = newStores() // on the first cluster the user brings it back, before any failover
			lost.ResourceVersion = ""
			require.NoError(t, dr1.client.Create(t.Context(), lost))
			claim = dr1.claim("data")
			claim.Status.Phase = corev1.ClaimBound
			require.NoError(t, dr1.client.Status().Update(t.Context(), claim))
			dr1.restart(s)
			dr1.settle()
			assert.Equal(t, "True/Ready", dr1.says("DataReady"))
		})
	}
}

func TestAClaimThatIsDeletedInUseStaysStoredUntilItIsFree(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	c.run("p", "data")
	c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
	c.settle()
	require.NotNil(t, c.claim("data"))
	require.NotNil(t, c.replica("data"), "it is still written")
	assert.Contains(t, s.keys(t, "dr2"), "app/drpc/v1.PersistentVolume/pv-data", "a failover may be its rescue")
	c.remove(&corev1.Pod{}, ns, "p")
	c.settle()
	assert.Nil(t, c.claim("data"))
	assert.NotContains(t, s.keys(t, "dr2"), "app/drpc/v1.PersistentVolume/pv-data")
}
