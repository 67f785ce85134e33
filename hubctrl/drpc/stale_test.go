// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// stale are the ways in which a report that looks right is no answer (X3).
var stale = map[string]struct {
	edit func(*v1alpha1.VolumeReplicationGroupStatus)
	fact string
}{
	"of an earlier generation of the wish": {func(s *v1alpha1.VolumeReplicationGroupStatus) { s.Exchange.WishGeneration-- }, "Answer"},
	"of another wish":                      {func(s *v1alpha1.VolumeReplicationGroupStatus) { s.Exchange.WishUID = "another" }, "Answer"},
	"of an earlier epoch":                  {func(s *v1alpha1.VolumeReplicationGroupStatus) { s.Exchange.Epoch-- }, "Answer"},
	"by a cluster that is behind":          {func(s *v1alpha1.VolumeReplicationGroupStatus) { s.ObservedGeneration-- }, "Answer"},
	"without a stamp":                      {func(s *v1alpha1.VolumeReplicationGroupStatus) { s.Exchange = nil }, "Answer"},
}

func TestAStaleReportIsNoAnswerToAPromotion(t *testing.T) {
	for name, tc := range stale {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			h.failover("dr2")
			h.pass()
			h.wrote()
			h.obey("dr2")
			h.restate("dr2", tc.edit)
			h.pass()
			assert.Empty(t, h.wrote())
			assert.Equal(t, "FailingOver/WaitForReadiness [dr1 Retain] dr1:primary@1 dr2:primary@2", h.shows())
			assert.Equal(t, tc.fact, h.drpc().Status.Waiting.Fact)
			h.tell("dr2")
			h.pass()
			assert.NotEmpty(t, h.wrote(), "the same report with the right stamp is one")
		})
	}
}

func TestAStaleReportIsNoAnswerToADemotion(t *testing.T) {
	for name, tc := range stale {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			h.relocate("dr2")
			for h.wish("dr1").Spec.ReplicationState == "primary" {
				h.pass()
				h.follow()
				h.obey("dr1")
			}
			h.wrote()
			h.restate("dr1", tc.edit)
			h.pass()
			assert.Empty(t, h.wrote())
			assert.Equal(t, "Relocating/EnsuringVolumesAreSecondary [] dr1:secondary@1 dr2:secondary@1", h.shows())
			assert.Equal(t, tc.fact, h.drpc().Status.Waiting.Fact)
			h.tell("dr1")
			h.pass()
			assert.Equal(t, []string{"mark wish dr1", "wish dr2 primary for Relocate epoch 2"}, h.wrote())
		})
	}
}

func TestAConditionOfAnEarlierGenerationIsUnknown(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.pass()
	h.obey("dr2")
	h.restate("dr2", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		for i := range s.Conditions {
			s.Conditions[i].ObservedGeneration--
		}
	})
	h.pass()
	assert.Equal(t, "FailingOver/WaitForReadiness [dr1 Retain] dr1:primary@1 dr2:primary@2", h.shows())
	assert.Equal(t, "cluster dr2 is not Primary and ready yet: ClusterDataReady is Unknown, Outdated: the cluster has not looked at the latest wish yet",
		h.drpc().Status.Waiting.Message)
}

func TestASecondaryThatIsNotInSyncIsNotEnough(t *testing.T) {
	h := deployed(t)
	h.relocate("dr2")
	for h.wish("dr1").Spec.ReplicationState == "primary" {
		h.pass()
		h.follow()
		h.obey("dr1")
	}
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		for i := range s.Conditions {
			if s.Conditions[i].Type == "DataProtected" {
				s.Conditions[i].Status = "False"
			}
		}
	})
	h.wrote()
	h.pass()
	assert.Empty(t, h.wrote(), "Secondary, but not in sync (I2)")
	assert.Equal(t, "Secondary", h.drpc().Status.Waiting.Fact)
}
