// SPDX-License-Identifier: Apache-2.0

package volumes

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
)

const (
	marked  = "protected" // the value of AnnotationVRProtected
	demoted = "demoted"   // the value of AnnotationVRReleased
)

// Kept reports whether a PV is retained by us: its policy is Retain and its original policy is remembered.
func Kept(pv *corev1.PersistentVolume) bool {
	if pv == nil {
		return false
	}
	_, remembered := pv.Annotations[v1alpha1.AnnotationVRRetained]
	return remembered && pv.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimRetain
}

// Peer is the handle of a volume on the peer, and what it was learned from. Where they are empty, a PV keeps what it remembers.
type Peer struct{ Handle, Said string }

// Demoted reports whether a PV remembers that its volume was demoted here for good. Its claim does, too, as long as there is one.
func Demoted(pv *corev1.PersistentVolume) bool {
	return pv.Annotations[v1alpha1.AnnotationVRReleased] != ""
}

// Retain keeps a PV, and its data, whatever happens to its claim, and remembers the group, original, the policy to restore, whether the
// volume was demoted here for good, and its handle on the peer. All intents carry the UID of the object: a deleted one must not be
// re-created.
func Retain(vrg *v1alpha1.VolumeReplicationGroup, pv *corev1.PersistentVolume, original corev1.PersistentVolumeReclaimPolicy, released bool, peer Peer) apply.Intent {
	annotations := map[string]string{v1alpha1.AnnotationVRRetained: string(original)}
	if released {
		annotations[v1alpha1.AnnotationVRReleased] = demoted
	}
	for key, value := range map[string]string{v1alpha1.AnnotationPeerHandle: peer.Handle, v1alpha1.AnnotationPeerHandleSaid: peer.Said} {
		if value = cmp.Or(value, pv.Annotations[key]); value != "" {
			annotations[key] = value
		}
	}
	return corev1ac.PersistentVolume(pv.Name).WithUID(pv.UID).
		WithLabels(OwnerLabels(vrg)).
		WithAnnotations(annotations).
		WithSpec(corev1ac.PersistentVolumeSpec().WithPersistentVolumeReclaimPolicy(corev1.PersistentVolumeReclaimRetain))
}

// AnnotationClaim on a PV that is retained holds its claim, as the store would have it: for volumes whose metadata is of
// this cluster only, it is the one place from which a claim that went can be made again.
const AnnotationClaim = "volumereplicationgroups.ramendr.openshift.io/claim"

// RetainWithClaim is Retain, and remembers the claim and its group on the PV.
func RetainWithClaim(vrg *v1alpha1.VolumeReplicationGroup, pv *corev1.PersistentVolume, original corev1.PersistentVolumeReclaimPolicy, claim string) apply.Intent {
	return corev1ac.PersistentVolume(pv.Name).WithUID(pv.UID).
		WithLabels(OwnerLabels(vrg)).
		WithAnnotations(map[string]string{v1alpha1.AnnotationVRRetained: string(original), AnnotationClaim: claim}).
		WithSpec(corev1ac.PersistentVolumeSpec().WithPersistentVolumeReclaimPolicy(corev1.PersistentVolumeReclaimRetain))
}

// KeptWithClaim reports whether RetainWithClaim has nothing to change.
func KeptWithClaim(vrg *v1alpha1.VolumeReplicationGroup, pv *corev1.PersistentVolume, claim string) bool {
	return Kept(pv) && pv.Annotations[AnnotationClaim] == claim && Owned(vrg, pv)
}

// OwnerLabels say that a claim, or a retained volume, is the group's.
func OwnerLabels(vrg *v1alpha1.VolumeReplicationGroup) map[string]string {
	return map[string]string{v1alpha1.LabelOwnerNamespace: vrg.Namespace, v1alpha1.LabelOwnerName: vrg.Name}
}

// Owned reports whether an object carries the OwnerLabels of a group.
func Owned(vrg *v1alpha1.VolumeReplicationGroup, obj client.Object) bool {
	l := obj.GetLabels()
	return l[v1alpha1.LabelOwnerNamespace] == vrg.Namespace && l[v1alpha1.LabelOwnerName] == vrg.Name
}

// GiveUp takes our marks off a PV: what an intent leaves out is given up. The policy stays ours: it would get its default.
func GiveUp(pv *corev1.PersistentVolume, policy corev1.PersistentVolumeReclaimPolicy) apply.Intent {
	return corev1ac.PersistentVolume(pv.Name).WithUID(pv.UID).
		WithSpec(corev1ac.PersistentVolumeSpec().WithPersistentVolumeReclaimPolicy(policy))
}

// OfPV are the labels and annotations that protection puts on a PV, but for the handle on the peer, which may have come with the volume.
func OfPV() (labels, annotations []string) {
	return []string{v1alpha1.LabelOwnerName, v1alpha1.LabelOwnerNamespace},
		[]string{v1alpha1.AnnotationVRRetained, v1alpha1.AnnotationVRReleased, AnnotationClaim}
}

// Mark puts the marks of the group on a claim, the technique's finalizer among them; sealed: it is replicated from here.
func Mark(vrg *v1alpha1.VolumeReplicationGroup, claim *corev1.PersistentVolumeClaim, finalizer string, sealed bool) apply.Intent {
	intent := corev1ac.PersistentVolumeClaim(claim.Name, claim.Namespace).WithUID(claim.UID).
		WithLabels(OwnerLabels(vrg)).
		WithFinalizers(finalizer)
	if sealed {
		intent.WithAnnotations(map[string]string{v1alpha1.AnnotationVRProtected: marked})
	}
	return intent
}

// Loosen takes the finalizer off a claim, so that it can go, and leaves the other marks of the group.
func Loosen(vrg *v1alpha1.VolumeReplicationGroup, claim *corev1.PersistentVolumeClaim, sealed bool) apply.Intent {
	intent := corev1ac.PersistentVolumeClaim(claim.Name, claim.Namespace).WithUID(claim.UID).WithLabels(OwnerLabels(vrg))
	if sealed {
		intent.WithAnnotations(map[string]string{v1alpha1.AnnotationVRProtected: marked})
	}
	if was := claim.Annotations[v1alpha1.AnnotationVRReleased]; was != "" {
		intent.WithAnnotations(map[string]string{v1alpha1.AnnotationVRReleased: was})
	}
	return intent
}

// Release is Mark for a volume that was demoted for good.
func Release(vrg *v1alpha1.VolumeReplicationGroup, claim *corev1.PersistentVolumeClaim, finalizer string, sealed bool) apply.Intent {
	annotations := map[string]string{v1alpha1.AnnotationVRReleased: demoted}
	if sealed {
		annotations[v1alpha1.AnnotationVRProtected] = marked
	}
	return corev1ac.PersistentVolumeClaim(claim.Name, claim.Namespace).WithUID(claim.UID).
		WithLabels(OwnerLabels(vrg)).
		WithFinalizers(finalizer).
		WithAnnotations(annotations)
}

// Unmark removes the marks from a claim: what an intent leaves out is given up.
func Unmark(claim *corev1.PersistentVolumeClaim) apply.Intent {
	return corev1ac.PersistentVolumeClaim(claim.Name, claim.Namespace).WithUID(claim.UID)
}
