// SPDX-License-Identifier: Apache-2.0

package capsule_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// TestWhatThePeerWouldRefuseIsSaidBefore: the rules of a restore, asked of the volume where it is protected.
func TestWhatThePeerWouldRefuseIsSaidBefore(t *testing.T) {
	for name, c := range map[string]struct {
		change func(capsule.Pair)
		says   string
	}{
		"a volume of the class": {func(capsule.Pair) {}, ""},
		"the class was made again with another driver": {func(p capsule.Pair) { p.PV.Spec.CSI.Driver = "old" },
			`PersistentVolume pv is of driver old, and StorageClass sc has provisioner d: the peer would not restore it. Create the class with provisioner old again, or copy the data into a new claim`},
		"no CSI volume": {func(p capsule.Pair) {
			p.PV.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "s", Path: "/"}}
		}, "PersistentVolume pv is no CSI volume: the peer would not restore it. Copy the data into a claim of a StorageClass of a CSI driver"},
		"a claim without a class": {func(p capsule.Pair) { p.PVC.Spec.StorageClassName, p.PV.Spec.StorageClassName = nil, "" },
			"the claim names no StorageClass: the peer would not restore it. Copy the data into a claim of a StorageClass"},
	} {
		t.Run(name, func(t *testing.T) {
			p := pair()
			c.change(p)
			assert.Equal(t, c.says, capsule.Unrestorable(p, class()))
			move, _ := capsule.Compare(stored(t, c.change), capsule.Here{Class: class()})
			assert.Equal(t, c.says == "", move != capsule.Conflict, "the same rule decides on the peer")
		})
	}
	assert.Empty(t, capsule.Unrestorable(pair(), nil), "the class of the peer counts")
}

// TestAVolumeThatWasBoundByHandTravels: Kubernetes binds a claim and a volume that name each other whatever class the volume has.
func TestAVolumeThatWasBoundByHandTravels(t *testing.T) {
	byHand := func(p capsule.Pair) { p.PV.Spec.StorageClassName = "" }
	p := stored(t, byHand)
	move, why := capsule.Compare(p, capsule.Here{Class: class()})
	assert.Equal(t, capsule.CreatePV, move, why)
	assert.Equal(t, "sc", capsule.NewPV(p, class()).Spec.StorageClassName)
	again := pair()
	byHand(again)
	assert.Empty(t, capsule.Unrestorable(again, class()))
	move, why = capsule.Compare(p, capsule.Here{Class: class(), PV: again.PV, PVC: again.PVC})
	assert.Equal(t, capsule.Present, move, why)
}

// TestThePlaceOfAVolumeStaysBehind: by these labels the scheduler of the other cluster would look for nodes of this one's zone. By
// the annotation a tool would take the claim for one of its application on this cluster.
func TestThePlaceOfAVolumeStaysBehind(t *testing.T) {
	p := stored(t, func(p capsule.Pair) {
		p.PV.Labels = map[string]string{
			"topology.kubernetes.io/zone": "a-1", "topology.kubernetes.io/region": "a", "failure-domain.beta.kubernetes.io/zone": "a-1", "tier": "x",
		}
		p.PVC.Labels["topology.kubernetes.io/zone"] = "a-1"
		p.PVC.Annotations["argocd.argoproj.io/tracking-id"] = "shop-dr1:/PersistentVolumeClaim:app/data"
	})
	assert.Equal(t, map[string]string{"tier": "x"}, capsule.NewPV(p, class()).Labels)
	assert.Equal(t, map[string]string{"app": "x", "topology.kubernetes.io/zone": "a-1"}, capsule.NewPVC(p).Labels, "which nobody but users reads")
	assert.NotContains(t, capsule.NewPVC(p).Annotations, "argocd.argoproj.io/tracking-id")
}
