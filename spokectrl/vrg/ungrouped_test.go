// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestVolumesThatCouldBeAConsistencyGroupAreNamed : each is replicated on its own, and what the hub offers is not silently left out.
func TestVolumesThatCouldBeAConsistencyGroupAreNamed(t *testing.T) {
	grouping := func(is bool) func(*v1alpha1.VolumeReplicationGroup) {
		return func(g *v1alpha1.VolumeReplicationGroup) {
			g.Spec.Async.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "lab-rep", ReplicationID: "lab-rep-1", StorageID: []string{"lab-dr1", "lab-dr2"}, Grouping: is}}
		}
	}
	c := newCluster(t, "dr1", newStores())
	c.provision("data")
	c.wish(v1alpha1.Primary, "1", grouping(true))
	c.settle()
	assert.Equal(t, "all volumes are primary", c.message("DataReady"), "one alone needs no group")
	c.provision("log")
	c.settle()
	assert.Equal(t, "True/Ready", c.says("DataReady"))
	assert.Equal(t, "all volumes are primary; volumes of StorageClass lab-rep are replicated each on its own, although spec.async.peerClasses says grouping: consistency groups are not supported",
		c.message("DataReady"))
	c.wish(v1alpha1.Primary, "1", grouping(false))
	c.settle()
	assert.Equal(t, "all volumes are primary", c.message("DataReady"))
}
