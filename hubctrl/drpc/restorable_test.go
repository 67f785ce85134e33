// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// sent has dr1 report that all volumes were synchronized at a moment, and imaged has dr2 report when its newest image was taken.
func (h *hub) sent(at time.Time) {
	h.t.Helper()
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.LastGroupSyncTime = &metav1.Time{Time: at}
		for i := range s.ProtectedPVCs {
			s.ProtectedPVCs[i].LastSyncTime = &metav1.Time{Time: at}
		}
	})
}

func (h *hub) imaged(at *metav1.Time) {
	h.t.Helper()
	h.restate("dr2", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		for i := range s.RDInfo {
			s.RDInfo[i].ProtectedPVC.LastSyncTime = at
		}
	})
}

func TestWhatThePeerHasNotReceivedCanNotBeRestored(t *testing.T) {
	h := withVolSync(t, "data", "logs")
	before := start.Add(-time.Minute)
	assert.Equal(t, before, h.drpc().Status.LastGroupSyncTime.UTC())

	h.sent(start.Add(time.Minute))
	h.pass()
	assert.Equal(t, before, h.drpc().Status.LastGroupSyncTime.UTC(), "sent, and not received")
	assert.Equal(t, "True", string(h.condition("Protected").Status), "the image of before is there")

	h.restate("dr2", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.RDInfo[0].ProtectedPVC.LastSyncTime = &metav1.Time{Time: start.Add(time.Minute)}
	})
	h.pass()
	assert.Equal(t, before, h.drpc().Status.LastGroupSyncTime.UTC(), "one of two is received")

	h.imaged(&metav1.Time{Time: start.Add(time.Minute)})
	h.pass()
	assert.Equal(t, start.Add(time.Minute), h.drpc().Status.LastGroupSyncTime.UTC())
	h.pass()
	assert.Empty(t, h.wrote())

	h.sent(start.Add(2 * time.Minute))
	h.pass()
	h.cut("dr1")
	h.pass()
	assert.Contains(t, h.condition("Protected").Message, "what was written after "+start.Add(time.Minute).Format(time.RFC3339)+" would be lost")
}

func TestAVolumeThatThePeerNeverReceivedIsNotProtected(t *testing.T) {
	h := withVolSync(t, "data")
	h.imaged(nil)
	h.pass()
	c := h.condition("Protected")
	assert.Equal(t, "False Progressing", string(c.Status)+" "+c.Reason)
	assert.Equal(t, "cluster dr2 has not received volume shop/data yet", c.Message)
}
