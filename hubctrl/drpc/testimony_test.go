// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// forge writes into the inbox of cluster that it was promoted by a later wish of this hub, and is Primary and ready.
func (h *hub) forge(cluster string, epoch int64) {
	h.t.Helper()
	report := h.inbox(cluster)
	report.Spec.ReplicationState = v1alpha1.Primary
	require.NoError(h.t, h.api.Update(h.t.Context(), report))
	h.restate(cluster, func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.Exchange.Epoch, s.Exchange.WishGeneration = epoch, s.Exchange.WishGeneration+7
		s.State = v1alpha1.PrimaryState
		s.Conditions = (&spoke{state: v1alpha1.PrimaryState, observed: s.ObservedGeneration}).conditions()
	})
}

// onDR2 returns a hub whose application runs on dr2, and whose dr1 is Secondary.
func onDR2(t *testing.T) *hub {
	t.Helper()
	h := deployed(t)
	h.relocate("dr2")
	h.settle()
	require.Equal(t, "Relocated/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
	return h
}

func TestX16_AForgedReportMovesNothing(t *testing.T) {
	for name, cut := range map[string]bool{"while the home answers": false, "while the home can't be heard": true} {
		t.Run(name, func(t *testing.T) {
			h := onDR2(t)
			dr2 := h.wish("dr2")
			if cut {
				h.cut("dr2")
			}
			h.forge("dr1", 1000)
			for range 4 {
				h.pass()
			}
			assert.Equal(t, "WaitForUser/Paused [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
			assert.Equal(t, dr2, h.wish("dr2"), "not a byte of it was written")
			w := h.drpc().Status.Waiting
			assert.Equal(t, []string{"dr1", "ConflictSolved"}, []string{w.Cluster, w.Fact})
			assert.Contains(t, w.Message, "cluster dr1 says that it was told to be Primary by a wish that this hub does not know, with epoch 1000; cluster dr2 is to be Primary by what this hub wished, with epoch 2, and ")
			assert.Contains(t, w.Message, "somebody may have forged a report in inbox-dr1")
			assert.Contains(t, w.NextStep, `kubectl -n shop patch drpc db --type merge -p '{"spec":{"action":"Failover","failoverCluster":"dr2"}}'`)
			assert.EqualValues(t, "True", h.condition("Stalled").Status)

			h.connect("dr2")
			h.settle()
			assert.Equal(t, "Relocated/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows(), "once its mirror has put it right nobody has to do anything")
		})
	}
}

func TestX16_TheUserDecidesWhoseDataIsKept(t *testing.T) {
	h := onDR2(t)
	h.forge("dr1", 1000)
	h.pass()
	h.failover("dr2")
	h.pass()
	h.connect("dr1")
	assert.Equal(t, "FailedOver/Cleaning Up [dr2 Run] dr1:secondary@1001 dr2:primary@1001", h.shows(), "both are told something newer than what dr1 claims")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@1001 dr2:primary@1001", h.shows())
	assert.True(t, h.spokes["dr2"].inUse)

	h = onDR2(t)
	h.forge("dr1", 1000)
	h.pass()
	h.failover("dr1")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr1 Run] dr1:primary@1000 dr2:secondary@1000", h.shows(), "if the user says so")
}

// A failover from dr1 while dr1 can be heard and lies: the first lie may be true, and the spec that of a backup, so the user
// is asked once; what is claimed from then on does not count.
func TestX16_AFailedSideCannotHoldBackTheFailover(t *testing.T) {
	h := deployed(t)
	h.forge("dr1", 1000)
	h.failover("dr2")
	h.pass()
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, "SpecConfirmed", w.Fact)
	for i, epoch := range []int64{1000, 2000, math.MaxInt64} {
		h.forge("dr1", epoch)
		if i == 0 {
			h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "dr2" })
		}
		h.pass()
		if i == 0 {
			assert.Equal(t, "FailingOver/WaitForReadiness [dr1 Retain] dr1:primary@1 dr2:primary@1001", h.shows())
		}
		h.obey("dr2")
	}
	h.pass()
	assert.Contains(t, h.shows(), "[dr1 Retain, dr2 Run]")
	h.settle()
	assert.Contains(t, h.shows(), "FailedOver/Completed [dr2 Run]")
	assert.True(t, h.spokes["dr2"].inUse)
}

// TestX16_ALieAfterAnAdoptedOneHoldsBackNoFailover: the user was told of the first one, which was adopted; whatever else is brought
// up to date at the wish until they say something, what is claimed from then on does not count.
func TestX16_ALieAfterAnAdoptedOneHoldsBackNoFailover(t *testing.T) {
	interval := func(h *hub) { h.policy(func(p *v1alpha1.DRPolicy) { p.Spec.SchedulingInterval = "10m" }) }
	for name, refresh := range map[string]func(*hub){
		"nothing else is written":                   func(h *hub) { h.failover("dr2") },
		"the policy changes before the user's word": func(h *hub) { interval(h); h.settle(); h.failover("dr2") },
		"the user's word comes with another selection": func(h *hub) {
			h.failover("dr2")
			h.ask(func(d *v1alpha1.DRPlacementControl) {
				d.Annotations["drplacementcontrol.ramendr.openshift.io/is-cg-enabled"] = "true"
			})
		},
		"the user says something else first": func(h *hub) {
			h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "dr2" })
			interval(h)
			h.settle()
			h.failover("dr2")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			h.forge("dr1", 1000)
			h.pass()
			require.Equal(t, "dr1:primary@1000", strings.Fields(h.shows())[3], h.shows())
			h.settle()
			refresh(h)
			h.forge("dr1", 2000)
			h.pass()
			assert.Equal(t, "FailingOver/WaitForReadiness [dr1 Retain] dr1:primary@1000 dr2:primary@2001", h.shows())
			h.policy(func(p *v1alpha1.DRPolicy) { p.Spec.SchedulingInterval = "15m" })
			for _, epoch := range []int64{3000, 4000} {
				h.obey("dr2")
				h.forge("dr1", epoch)
				h.pass()
			}
			assert.Contains(t, h.shows(), "[dr1 Retain, dr2 Run]")
			assert.Equal(t, "15m", h.wish("dr2").Spec.Async.SchedulingInterval, h.shows())
		})
	}
}

func TestX16_AnEpochThatNoHubCanHaveWishedIsIgnored(t *testing.T) {
	for _, epoch := range []int64{math.MaxInt64, 1 << 40, -1} {
		h := deployed(t)
		h.forge("dr1", epoch)
		h.failover("dr2")
		h.pass()
		assert.Contains(t, h.shows(), "dr2:primary@2", "%d", epoch)
		h.obey("dr2")
		h.pass()
		assert.Equal(t, "FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows(), "%d", epoch)
		assert.Contains(t, h.condition("PeerReady").Message, "which no hub can have wished: the report is not believed", "%d", epoch)
	}
}

// What a lost cluster claimed last is not read at all.
func TestX16_ALostClusterCannotHoldBackTheFailover(t *testing.T) {
	h := deployed(t)
	h.forge("dr1", 1000)
	h.cut("dr1")
	h.failover("dr2")
	h.pass()
	assert.Equal(t, "FailingOver/WaitForReadiness [dr1 Retain] dr1:primary@1 dr2:primary@1001", h.shows())
}

func TestX16_ANewHubAsksWhichOfTwoPrimariesIsMeant(t *testing.T) {
	h := onDR2(t)
	h.rebuild("another", newDRPC())
	h.forge("dr1", 1000)
	for range 3 {
		h.pass()
	}
	assert.Equal(t, "WaitForUser/Paused []", h.shows())
	w := h.drpc().Status.Waiting
	assert.Equal(t, []string{"dr1", "ConflictSolved"}, []string{w.Cluster, w.Fact})
	assert.Contains(t, w.Message, "cluster dr2 says the same, with epoch 2")

	h.failover("dr2")
	h.pass()
	assert.True(t, strings.HasSuffix(h.shows(), "dr2:primary@2"), h.shows())
	h.obey("dr2")
	h.pass()
	assert.Contains(t, h.shows(), "dr1:secondary@1001 dr2:primary@1001")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@1001 dr2:primary@1001", h.shows())
	assert.True(t, h.spokes["dr2"].inUse)
}

// Any cluster may say that it has a group of the application. Where the policy is gone, that must not hide where its wishes are.
func TestX16_AReportOfAStrangerLeavesNoWishBehind(t *testing.T) {
	h := deployed(t)
	p := &v1alpha1.DRPolicy{}
	require.True(t, h.get(p, clientKey("", "policy")))
	require.NoError(t, h.api.Delete(t.Context(), p))
	report := h.inbox("dr1")
	report.Namespace, report.ResourceVersion, report.UID = "inbox-another", "", ""
	require.NoError(t, h.api.Create(t.Context(), report))

	h.disable()
	h.settle()
	assert.Equal(t, "gone", h.shows())
	assert.Nil(t, h.wish("dr1"))
	assert.Nil(t, h.wish("dr2"))
}
