// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// again is the application as Git knows it: another UID, nothing in its status.
func again(edits ...func(*v1alpha1.DRPlacementControl)) *v1alpha1.DRPlacementControl {
	return newDRPC(append(edits, func(d *v1alpha1.DRPlacementControl) { d.UID = "drpc-again" })...)
}

func TestANewHubAdoptsWhatRuns(t *testing.T) {
	h := deployed(t)
	before := []spoke{*h.spokes["dr1"], *h.spokes["dr2"]}
	h.rebuild("hub-2", again())
	assert.Equal(t, []string{
		"hold drpc db",
		"wish dr1 primary epoch 1 adopting dr1-1",
		"wish dr2 secondary epoch 1 adopting dr2-1",
		"decisions [dr1 Run]",
	}, h.settle())
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	for i, name := range []string{"dr1", "dr2"} {
		s := h.spokes[name]
		assert.Equal(t, before[i].spec, s.spec, "the same spec (I6)")
		assert.Equal(t, before[i].stamp.SpokeGeneration, s.stamp.SpokeGeneration)
		assert.Equal(t, "hub-2", s.stamp.Origin)
		assert.Equal(t, "drpc-again", h.wish(name).Annotations["drplacementcontrol.ramendr.openshift.io/drpc-uid"])
	}
}

// TestAnAdoptedWishIsWrittenOnceWithAllItsAnnotations: what a second write would add could be missing for as long as the hub is down, and
// a cluster would be told something else than it obeys.
func TestAnAdoptedWishIsWrittenOnceWithAllItsAnnotations(t *testing.T) {
	retaining := func(d *v1alpha1.DRPlacementControl) { d.Spec.RetainNamespaceSCCAcrossPeers = true }
	home := func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.PreferredCluster = "", "dr2" }
	for name, tc := range map[string]struct {
		volumes []string
		lose    func(*hub)
		want    []string // of the wish for dr1, besides those that each wish has
	}{
		"by a new hub": {lose: func(h *hub) {
			h.rebuild("hub-2", again(retaining, home))
		}, want: []string{exchange.AnnotationAdoptUID}},
		"by a new hub that is to protect other volumes": {lose: func(h *hub) {
			h.rebuild("hub-2", again(retaining, home, func(d *v1alpha1.DRPlacementControl) { d.Spec.PVCSelector.MatchLabels["tier"] = "2" }))
		}, want: []string{exchange.AnnotationAdoptUID, exchange.AnnotationScopeKept}},
		"by a hub that was restored from a backup":                      {want: []string{exchange.AnnotationRecalled}},
		"by a hub that was restored from a backup, with copied volumes": {volumes: []string{"data"}, want: []string{exchange.AnnotationRecalled, exchange.AnnotationDestinationsOf}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, newDRPC(retaining))
			h.volumes = tc.volumes
			h.spokes["dr1"].key, h.spokes["dr2"].key = keyNamed('1'), keyNamed('2')
			h.spokes["dr1"].waits, h.spokes["dr2"].waits = true, true
			h.signs()
			h.settle()
			backup := h.backup()
			h.relocate("dr2")
			h.settle()
			h.ask(home)
			h.settle()
			h.house("dr2", nil, map[string]string{"openshift.io/sa.scc.uid-range": "1000680000/10000"})
			h.pass()
			h.obey("dr1")
			h.settle()
			if tc.lose == nil {
				tc.lose = func(h *hub) { h.restore(backup) }
			}
			tc.lose(h)
			h.signs()
			var wrote []string
			annotations := map[string]map[string]string{}
			for range 4 {
				h.pass()
				wrote = append(wrote, h.wrote()...)
				for _, cluster := range []string{"dr1", "dr2"} {
					if w := h.wish(cluster); w != nil && annotations[cluster] == nil && countOf(wrote, "wish "+cluster) > 0 {
						annotations[cluster] = w.Annotations
					}
				}
			}
			wrote = append(wrote, h.settle()...)
			for _, cluster := range []string{"dr1", "dr2"} {
				if cluster == "dr2" && tc.volumes != nil {
					continue // whether its workload was sent away is not known before it is seen in use
				}
				assert.Equal(t, 1, countOf(wrote, "wish "+cluster), "%s: %v", cluster, wrote)
				assert.Equal(t, h.wish(cluster).Annotations, annotations[cluster], cluster)
			}
			for _, key := range append(tc.want, v1alpha1.AnnotationPeerServes, v1alpha1.AnnotationNamespaceRanges, v1alpha1.AnnotationSigners, v1alpha1.AnnotationClusterKeys) {
				assert.NotEmpty(t, annotations["dr1"][key], key)
			}
		})
	}
}

// signs has both clusters tell the keys that they sign with.
func (h *hub) signs() {
	h.t.Helper()
	for _, cluster := range []string{"dr1", "dr2"} {
		config, is := &v1alpha1.DRClusterConfig{}, &v1alpha1.DRCluster{}
		require.True(h.t, h.get(config, clientKey("", cluster)))
		require.True(h.t, h.get(is, clientKey("", cluster)))
		config.Status.ClusterID, config.Status.SigningKey = is.Status.ClusterID, h.spokes[cluster].key
		require.NoError(h.t, h.api.Update(h.t.Context(), config))
	}
}

// countOf is how many of lines begin with a text.
func countOf(lines []string, with string) int {
	n := 0
	for _, line := range lines {
		if strings.HasPrefix(line, with) {
			n++
		}
	}
	return n
}

func TestANewHubThatKnowsNoClassesYetTakesNoneAway(t *testing.T) {
	h := deployed(t)
	h.rebuild("hub-2", again())
	h.policy(func(p *v1alpha1.DRPolicy) { p.Status = v1alpha1.DRPolicyStatus{} })
	require.NoError(t, h.api.Delete(t.Context(), cluster("dr1", "")))
	require.NoError(t, h.api.Delete(t.Context(), cluster("dr2", "")))
	h.settle()
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	assert.Equal(t, []string{"s3-a", "s3-b"}, h.wish("dr1").Spec.S3Profiles)
	assert.Len(t, h.wish("dr1").Spec.Async.PeerClasses, 1)
}

func TestANewHubFindsAFailoverDoneThatGitStillAsksFor(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.settle()
	h.rebuild("hub-2", again(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.FailoverCluster = "Failover", "dr2" }))
	assert.Equal(t, []string{
		"hold drpc db",
		"wish dr1 secondary for Failover epoch 2 adopting dr1-1",
		"wish dr2 primary for Failover epoch 2 adopting dr2-1",
		"decisions [dr2 Run]",
	}, h.settle(), "nothing moves")
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
}

func TestANewHubAdoptsNothingBeforeBothClustersAreSeen(t *testing.T) {
	h := deployed(t)
	h.rebuild("hub-2", again())
	h.links.state["dr1"] = exchange.Link{}
	require.NoError(t, h.api.Delete(t.Context(), h.inbox("dr1")))
	h.pass()
	assert.Empty(t, h.wrote(), "the one that is not seen may be the Primary")
	assert.Equal(t, "InboxComplete", h.drpc().Status.Waiting.Fact)
	assert.Equal(t, "dr1", h.drpc().Status.Waiting.Cluster)

	h.failover("dr2")
	wrote := h.settle()
	assert.Equal(t, "wish dr2 secondary epoch 1 adopting dr2-1", wrote[1], "a failover is the user's word that the other is lost")
	assert.Equal(t, "FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr2:primary@2", h.shows())

	h.connect("dr1")
	h.tell("dr1")
	wrote = h.settle()
	assert.Equal(t, []string{"wish dr2 primary for Failover epoch 3 adopting dr2-1", "wish dr1 secondary for Failover epoch 3 adopting dr1-1"}, wrote[:2],
		"what it claims is not taken for a wish of this hub: the user has said that the workload runs elsewhere")
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@3 dr2:primary@3", h.shows())
}

func TestANewHubFindsARelocateHalfDone(t *testing.T) {
	h := deployed(t)
	h.relocate("dr2")
	for h.wish("dr1").Spec.ReplicationState == "primary" {
		h.pass()
		h.follow()
		h.obey("dr1")
	}
	h.rebuild("hub-2", again(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.PreferredCluster = "Relocate", "dr2" }))
	h.settle()
	assert.Equal(t, "Relocated/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
}

func TestAnObjectThatGoesAwayIsNotAdopted(t *testing.T) {
	h := deployed(t)
	for _, s := range h.spokes {
		s.stamp.SpokeDeleting = true
	}
	h.rebuild("hub-2", again())
	h.pass()
	assert.Empty(t, h.wrote())
	w := h.drpc().Status.Waiting
	assert.Equal(t, "VolumeReplicationGroup shop/db still exists on cluster dr1", w.Message)
	assert.Equal(t, "the operation continues automatically when the cluster has removed it", w.NextStep)
}
