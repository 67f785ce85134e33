// SPDX-License-Identifier: Apache-2.0

package capsule_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// TestAClaimThatAsksForMoreThanTheStoredVolumeHas : Kubernetes binds the two only if one of them names the other and the volume is large
// enough, or if both name each other. Else it makes an empty volume for the claim, and the workload starts with nothing.
func TestAClaimThatAsksForMoreThanTheStoredVolumeHas(t *testing.T) {
	size := func(text string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(text)}
	}
	stored := capsule.Pair{
		PV: &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-data"}, Spec: corev1.PersistentVolumeSpec{
			StorageClassName: "fast", Capacity: size("2Gi"),
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "rbd.csi.ceph.com", VolumeHandle: "image-1"}},
		}},
		PVC: &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: new("fast"), VolumeName: "pv-data", Resources: corev1.VolumeResourceRequirements{Requests: size("2Gi")},
		}},
	}
	for name, tc := range map[string]struct {
		asks, volumeName string
		here             string // what the volume has that is here already; empty: there is none
		own              bool
		want             capsule.Move
	}{
		"as much":                              {asks: "2Gi", want: capsule.CreatePV},
		"less":                                 {asks: "1Gi", want: capsule.CreatePV},
		"more":                                 {asks: "3Gi", want: capsule.Conflict},
		"more than a volume that remains here": {asks: "3Gi", here: "2Gi", own: true, want: capsule.Conflict},
		"no more than a volume that grew here": {asks: "3Gi", here: "3Gi", want: capsule.Present},
		"more, and it names the volume":        {asks: "3Gi", volumeName: "pv-data", want: capsule.CreatePV},
	} {
		t.Run(name, func(t *testing.T) {
			claim := stored.PVC.DeepCopy()
			claim.Spec.VolumeName, claim.Spec.Resources.Requests, claim.Status.Phase = tc.volumeName, size(tc.asks), corev1.ClaimPending
			here := capsule.Here{PVC: claim, Class: &storagev1.StorageClass{Provisioner: "rbd.csi.ceph.com"}}
			pair := stored
			pair.Own = tc.own
			if tc.here != "" {
				here.PV = stored.PV.DeepCopy()
				here.PV.Spec.Capacity = size(tc.here)
			}
			move, why := capsule.Compare(pair, here)
			assert.Equal(t, tc.want, move, why)
			if tc.want == capsule.Conflict {
				assert.Equal(t, "PersistentVolumeClaim app/data asks for 3Gi, and PersistentVolume pv-data has 2Gi: Kubernetes would make an empty volume for it. Delete the claim, which has no volume yet: "+
					"it is restored, and can be given more when it is bound", why)
			}
		})
	}
}
