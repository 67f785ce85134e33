// SPDX-License-Identifier: Apache-2.0

package order_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/view"
)

// copyOf is the group of an application on the survivor, whose other cluster has that identity.
func copyOf(name, peer string, change ...func(*order.Survivor)) v1alpha1.VolumeReplicationGroup {
	s := survivor(change...)
	s.Group.Name = name
	if peer != "" {
		s.Group.Spec.Async = &v1alpha1.VRGAsyncSpec{PeerClasses: []v1alpha1.PeerClass{{ClusterIDs: []string{"two", peer}}}}
		s.Group.Spec.S3Profiles = []string{"s3-" + peer, "s3-two"}
	}
	return *s.Group
}

func primary(s *order.Survivor) { s.Group.Spec.ReplicationState = v1alpha1.Primary }

func TestAllThatASurvivorHasIsPromoted(t *testing.T) {
	ended := func(s *order.Survivor) { s.Group.DeletionTimestamp = &metav1.Time{Time: now} }
	unready := func(s *order.Survivor) { s.Group.Status.Conditions = nil }
	groups := []v1alpha1.VolumeReplicationGroup{copyOf("zoo", "one"), copyOf("here", "one", primary), copyOf("ended", "one", ended), copyOf("alien", "", note("origin", "")), copyOf("bare", "one", unready)}
	p := order.PromoteAll(survivor(), groups, "", false)
	assert.Empty(t, p.Refusals)
	states := map[string]view.SiteState{}
	var names []string
	for _, a := range p.Items {
		states[a.Name] = a.State
		names = append(names, a.Name)
	}
	assert.Equal(t, map[string]view.SiteState{"zoo": view.SitePending, "bare": view.SitePending, "ended": view.SiteLeftOut, "alien": view.SiteLeftOut}, states,
		"what is Primary already is not of those that are promoted")
	assert.Equal(t, []string{"alien", "bare", "ended", "zoo"}, names)
	assert.Equal(t, 1, p.Here)
	assert.Equal(t, "its protection is being ended", p.Items[2].Reason)
	assert.Equal(t, "the cluster does not report its copies as ready", p.Items[1].Reason, "it goes, and that is said")
	assert.EqualValues(t, 1004, p.Items[3].NextEpoch)
	assert.Equal(t, "dr2", p.Cluster)
	assert.Equal(t, "one", p.Peer)
	assert.Contains(t, p.Warnings[0], "what was written on the other cluster")

	for says, change := range map[string]func(*order.Survivor){
		"the mirror on the cluster is connected to the hub": func(s *order.Survivor) { s.LinkLive = true },
		"answers at https://hub:6443":                       func(s *order.Survivor) { s.HubAnswers = "https://hub:6443" },
		"as no mirror runs there":                           func(s *order.Survivor) { s.Traced = false },
	} {
		p := order.PromoteAll(survivor(change), groups, "", false)
		if assert.Len(t, p.Refusals, 1, "it is said once, not for each") {
			assert.Contains(t, p.Refusals[0].Message, says)
		}
		p = order.PromoteAll(survivor(change), groups, "", true)
		assert.Empty(t, p.Refusals)
		assert.Contains(t, p.Warnings[0], "it and you decide at the same time")
	}
}

// TestOneOfSeveralLostClustersIsNamed: a survivor may be the peer of a cluster that works. What runs there stays there.
func TestOneOfSeveralLostClustersIsNamed(t *testing.T) {
	groups := []v1alpha1.VolumeReplicationGroup{copyOf("a", "one"), copyOf("b", "three"), copyOf("c", "one"), copyOf("d", "")}
	p := order.PromoteAll(survivor(), groups, "", false)
	if assert.Len(t, p.Refusals, 1) {
		assert.Equal(t, view.GuardPeer, p.Refusals[0].Guard)
		assert.Contains(t, p.Refusals[0].Message, "one (2, stored in s3-one, s3-two), three (1, stored in s3-three, s3-two), unknown (1)")
		assert.Contains(t, p.Refusals[0].Message, "--peer")
	}
	pending := func(peer string) (out []string) {
		p := order.PromoteAll(survivor(), groups, peer, false)
		assert.Empty(t, p.Refusals, peer)
		for _, a := range p.Items {
			out = append(out, a.Name+" "+string(a.State))
		}
		return out
	}
	assert.Equal(t, []string{"a Pending", "c Pending"}, pending("one"))
	assert.Equal(t, []string{"b Pending"}, pending("three"))
	assert.Equal(t, []string{"d Pending"}, pending("unknown"))
	p = order.PromoteAll(survivor(), groups, "four", false)
	assert.Contains(t, p.Refusals[0].Message, "no application has the other copy on cluster four")
	p = order.PromoteAll(survivor(), []v1alpha1.VolumeReplicationGroup{copyOf("a", "one", primary), copyOf("b", "three", primary)}, "one", false)
	assert.Empty(t, p.Refusals, "again, when all is done")
	assert.Equal(t, view.OutcomeNothing, p.Outcome)
	assert.Equal(t, 1, p.Here)
	ended := func(s *order.Survivor) { s.Group.DeletionTimestamp = &metav1.Time{Time: now} }
	p = order.PromoteAll(survivor(), []v1alpha1.VolumeReplicationGroup{copyOf("a", "one", ended)}, "one", false)
	assert.Empty(t, p.Refusals, "there is one, which is left out with its reason")
	assert.Len(t, p.Items, 1)
	p = order.PromoteAll(survivor(), nil, "", false)
	assert.Empty(t, p.Refusals)
	assert.Equal(t, view.OutcomeNothing, p.Outcome)
}
