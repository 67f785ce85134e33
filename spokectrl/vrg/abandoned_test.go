// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// abandon says, as the hub does, that the user gave stores up.
func (c *cluster) abandon(profiles ...string) {
	c.t.Helper()
	require.NoError(c.t, c.client.Create(c.t.Context(), &v1alpha1.DRClusterConfig{
		ObjectMeta: metav1.ObjectMeta{Name: "dr1"}, Spec: v1alpha1.DRClusterConfigSpec{AbandonedStores: profiles},
	}))
}

// TestTheEndDoesNotWaitForAnAbandonedStore : its condition has the word that gives the store up, and then it is not asked.
func TestTheEndDoesNotWaitForAnAbandonedStore(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	s.down["s3-dr2"] = true
	c.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	c.settle()
	require.NotNil(t, c.group())
	assert.Contains(t, c.message("DataReady"), "kubectl annotate --overwrite drcluster <its cluster> ramendr.openshift.io/abandon-store=s3-dr2")
	c.abandon("s3-dr2")
	asked := s.asked["s3-dr2"]
	c.settle()
	assert.Nil(t, c.group())
	assert.Empty(t, s.keys(t, "dr1"))
	assert.Empty(t, marks(c.claim("data")))
	assert.Equal(t, asked, s.asked["s3-dr2"], "it is not asked any more")
}

// TestOperationsContinueWithoutAnAbandonedStore : the group is protected by what the other store has, and is promoted from it.
func TestOperationsContinueWithoutAnAbandonedStore(t *testing.T) {
	s := newStores()
	dr1 := deployed(t, s)
	s.down["s3-dr1"] = true
	dr1.provision("more")
	dr1.settle()
	assert.Equal(t, "False/UploadError", dr1.says("ClusterDataProtected"))
	assert.Contains(t, dr1.message("ClusterDataProtected"), "abandon-store=s3-dr1")
	dr1.abandon("s3-dr1")
	dr1.settle()
	assert.Equal(t, "True/Uploaded", dr1.says("ClusterDataProtected"))
	assert.Equal(t, "stored in s3-dr2; given up, and not used: s3-dr1", dr1.message("ClusterDataProtected"))

	dr2 := newCluster(t, "dr2", s)
	dr2.abandon("s3-dr1")
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr2.settle()
	assert.Equal(t, "True/Restored", dr2.says("ClusterDataReady"))
	assert.NotNil(t, dr2.claim("more"))
}

// TestAStoreThatIsUsedAgainIsFilled : once the word is taken back, what it missed is stored there.
func TestAStoreThatIsUsedAgainIsFilled(t *testing.T) {
	s := newStores()
	c := deployed(t, s)
	c.abandon("s3-dr1")
	c.provision("more")
	c.settle()
	assert.Len(t, s.keys(t, "dr1"), 4)
	assert.Len(t, s.keys(t, "dr2"), 6)
	c.remove(&v1alpha1.DRClusterConfig{}, "dr1")
	c.settle()
	assert.Len(t, s.keys(t, "dr1"), 6)
	assert.Equal(t, "stored in s3-dr1, s3-dr2", c.message("ClusterDataProtected"))
}

// TestNothingIsRestoredFromStoresThatWereAllAbandoned : a group that was stored does not begin with nothing, unless the user
// accepts that. One that runs is told to have no store.
func TestNothingIsRestoredFromStoresThatWereAllAbandoned(t *testing.T) {
	s := newStores()
	dr1 := deployed(t, s)
	dr1.abandon("s3-dr1", "s3-dr2")
	dr1.settle()
	assert.Equal(t, "True/Ready", dr1.says("DataReady"))
	assert.Equal(t, "False/UploadError", dr1.says("ClusterDataProtected"))
	assert.Contains(t, dr1.message("ClusterDataProtected"), "name an S3 profile of another store in s3ProfileName of a DRCluster")

	dr2 := newCluster(t, "dr2", s)
	dr2.abandon("s3-dr1", "s3-dr2")
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover), func(g *v1alpha1.VolumeReplicationGroup) {
		g.Annotations[v1alpha1.AnnotationSigners] = dr1.group().Status.SigningKey
	})
	dr2.settle()
	assert.Equal(t, "False/StoredMetadataMissing", dr2.says("NoClusterDataConflict"))
	assert.Equal(t, "False/Progressing", dr2.says("DataReady"))
	dr1.clock.Step(time.Hour)
	dr1.remove(&v1alpha1.VolumeReplicationGroup{}, ns, name)
	dr1.settle()
	assert.Nil(t, dr1.group(), "and it can end")
}
