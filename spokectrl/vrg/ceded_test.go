// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// rename hands the volume of claim data to claim renamed, as tools do that import volumes: data is lost.
func (c *cluster) rename(change ...func(*corev1.PersistentVolumeClaim)) {
	c.t.Helper()
	ctx := c.t.Context()
	c.provision("renamed", change...)
	c.remove(&corev1.PersistentVolume{}, "pv-renamed")
	claim := c.claim("renamed")
	claim.Spec.VolumeName = "pv-data"
	require.NoError(c.t, c.client.Update(ctx, claim))
	pv := c.pv("pv-data")
	pv.Spec.ClaimRef.Name, pv.Spec.ClaimRef.UID = "renamed", claim.UID
	require.NoError(c.t, c.client.Update(ctx, pv))
	lost := c.claim("data")
	lost.Status.Phase = corev1.ClaimLost
	require.NoError(c.t, c.client.Status().Update(ctx, lost))
}

// TestAVolumeIsOfTheClaimThatItNames : a claim that gave its volume to another one is left out, and the volume is restored.
func TestAVolumeIsOfTheClaimThatItNames(t *testing.T) {
	for name, unprotect := range map[string]string{"by default": "", "where single volumes are never released": "volumeUnprotectionEnabled: false\n"} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			c, peer := deployed(t, s), newCluster(t, "dr2", s)
			config := get(c, &corev1.ConfigMap{}, "ramen-system", "ramen-dr-cluster-operator-config")
			config.Data["ramen_manager_config.yaml"] += unprotect
			require.NoError(t, c.client.Update(t.Context(), config))
			c.provision("more")
			c.settle()
			c.rename()

			_, err := c.pass()
			require.NoError(t, err)
			assert.Nil(t, c.replica("renamed"), "the end of the old replica would end the new one's replication")
			assert.Contains(t, c.message("DataReady"), "claim data had the volume before")
			c.settle()
			assert.Equal(t, "True/Ready", c.says("DataReady"), c.message("DataReady"))
			assert.Contains(t, c.message("DataReady"), "data (PersistentVolume pv-data belongs to claim app/renamed)")
			assert.Nil(t, c.replica("data"))
			require.NotNil(t, c.replica("renamed"))
			assert.Equal(t, corev1.PersistentVolumeReclaimRetain, c.pv("pv-data").Spec.PersistentVolumeReclaimPolicy)
			assert.NotContains(t, s.keys(t, "dr1"), "app/drpc/v1.PersistentVolumeClaim/app/data")

			c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
			c.settle()
			assert.Nil(t, c.claim("data"))
			require.NotNil(t, c.replica("renamed"))
			assert.Equal(t, corev1.PersistentVolumeReclaimRetain, c.pv("pv-data").Spec.PersistentVolumeReclaimPolicy)

			peer.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
			peer.settle()
			assert.Equal(t, v1alpha1.PrimaryState, peer.group().Status.State, peer.message("DataReady"))
			for _, claim := range []string{"renamed", "more"} {
				require.NotNil(t, get(peer, &corev1.PersistentVolumeClaim{}, ns, claim), claim)
			}
			assert.True(t, client.IgnoreNotFound(peer.client.Get(t.Context(), client.ObjectKey{Namespace: ns, Name: "data"}, &corev1.PersistentVolumeClaim{})) == nil)
		})
	}
}

// TestAVolumeThatWentToAClaimThatIsNotSelected stays replicated and stored under its old name, until somebody says whose it is.
func TestAVolumeThatWentToAClaimThatIsNotSelected(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	c.rename(func(claim *corev1.PersistentVolumeClaim) { claim.Labels = nil })
	c.settle()
	require.NotNil(t, c.replica("data"), "its end would end the peer's copy")
	assert.Nil(t, c.replica("data").DeletionTimestamp)
	assert.Contains(t, s.keys(t, "dr1"), "app/drpc/v1.PersistentVolumeClaim/app/data")
	assert.Equal(t, "False/Error", c.says("DataReady"))
	assert.Contains(t, c.message("DataReady"), "Give claim app/renamed the labels of the group's selector")

	renamed := c.claim("renamed")
	renamed.Labels = map[string]string{"app": "x"}
	require.NoError(t, c.client.Update(t.Context(), renamed))
	c.settle()
	assert.Equal(t, "True/Ready", c.says("DataReady"), c.message("DataReady"))
	assert.Nil(t, c.replica("data"))
	require.NotNil(t, c.replica("renamed"))
	assert.Contains(t, s.keys(t, "dr1"), "app/drpc/v1.PersistentVolumeClaim/app/renamed")
	assert.NotContains(t, s.keys(t, "dr1"), "app/drpc/v1.PersistentVolumeClaim/app/data")
}
