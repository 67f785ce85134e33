// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Here is what this cluster has of a pair: nil where it has nothing.
type Here struct {
	PV    *corev1.PersistentVolume
	PVC   *corev1.PersistentVolumeClaim
	Class *storagev1.StorageClass // by the name in the stored PV
}

// Move is what the restore of one pair needs next.
type Move uint8

// Moves.
const (
	Present     Move = iota // nothing is missing
	CreatePV                // create the volume, note its original policy, then the claim
	KeepPV                  // the volume was created, but its original policy is not noted yet
	FreePV                  // the volume is ours, bound to a claim that is gone, or to what received it: let it be bound to the claim
	CreateClaim             // create the claim
	Wait                    // something of an earlier life is still being deleted
	Conflict                // what is here is not ours
)

// Compare says what the restore of a pair needs next; for Wait and Conflict it says why.
func Compare(stored Pair, here Here) (Move, string) {
	if move, why := compareClaim(stored, here.PVC); move == Conflict || move == Wait {
		return move, why
	}
	pv := here.PV
	if pv == nil {
		return CreatePV, ""
	}
	if why := foreign(stored, pv); why != "" {
		return Conflict, why
	}
	if pv.DeletionTimestamp != nil {
		return Wait, fmt.Sprintf("PersistentVolume %s is being deleted", pv.Name)
	}
	if _, noted := pv.Annotations[v1alpha1.AnnotationVRRetained]; !noted && pv.Annotations[v1alpha1.AnnotationRestored] != "" {
		return KeepPV, ""
	}
	switch ref := pv.Spec.ClaimRef; {
	case ref != nil && !names(ref, stored.PVC):
		return FreePV, ""
	case ref == nil || ref.UID == "":
	case here.PVC == nil || here.PVC.UID != ref.UID:
		return FreePV, ""
	}
	if here.PVC == nil {
		return CreateClaim, ""
	}
	return Present, ""
}

func compareClaim(stored Pair, pvc *corev1.PersistentVolumeClaim) (Move, string) {
	switch {
	case pvc == nil:
		return CreateClaim, ""
	case pvc.DeletionTimestamp != nil:
		return Wait, fmt.Sprintf("PersistentVolumeClaim %s/%s of an earlier life is being deleted", pvc.Namespace, pvc.Name)
	case pvc.Spec.VolumeName != "" && pvc.Spec.VolumeName != stored.PV.Name:
		return Conflict, fmt.Sprintf("PersistentVolumeClaim %s/%s is bound to PersistentVolume %s, the store has %s. What the claim has may be the only copy: keep it, for example in a claim of another name; the stored volume is restored when the name is free",
			pvc.Namespace, pvc.Name, pvc.Spec.VolumeName, stored.PV.Name)
	default:
		return Present, ""
	}
}

// foreign says why a PV of the right name is not the stored one; empty if it is.
func foreign(stored Pair, pv *corev1.PersistentVolume) string {
	a, b := pv.Spec.CSI, stored.PV.Spec.CSI
	switch {
	case (a == nil) != (b == nil):
		return fmt.Sprintf("PersistentVolume %s is of another type than the stored one", pv.Name)
	case a != nil && a.Driver != b.Driver:
		return fmt.Sprintf("PersistentVolume %s is of driver %s, the stored one of %s", pv.Name, a.Driver, b.Driver)
	case a != nil && a.VolumeHandle != b.VolumeHandle:
		return fmt.Sprintf("PersistentVolume %s has volume handle %q, the stored one %q", pv.Name, a.VolumeHandle, b.VolumeHandle)
	}
	if ref := pv.Spec.ClaimRef; ref != nil && !names(ref, stored.PVC) && !stored.Own {
		return fmt.Sprintf("PersistentVolume %s belongs to PersistentVolumeClaim %s/%s, the stored one to %s/%s",
			pv.Name, ref.Namespace, ref.Name, stored.PVC.Namespace, stored.PVC.Name)
	}
	return ""
}

func names(ref *corev1.ObjectReference, claim *corev1.PersistentVolumeClaim) bool {
	return ref.Namespace == claim.Namespace && ref.Name == claim.Name
}

// NewPV is the PV to create for a stored pair on a cluster whose class of that name is class; nil: there is none. Its
// reclaim policy is Retain; OriginalPolicy of the stored PV tells the original one.
func NewPV(stored Pair, class *storagev1.StorageClass) *corev1.PersistentVolume {
	pv := portablePV(stored.PV)
	delete(pv.Annotations, v1alpha1.AnnotationVRRetained)
	pv.Annotations[v1alpha1.AnnotationRestored] = "True"
	if class == nil {
		return pv
	}
	pv.Annotations[annProvisionedBy] = class.Provisioner
	if pv.Spec.CSI != nil {
		localize(pv, class.Parameters)
	}
	return pv
}

// NewPVC is the claim to create for a stored pair.
func NewPVC(stored Pair) *corev1.PersistentVolumeClaim {
	pvc := portablePVC(stored.PVC)
	if pvc.Annotations == nil {
		pvc.Annotations = map[string]string{}
	}
	pvc.Annotations[v1alpha1.AnnotationRestored] = "True"
	return pvc
}

// localize points a restored PV to the secrets and the storage cluster of the local class: each secret in its own field.
func localize(pv *corev1.PersistentVolume, params map[string]string) {
	csi := pv.Spec.CSI
	for kind, field := range map[string]**corev1.SecretReference{
		"controller-publish": &csi.ControllerPublishSecretRef,
		"controller-expand":  &csi.ControllerExpandSecretRef,
		"node-stage":         &csi.NodeStageSecretRef,
		"node-publish":       &csi.NodePublishSecretRef,
		"node-expand":        &csi.NodeExpandSecretRef,
	} {
		if ref := secretOf(params, kind); ref != nil {
			*field = ref
		}
	}
	if ref := secretOf(params, "provisioner"); ref != nil {
		pv.Annotations[annDeletionSecret] = ref.Name
		pv.Annotations[annDeletionSecretNS] = ref.Namespace
	}
	if id, ok := params["clusterID"]; ok && csi.VolumeAttributes["clusterID"] != "" {
		csi.VolumeAttributes["clusterID"] = id
	}
}

// secretOf is the Secret that the parameters of a class name for one kind of call; nil if they name none, or only by a
// template, which can't be filled in here.
func secretOf(params map[string]string, kind string) *corev1.SecretReference {
	name := params["csi.storage.k8s.io/"+kind+"-secret-name"]
	namespace := params["csi.storage.k8s.io/"+kind+"-secret-namespace"]
	if name == "" || strings.Contains(name+namespace, "${") {
		return nil
	}
	return &corev1.SecretReference{Name: name, Namespace: namespace}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
