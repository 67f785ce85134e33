// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// record has the DRCluster record an identity, as when a mirror connects, or when the user accepts another cluster.
func (h *hub) record(cluster, identity string) {
	h.t.Helper()
	dc := &v1alpha1.DRCluster{}
	require.True(h.t, h.get(dc, client.ObjectKey{Name: cluster}))
	dc.Status.ClusterID = identity
	require.NoError(h.t, h.api.Update(h.t.Context(), dc))
}

// identified is withVolSync, on clusters that are recorded.
func identified(t *testing.T, volumes ...string) *hub {
	t.Helper()
	h := newHub(t, newDRPC())
	h.volumes = volumes
	for _, c := range []string{"dr1", "dr2"} {
		h.spokes[c].identity = c + "-a"
		h.record(c, c+"-a")
	}
	h.settle()
	return h
}

// replace puts an empty cluster in the place of one. Until the user accepts it, its mirror says nothing but that it is there.
func (h *hub) replace(cluster string) {
	h.t.Helper()
	*h.spokes[cluster] = spoke{identity: cluster + "-b", made: 10}
	h.links.state[cluster] = exchange.Link{State: exchange.LinkReplaced, LastRenewal: h.clock.Now(), Stranger: cluster + "-b"}
}

// acceptCluster is what happens when the user accepts it: the hub records it, and its mirror connects.
func (h *hub) acceptCluster(cluster string) {
	h.t.Helper()
	h.record(cluster, cluster+"-b")
	h.connect(cluster)
	h.tell(cluster)
}

// wipe deletes the namespace of the application on a cluster, with all that is in it. The mirror re-creates the group.
func (h *hub) wipe(cluster string) {
	h.t.Helper()
	s := h.spokes[cluster]
	*s = spoke{identity: s.identity, made: s.made}
	h.obey(cluster)
}

const atRest = "dr1 sends data to data.dr2, dr1 sends logs to logs.dr2, dr2 holds data, dr2 holds logs"

func TestX13_AReplacedHomeIsToldAndTheCopiesOnThePeerStay(t *testing.T) {
	h := identified(t, "data", "logs")
	require.Equal(t, atRest, h.toldOfVolSync())
	h.replace("dr1")
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	c := h.condition("Available")
	assert.Equal(t, "ClusterReplaced", c.Reason)
	assert.Contains(t, c.Message, "another cluster, dr1-b, uses the name dr1, and its reports are ignored")

	h.acceptCluster("dr1")
	h.settle()
	assert.Equal(t, "WaitForUser/Paused [dr1 Retain] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.False(t, h.spokes["dr1"].has, "the wish for the old cluster was carried out on the new one")
	assert.Equal(t, atRest, h.toldOfVolSync())
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, "VolumesLost", w.Fact)
	assert.Equal(t, "dr1", w.Cluster)
	assert.Contains(t, w.Message, "cluster dr1 was replaced")
	assert.Contains(t, w.NextStep, "to bring the data back from dr2, set action Failover and failoverCluster to dr2")
	assert.Contains(t, w.NextStep, "kubectl -n shop annotate drpc db --overwrite ramendr.openshift.io/accept-loss=replaced/dr1/dr1-b")
	for _, kind := range []string{"Available", "Ready", "Protected"} {
		assert.Equal(t, "False", string(h.condition(kind).Status), kind)
	}

	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, []string{"data", "logs"}, h.spokes["dr2"].volumes, "the copies became the volumes")
	assert.Equal(t, "dr1 holds data, dr1 holds logs, dr2 sends data to data.dr1, dr2 sends logs to logs.dr1", h.toldOfVolSync())
	assert.Equal(t, "dr1-b", h.wish("dr1").Annotations["exchange.ramendr.openshift.io/spoke-id"])
	h.pass()
	assert.Empty(t, h.wrote())
}

func TestX13_AFailoverAwayFromAReplacedHomeNeedsNoAcceptance(t *testing.T) {
	h := identified(t, "data", "logs")
	h.replace("dr1")
	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, "ClusterReplaced", w.Fact)
	assert.Contains(t, w.NextStep, "kubectl annotate drcluster dr1 ramendr.openshift.io/accept-cluster=dr1-b --overwrite")
	assert.Equal(t, "True", string(h.condition("Available").Status))
	assert.Equal(t, "True", string(h.condition("Stalled").Status), "nothing but the user ends it")

	h.acceptCluster("dr1")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, v1alpha1.SecondaryState, h.spokes["dr1"].state)
}

func TestX13_OnlyTheUserLetsAnEmptyHomeTakeThePlaceOfTheOldOne(t *testing.T) {
	h := identified(t, "data", "logs")
	h.replace("dr1")
	h.acceptCluster("dr1")
	h.ask(func(d *v1alpha1.DRPlacementControl) {
		d.Annotations["ramendr.openshift.io/accept-loss"] = "replaced/dr1/another,replaced/dr2/dr1-b,dr1-b"
	})
	h.settle()
	require.Equal(t, "WaitForUser/Paused [dr1 Retain] dr1:primary@1 dr2:secondary@1", h.shows(), "the word is about something else")
	h.ask(func(d *v1alpha1.DRPlacementControl) {
		d.Annotations["ramendr.openshift.io/accept-loss"] = "replaced/dr1/dr1-b"
	})
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@2 dr2:secondary@1", h.shows())
	assert.Equal(t, v1alpha1.PrimaryState, h.spokes["dr1"].state)
	assert.Equal(t, atRest, h.toldOfVolSync())

	// The word was about that cluster, not about what happens on it later.
	h.wipe("dr1")
	h.settle()
	assert.Equal(t, "WaitForUser/Paused [dr1 Retain] dr1:primary@2 dr2:secondary@1", h.shows())
	assert.Contains(t, h.drpc().Status.Waiting.NextStep, "accept-loss=replaced/dr1/dr1-12, and")
}

func TestX13_AReplacedPeerIsFilledAgain(t *testing.T) {
	h := identified(t, "data", "logs")
	h.replace("dr2")
	h.settle()
	assert.Equal(t, "ClusterReplaced", h.condition("PeerReady").Reason)
	h.acceptCluster("dr2")
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, []string{"data", "logs"}, h.spokes["dr2"].copies)
	assert.Equal(t, "True", string(h.condition("PeerReady").Status))
}

func TestX13_WhatAGroupThatWasMadeAnewLacksIsNotGone(t *testing.T) {
	h := identified(t, "data", "logs")
	h.wipe("dr1")
	h.pass()
	assert.Equal(t, "WaitForUser/Paused [dr1 Retain] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, "dr2 holds data, dr2 holds logs", h.toldOfVolSync(), "what is made there now must not be sent over the copies")
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Contains(t, w.Message, "cluster dr1 has lost volumes of which dr2 holds copies: VolumeReplicationGroup shop/db is another object than the one that reported shop/data, shop/logs")
	assert.Contains(t, w.NextStep, "accept-loss=replaced/dr1/dr1-2")
	h.settle()
	assert.Equal(t, "dr2 holds data, dr2 holds logs", h.toldOfVolSync())
	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, []string{"data", "logs"}, h.spokes["dr2"].volumes)
}

func TestX13_TheLossOfAGroupCanBeAccepted(t *testing.T) {
	h := identified(t, "data", "logs")
	h.wipe("dr1")
	h.settle()
	h.ask(func(d *v1alpha1.DRPlacementControl) {
		d.Annotations["ramendr.openshift.io/accept-loss"] = "replaced/dr1/dr1-2"
	})
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, atRest, h.toldOfVolSync(), "the volumes that the workload makes now are protected")
	assert.Equal(t, "dr1-a/dr1-2", h.wish("dr2").Annotations["exchange.ramendr.openshift.io/destinations-of"])
}

func TestX13_AGroupThatWasMadeAnewAndHasItsVolumesGoesOn(t *testing.T) {
	h := identified(t, "data", "logs")
	s := h.spokes["dr1"]
	*s = spoke{identity: s.identity, made: s.made, volumes: []string{"data", "logs"}, inUse: true} // only the group was deleted
	h.obey("dr1")
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, atRest, h.toldOfVolSync())
	assert.Equal(t, "dr1-a/dr1-2", h.wish("dr2").Annotations["exchange.ramendr.openshift.io/destinations-of"])
}

func TestX13_AVolumeThatTheUserDeletesIsGoneAllTheSame(t *testing.T) {
	h := identified(t, "data", "logs")
	h.volumes = []string{"data"}
	h.settle()
	assert.Equal(t, "dr1 sends data to data.dr2, dr2 holds data", h.toldOfVolSync())
}

func TestX13_AReportOfAnEarlierClusterIsNotBelieved(t *testing.T) {
	h := identified(t, "data")
	h.record("dr1", "dr1-b") // the report of dr1-a is still in the inbox
	h.pass()
	assert.Equal(t, "WaitForUser/Paused [dr1 Retain] dr1:primary@1 dr2:secondary@1", h.shows())
	h.disable()
	h.spokes["dr1"].identity = "dr1-b"
	*h.spokes["dr1"] = spoke{identity: "dr1-b"}
	h.tell("dr1")
	h.settle()
	assert.Equal(t, "gone", h.shows())
}
