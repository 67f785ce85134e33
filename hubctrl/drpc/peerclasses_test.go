// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func TestASelectorOfAllIsNoChange(t *testing.T) {
	h := deployed(t)
	h.policy(func(p *v1alpha1.DRPolicy) {
		p.Spec.ReplicationClassSelector, p.Spec.VolumeSnapshotClassSelector = &metav1.LabelSelector{}, &metav1.LabelSelector{}
	})
	h.pass()
	assert.Empty(t, h.wrote())
}

// entries are the entries of a policy for one class.
func entries(c ...v1alpha1.PeerClass) func(*v1alpha1.DRPolicy) {
	return func(p *v1alpha1.DRPolicy) { p.Status.Async.PeerClasses = c }
}

func TestClassesFollowThePolicyButNotUnderAVolume(t *testing.T) {
	newer := v1alpha1.PeerClass{StorageClassName: "fast", ReplicationID: "newer", StorageID: []string{"a2", "b2"}}
	copied := v1alpha1.PeerClass{StorageClassName: "fast", StorageID: []string{"a", "b"}}
	was := v1alpha1.PeerClass{StorageClassName: "fast", ReplicationID: "rep"}
	fast, slow := "fast", "slow"
	volumes := func(list ...v1alpha1.ProtectedPVC) func(*v1alpha1.VolumeReplicationGroupStatus) {
		return func(s *v1alpha1.VolumeReplicationGroupStatus) { s.ProtectedPVCs = list }
	}
	stuck := v1alpha1.ProtectedPVC{Name: "data", StorageClassName: &fast, Conditions: []metav1.Condition{condition("DataReady", "False", "PeerClassNotFound", "no class")}}
	synced := metav1.NewTime(start.Add(-time.Hour))
	for name, tc := range map[string]struct {
		policy   v1alpha1.PeerClass
		dr1, dr2 []v1alpha1.ProtectedPVC
		edit     func(*hub)
		want     v1alpha1.PeerClass
	}{
		"new ids of the same technique": {policy: newer, dr1: []v1alpha1.ProtectedPVC{{Name: "data", StorageClassName: &fast}}, want: newer},
		"another technique under a volume": {
			policy: copied, dr1: []v1alpha1.ProtectedPVC{{Name: "data", StorageClassName: &fast}}, want: was,
		},
		"another technique, and the peer still has a volume": {
			policy: copied, dr2: []v1alpha1.ProtectedPVC{{Name: "data", StorageClassName: &fast}}, want: was,
		},
		"another technique, and a volume that does not tell its class": {policy: copied, dr1: []v1alpha1.ProtectedPVC{{Name: "data"}}, want: was},
		"another technique, and no volume of the class":                {policy: copied, dr1: []v1alpha1.ProtectedPVC{{Name: "data", StorageClassName: &slow}}, want: copied},
		"another technique, and a volume that no class fits":           {policy: copied, dr1: []v1alpha1.ProtectedPVC{stuck}, want: copied},
		"another technique, and a volume that fitted once": {
			policy: copied, dr1: []v1alpha1.ProtectedPVC{{Name: "data", StorageClassName: &fast, Conditions: stuck.Conditions, LastSyncTime: &synced}}, want: was,
		},
		"another technique, while a cluster can't be heard": {policy: copied, edit: func(h *hub) { h.cut("dr2") }, want: was},
		"another technique, while a cluster has not answered": {policy: copied, edit: func(h *hub) {
			h.spokes["dr2"].stuck = true
			h.policy(func(p *v1alpha1.DRPolicy) { p.Spec.SchedulingInterval = "1h" })
			h.pass()
			h.deliver("dr2")
			h.tell("dr2")
		}, want: was},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			if tc.edit != nil {
				tc.edit(h)
			}
			h.restate("dr1", volumes(tc.dr1...))
			h.restate("dr2", volumes(tc.dr2...))
			h.policy(entries(tc.policy))
			h.pass()
			for _, cluster := range []string{"dr1", "dr2"} {
				assert.Equal(t, []v1alpha1.PeerClass{tc.want}, h.wish(cluster).Spec.Async.PeerClasses, cluster)
			}
			const stays = "; volumes of StorageClass fast stay with VolumeReplication, although DRPolicy policy now has VolSync for it: to change that, disable DR and protect the application again"
			assert.Equal(t, tc.want.ReplicationID == "rep", strings.Contains(h.condition("Protected").Message, stays))
		})
	}
	t.Run("another technique, and a copy of a volume", func(t *testing.T) {
		late := v1alpha1.PeerClass{StorageClassName: "slow", ReplicationID: "late"}
		h := withVolSync(t, "data")
		h.policy(entries(was, v1alpha1.PeerClass{StorageClassName: "slow"}))
		h.settle()
		require.NotEmpty(t, h.wish("dr2").Spec.VolSync.RDSpec)
		h.policy(entries(was, late))
		h.settle()
		assert.NotContains(t, h.wish("dr2").Spec.Async.PeerClasses, late)
		h.restate("dr1", volumes())
		h.pass()
		assert.NotContains(t, h.wish("dr2").Spec.Async.PeerClasses, late, "the copy goes first")
		require.Empty(t, h.wish("dr2").Spec.VolSync.RDSpec)
		h.pass()
		h.obey("dr2")
		h.obey("dr1")
		h.restate("dr1", volumes())
		h.pass()
		assert.Contains(t, h.wish("dr2").Spec.Async.PeerClasses, late)
	})
}
