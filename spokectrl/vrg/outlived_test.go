// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
)

// movingAway is a group in another namespace than its application, which has sent the application away.
func movingAway(t *testing.T, s *stores) *cluster {
	t.Helper()
	c := spanning(t, "dr1", s)
	require.NoError(t, c.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}))
	c.provisionIn("shop")
	c.wish(v1alpha1.Primary, "1", listing("shop"), mirrored)
	c.settle()
	c.wish(v1alpha1.Primary, "1", listing("shop"), finalSync)
	c.settle()
	require.True(t, c.group().Status.FinalSyncComplete)
	return c
}

// pruneShop deletes the namespace of the application, as far as what is held in it lets it; end ends that.
func (c *cluster) pruneShop() (end func()) {
	c.t.Helper()
	end = c.terminate("shop")
	c.remove(&replicationv1.VolumeReplication{}, "shop", "data")
	c.remove(&corev1.PersistentVolumeClaim{}, "shop", "data")
	return end
}

func (c *cluster) requireSevered(message string) {
	c.t.Helper()
	require.Equal(c.t, v1alpha1.UnknownState, c.group().Status.State)
	assert.Equal(c.t, "False/Interrupted", c.says("DataReady"))
	assert.Equal(c.t, "False/Interrupted", c.says("DataProtected"))
	assert.Contains(c.t, c.message("DataReady"), message)
}

// TestX14_AGroupThatOutlivesItsNamespaceIsNotSecondary : the deployer prunes the namespace of the application as its last act, and is
// faster than the demotion. What was written last is on no peer.
func TestX14_AGroupThatOutlivesItsNamespaceIsNotSecondary(t *testing.T) {
	for name, s3 := range map[string]func(s *stores){
		"": func(*stores) {}, "with silent stores": func(s *stores) { s.down["s3-dr1"], s.down["s3-dr2"] = true, true },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			c := movingAway(t, s)
			c.wish(v1alpha1.Secondary, "1", listing("shop"), relocating)
			s3(s)
			end := c.pruneShop()
			_, err := c.pass()
			require.NoError(t, err)
			assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State)
			assert.NotEqual(t, "True", c.says("DataProtected")[:4])
			c.settle()
			require.Nil(t, c.claimIn("shop"), "nothing of ours holds the namespace")
			c.requireSevered("Their volumes are retained here")
			end()
			c.settle()
			assert.Equal(t, v1alpha1.UnknownState, c.group().Status.State)
			clear(s.down)
			c.clock.Step(archive.Pause)
			c.settle()
			c.requireSevered("shop/data")

			c.wish(v1alpha1.Primary, "2", listing("shop"), mirrored, action(v1alpha1.VRGActionFailover))
			c.settle()
			assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State)
			assert.Equal(t, "pv-shop", c.claimIn("shop").Spec.VolumeName)
		})
	}
}

// The user may give up what only this side had.
func TestX14_AGroupThatOutlivedItsNamespaceFollowsAFailoverToThePeer(t *testing.T) {
	c := movingAway(t, newStores())
	c.wish(v1alpha1.Secondary, "1", listing("shop"), relocating)
	end := c.pruneShop()
	c.settle()
	end()
	c.settle()
	c.requireSevered("shop/data")
	c.wish(v1alpha1.Secondary, "2", listing("shop"), mirrored, action(v1alpha1.VRGActionFailover))
	c.settle()
	assert.Contains(t, c.message("DataReady"), "pv-shop (claim shop/data)", "and no word of what was severed")
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, c.pv("pv-shop").Spec.PersistentVolumeReclaimPolicy)
}

// A namespace may go as soon as all of it was demoted: the hub waits for nothing then.
func TestAGroupThatOutlivesItsNamespaceStaysSecondary(t *testing.T) {
	c := movingAway(t, newStores())
	c.wish(v1alpha1.Secondary, "1", listing("shop"), relocating)
	c.settle()
	require.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
	end := c.pruneShop()
	for range 4 {
		_, err := c.pass()
		require.NoError(t, err)
		require.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
		c.neighbors()
	}
	require.Nil(t, c.claimIn("shop"))
	end()
	c.settle()
	assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State)
	assert.Equal(t, "True", c.says("DataProtected")[:4])
}

// TestX14_AGroupThatGoesAfterItsVolumesIsNotSecondary : it lies in the namespace that is pruned, and its turn comes last.
func TestX14_AGroupThatGoesAfterItsVolumesIsNotSecondary(t *testing.T) {
	c := protectedPrimary(t, newStores())
	c.wish(v1alpha1.Primary, "1", finalSync)
	c.settle()
	c.wish(v1alpha1.Secondary, "1", relocating)
	c.terminate(ns)
	c.remove(&replicationv1.VolumeReplication{}, ns, "data")
	c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
	c.settle()
	require.Nil(t, c.claim("data"))
	c.requireSevered("Their volumes are retained here")
}

// TestX14_AnEmptiedStoreIsNoWordForASilentOne : what only one of two stores could tell is not known.
func TestX14_AnEmptiedStoreIsNoWordForASilentOne(t *testing.T) {
	s := newStores()
	dr1, dr2 := protectedPair(t, s)
	told := signers(dr1, dr2)
	bucket := s.bucket(t, "dr2")
	keys, err := bucket.List(t.Context(), "")
	require.NoError(t, err)
	require.NoError(t, bucket.Delete(t.Context(), keys...))
	s.down["s3-dr1"] = true

	again := newCluster(t, "dr1", s)
	again.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate), told)
	again.settle()
	assert.Equal(t, v1alpha1.UnknownState, again.group().Status.State)
	assert.Contains(t, again.message("DataReady"), "it is not known whether this cluster was Primary")
}
