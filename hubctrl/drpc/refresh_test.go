// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func TestWhatTheUserOrThePolicyChangesReachesTheWishes(t *testing.T) {
	both := []string{"wish dr1 primary epoch 1", "wish dr2 secondary epoch 1"}
	for name, tc := range map[string]struct {
		edit  func(*hub)
		check func(*testing.T, *v1alpha1.VolumeReplicationGroup)
	}{
		"the interval": {
			func(h *hub) { h.policy(func(p *v1alpha1.DRPolicy) { p.Spec.SchedulingInterval = "1h" }) },
			func(t *testing.T, w *v1alpha1.VolumeReplicationGroup) {
				assert.Equal(t, "1h", w.Spec.Async.SchedulingInterval)
			},
		},
		"a class more, and another id of one in use": {
			func(h *hub) {
				h.policy(func(p *v1alpha1.DRPolicy) {
					p.Status.Async.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "fast", ReplicationID: "other"}, {StorageClassName: "slow"}}
				})
			},
			func(t *testing.T, w *v1alpha1.VolumeReplicationGroup) {
				assert.Equal(t, []v1alpha1.PeerClass{{StorageClassName: "fast", ReplicationID: "other"}, {StorageClassName: "slow"}}, w.Spec.Async.PeerClasses,
					"ids follow the policy: a volume that comes to the other cluster needs those of now")
			},
		},
		"an annotation that clusters read": {
			func(h *hub) {
				h.ask(func(d *v1alpha1.DRPlacementControl) {
					d.Annotations["drplacementcontrol.ramendr.openshift.io/is-submariner-enabled"] = "true"
				})
			},
			func(t *testing.T, w *v1alpha1.VolumeReplicationGroup) {
				assert.Equal(t, "true", w.Annotations["drplacementcontrol.ramendr.openshift.io/is-submariner-enabled"])
			},
		},
		"the movers": {
			func(h *hub) {
				h.ask(func(d *v1alpha1.DRPlacementControl) {
					d.Spec.VolSyncSpec = &v1alpha1.VolSyncSpec{MoverConfig: []v1alpha1.MoverConfig{{PVCName: "data", PVCNamespace: "shop"}}}
				})
			},
			func(t *testing.T, w *v1alpha1.VolumeReplicationGroup) {
				assert.Equal(t, []v1alpha1.MoverConfig{{PVCName: "data", PVCNamespace: "shop"}}, w.Spec.VolSync.MoverConfig)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			tc.edit(h)
			assert.Equal(t, both, h.settle())
			tc.check(t, h.wish("dr1"))
			tc.check(t, h.wish("dr2"))
		})
	}
}

func TestAnAnnotationThatIsTakenOffReachesTheWishes(t *testing.T) {
	const key = "drplacementcontrol.ramendr.openshift.io/is-cg-enabled"
	h := deployed(t)
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Annotations[key] = "true" })
	h.settle()
	assert.Equal(t, "true", h.wish("dr1").Annotations[key])
	h.ask(func(d *v1alpha1.DRPlacementControl) { delete(d.Annotations, key) })
	h.settle()
	assert.NotContains(t, h.wish("dr1").Annotations, key)
}
