// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/utils/ptr"

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
	FreePV                  // the volume is ours, bound to a claim that is gone, or to what received it: let it be bound to the claim, with the size of Grown
	CreateClaim             // create the claim
	GrowClaim               // ask for the size that the volume was given elsewhere
	Wait                    // something of an earlier life is still being deleted
	Conflict                // what is here is not ours
)

// Compare says what the restore of a pair needs next; for Wait and Conflict it says why.
func Compare(stored Pair, here Here) (Move, string) {
	if move, why := compareClaim(stored, here.PVC); move == Conflict || move == Wait {
		return move, why
	}
	pv := here.PV
	if !stored.Own {
		if why := refused(stored, here); why != "" {
			return Conflict, why
		}
	}
	if why := outgrown(stored, here); why != "" {
		return Conflict, why
	}
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
	case ref != nil && ref.UID == "" && here.PVC == nil && Grown(stored.PV, pv) != nil:
		return FreePV, ""
	case ref == nil || ref.UID == "":
	case here.PVC == nil || here.PVC.UID != ref.UID:
		return FreePV, ""
	}
	if here.PVC == nil {
		return CreateClaim, ""
	}
	if grows(stored.PVC, here) {
		return GrowClaim, ""
	}
	return Present, ""
}

// Grown is the capacity of a PersistentVolume that no claim is bound to, if the volume was made larger where it was primary since: the
// storage has resized it. A claim that is bound to the old size would have it resized again, which storage refuses of a secondary.
// Nil: it is as it was.
func Grown(stored, pv *corev1.PersistentVolume) corev1.ResourceList {
	size := stored.Spec.Capacity[corev1.ResourceStorage]
	if size.Cmp(pv.Spec.Capacity[corev1.ResourceStorage]) <= 0 {
		return nil
	}
	out := corev1.ResourceList{}
	maps.Copy(out, pv.Spec.Capacity)
	out[corev1.ResourceStorage] = size
	return out
}

// outgrown says why a claim without a volume is not bound to the stored one; empty: it is. Kubernetes finishes a binding whatever the
// sizes are if claim and volume name each other. Else it makes another volume for a claim that asks for more, as soon as a Pod uses
// the claim, and the workload would start with nothing.
func outgrown(stored Pair, here Here) string {
	if here.PVC == nil || here.PVC.Spec.VolumeName != "" {
		return ""
	}
	has, asks := stored.PV.Spec.Capacity[corev1.ResourceStorage], here.PVC.Spec.Resources.Requests[corev1.ResourceStorage]
	if here.PV != nil {
		if is := here.PV.Spec.Capacity[corev1.ResourceStorage]; is.Cmp(has) > 0 {
			has = is
		}
	}
	if has.IsZero() || asks.Cmp(has) <= 0 {
		return ""
	}
	return fmt.Sprintf("PersistentVolumeClaim %s/%s asks for %s, and PersistentVolume %s has %s: Kubernetes would make an empty volume for it. Delete the claim, which has no volume yet: "+
		"it is restored, and can be given more when it is bound", here.PVC.Namespace, here.PVC.Name, asks.String(), stored.PV.Name, has.String())
}

// grows reports whether a claim that stayed asks for less than the stored one: the volume was made larger where it was primary
// since, and what is here would be stored over that. Kubernetes takes it of a bound claim whose class allows it.
func grows(stored *corev1.PersistentVolumeClaim, here Here) bool {
	if here.PVC.Status.Phase != corev1.ClaimBound || here.Class == nil || !ptr.Deref(here.Class.AllowVolumeExpansion, false) {
		return false
	}
	want := stored.Spec.Resources.Requests[corev1.ResourceStorage]
	return want.Cmp(here.PVC.Spec.Resources.Requests[corev1.ResourceStorage]) > 0
}

// refused says why a pair that was read from a store is not restored, no matter who wrote it; empty: it is. A PersistentVolume can
// name any disk, any server and any path of a node, and passes what keeps Pods from them: only volumes that the driver of the
// class here could have made itself are made.
func refused(stored Pair, here Here) string {
	pv, class := stored.PV, stored.PV.Spec.StorageClassName
	name := fmt.Sprintf("the stored PersistentVolume %s of PersistentVolumeClaim %s/%s", pv.Name, stored.PVC.Namespace, stored.PVC.Name)
	const left = ": it is not restored. Look at who can write to the object stores"
	switch csi := pv.Spec.CSI; {
	case csi == nil:
		return name + " is no CSI volume" + left
	case stored.PVC.Spec.StorageClassName == nil || *stored.PVC.Spec.StorageClassName != class:
		return fmt.Sprintf("%s is of StorageClass %q, and the claim of another one%s", name, class, left)
	case here.PV != nil:
		return "" // it is compared with what is here
	case here.Class == nil:
		return fmt.Sprintf("%s needs StorageClass %q, which is not on this cluster: create it, with provisioner %s", name, class, csi.Driver)
	case here.Class.Provisioner != csi.Driver:
		return fmt.Sprintf("%s is of driver %s, and StorageClass %s on this cluster has provisioner %s%s", name, csi.Driver, class, here.Class.Provisioner, left)
	default:
		return ""
	}
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

// NewPV is the PV to create for a stored pair on a cluster whose class of that name is class. Its reclaim policy is Retain;
// OriginalPolicy of the stored PV tells the original one. It has the fields that are listed here and no others: what belongs to
// the cluster, as secrets and mount options do, comes from the class.
func NewPV(stored Pair, class *storagev1.StorageClass) *corev1.PersistentVolume {
	from := portablePV(stored.PV)
	pv := &corev1.PersistentVolume{TypeMeta: from.TypeMeta, ObjectMeta: from.ObjectMeta}
	for _, key := range []string{v1alpha1.AnnotationVRRetained, annDeletionSecret, annDeletionSecretNS, annMigratedTo} {
		delete(pv.Annotations, key)
	}
	pv.Annotations[v1alpha1.AnnotationRestored] = "True"
	pv.Annotations[annProvisionedBy] = class.Provisioner
	csi := from.Spec.CSI
	pv.Spec = corev1.PersistentVolumeSpec{
		Capacity: from.Spec.Capacity, AccessModes: from.Spec.AccessModes, VolumeMode: from.Spec.VolumeMode,
		StorageClassName: from.Spec.StorageClassName, VolumeAttributesClassName: from.Spec.VolumeAttributesClassName,
		PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
		MountOptions:                  class.MountOptions,
		ClaimRef:                      from.Spec.ClaimRef,
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
			Driver: class.Provisioner, VolumeHandle: csi.VolumeHandle, ReadOnly: csi.ReadOnly, FSType: csi.FSType, VolumeAttributes: csi.VolumeAttributes,
		}},
	}
	localize(pv, stored.PVC, class.Parameters)
	return pv
}

// NewPVC is the claim to create for a stored pair. It has the fields that are listed here and no others. It names its volume, so
// that nothing is made from its data sources: they are there because a claim can't be given any later, and a manifest that
// names them could not be applied again.
func NewPVC(stored Pair) *corev1.PersistentVolumeClaim {
	pvc := portablePVC(stored.PVC)
	pvc.Spec = corev1.PersistentVolumeClaimSpec{
		AccessModes: pvc.Spec.AccessModes, Resources: pvc.Spec.Resources, VolumeMode: pvc.Spec.VolumeMode, Selector: pvc.Spec.Selector,
		StorageClassName: pvc.Spec.StorageClassName, VolumeAttributesClassName: pvc.Spec.VolumeAttributesClassName, VolumeName: pvc.Spec.VolumeName,
		DataSource: pvc.Spec.DataSource, DataSourceRef: pvc.Spec.DataSourceRef,
	}
	MarkRestored(pvc)
	return pvc
}

// localize points a restored PV to the secrets and the storage cluster of the local class: each secret in its own field.
func localize(pv *corev1.PersistentVolume, pvc *corev1.PersistentVolumeClaim, params map[string]string) {
	csi := pv.Spec.CSI
	filled := strings.NewReplacer("${pv.name}", pv.Name, "${pvc.name}", pvc.Name, "${pvc.namespace}", pvc.Namespace)
	for kind, field := range map[string]**corev1.SecretReference{
		"controller-publish": &csi.ControllerPublishSecretRef,
		"controller-expand":  &csi.ControllerExpandSecretRef,
		"node-stage":         &csi.NodeStageSecretRef,
		"node-publish":       &csi.NodePublishSecretRef,
		"node-expand":        &csi.NodeExpandSecretRef,
	} {
		*field = secretOf(params, kind, filled)
	}
	if ref := secretOf(params, "provisioner", filled); ref != nil {
		pv.Annotations[annDeletionSecret] = ref.Name
		pv.Annotations[annDeletionSecretNS] = ref.Namespace
	}
	if id, ok := params["clusterID"]; ok && csi.VolumeAttributes["clusterID"] != "" {
		csi.VolumeAttributes["clusterID"] = id
	}
}

// secretOf is the Secret that the parameters of a class name for one kind of call; nil if they name none, or by a template
// that the claim's annotations would fill in: anyone who writes them would choose the Secret.
func secretOf(params map[string]string, kind string, filled *strings.Replacer) *corev1.SecretReference {
	name := filled.Replace(params["csi.storage.k8s.io/"+kind+"-secret-name"])
	namespace := filled.Replace(params["csi.storage.k8s.io/"+kind+"-secret-namespace"])
	if name == "" || strings.Contains(name+namespace, "${") {
		return nil
	}
	return &corev1.SecretReference{Name: name, Namespace: namespace}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
