// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Annotations of Kubernetes that tell how the local cluster provisioned or bound a volume.
const (
	annBindCompleted    = "pv.kubernetes.io/bind-completed"
	annBoundByControl   = "pv.kubernetes.io/bound-by-controller"
	annProvisionedBy    = "pv.kubernetes.io/provisioned-by"
	annSelectedNode     = "volume.kubernetes.io/selected-node"
	annDeletionSecret   = "volume.kubernetes.io/provisioner-deletion-secret-name"
	annDeletionSecretNS = "volume.kubernetes.io/provisioner-deletion-secret-namespace"
	annMigratedTo       = "pv.kubernetes.io/migrated-to"
	annLastApplied      = "kubectl.kubernetes.io/last-applied-configuration"
	annTrackingID       = "argocd.argoproj.io/tracking-id" // of the Argo CD application that deploys to this cluster
)

// OriginalPolicy is the reclaim policy that a PV had before it was retained for us. Ramen marks a PV with "retained",
// which stands for Delete.
func OriginalPolicy(pv *corev1.PersistentVolume) corev1.PersistentVolumeReclaimPolicy {
	switch v, kept := pv.Annotations[v1alpha1.AnnotationVRRetained]; {
	case !kept && pv.Spec.PersistentVolumeReclaimPolicy == "":
		return corev1.PersistentVolumeReclaimRetain
	case !kept:
		return pv.Spec.PersistentVolumeReclaimPolicy
	case v == "retained":
		return corev1.PersistentVolumeReclaimDelete
	}
	switch v := corev1.PersistentVolumeReclaimPolicy(pv.Annotations[v1alpha1.AnnotationVRRetained]); v {
	case corev1.PersistentVolumeReclaimDelete, corev1.PersistentVolumeReclaimRecycle, corev1.PersistentVolumeReclaimRetain:
		return v
	default:
		return corev1.PersistentVolumeReclaimRetain // what nobody can tell destroys nothing
	}
}

// portablePV is pv without what belongs to one cluster only, and retained, whatever it is at the moment.
func portablePV(pv *corev1.PersistentVolume) *corev1.PersistentVolume {
	out := &corev1.PersistentVolume{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolume"},
		ObjectMeta: portableMeta(&pv.ObjectMeta),
		Spec:       *pv.Spec.DeepCopy(),
	}
	if out.Annotations == nil {
		out.Annotations = map[string]string{}
	}
	out.Annotations[v1alpha1.AnnotationVRRetained] = string(OriginalPolicy(pv))
	out.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	if ref := pv.Spec.ClaimRef; ref != nil {
		// Without the UID of a claim, and only so, the claim of that name binds on the other cluster.
		out.Spec.ClaimRef = &corev1.ObjectReference{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
	}
	out.Spec.NodeAffinity = nil
	maps.DeleteFunc(out.Labels, func(key, _ string) bool {
		// The scheduler looks for nodes of the zone that they name.
		return strings.HasPrefix(key, "topology.kubernetes.io/") || strings.HasPrefix(key, "failure-domain.beta.kubernetes.io/")
	})
	return out
}

// portablePVOf is portablePV of the volume of a claim. It has the class of the claim: a volume and a claim that name each other are
// bound whatever class the volume has, and by the class it is decided whether and how the volume is restored.
func portablePVOf(pv *corev1.PersistentVolume, pvc *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	out := portablePV(pv)
	if class := pvc.Spec.StorageClassName; class != nil {
		out.Spec.StorageClassName = *class
	}
	return out
}

// portablePVC is pvc without what belongs to one cluster only.
func portablePVC(pvc *corev1.PersistentVolumeClaim) *corev1.PersistentVolumeClaim {
	out := &corev1.PersistentVolumeClaim{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"},
		ObjectMeta: portableMeta(&pvc.ObjectMeta),
		Spec:       *pvc.Spec.DeepCopy(),
	}
	out.Namespace = pvc.Namespace
	return out
}

// portableVRG is the group without what changes with each synchronization.
func portableVRG(vrg *v1alpha1.VolumeReplicationGroup) *v1alpha1.VolumeReplicationGroup {
	out := &v1alpha1.VolumeReplicationGroup{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "VolumeReplicationGroup"},
		ObjectMeta: metav1.ObjectMeta{Namespace: vrg.Namespace, Name: vrg.Name, Labels: maps.Clone(vrg.Labels), Annotations: maps.Clone(vrg.Annotations)},
		Spec:       *vrg.Spec.DeepCopy(),
	}
	maps.DeleteFunc(out.Annotations, func(key, _ string) bool {
		return key == v1alpha1.AnnotationSigners || key == v1alpha1.AnnotationClusterKeys || !strings.HasPrefix(key, "exchange.ramendr.openshift.io/") && !strings.HasPrefix(key, v1alpha1.DRPCAnnotationPrefix)
	})
	// An operation that is under way is no part of what is to be restored, and must not cause an upload.
	out.Spec.PrepareForFinalSync, out.Spec.RunFinalSync, out.Spec.Action = false, false, ""
	for _, p := range vrg.Status.ProtectedPVCs {
		p = *p.DeepCopy()
		p.Conditions, p.LastSyncTime, p.LastSyncDuration, p.LastSyncBytes = nil, nil, nil, nil
		out.Status.ProtectedPVCs = append(out.Status.ProtectedPVCs, p)
	}
	return out
}

func portableMeta(m *metav1.ObjectMeta) metav1.ObjectMeta {
	out := metav1.ObjectMeta{Name: m.Name, Labels: PortableLabels(m.Labels), Annotations: maps.Clone(m.Annotations)}
	maps.DeleteFunc(out.Annotations, func(key, _ string) bool { return !portableAnnotation(key) })
	return out
}

// ClaimText is a claim as the store would have it.
func ClaimText(pvc *corev1.PersistentVolumeClaim) (string, error) {
	text, err := json.Marshal(portablePVC(pvc))
	if err != nil {
		return "", fmt.Errorf("encode claim %s: %w", pvc.Name, err)
	}
	return string(text), nil
}

// PairOf is the pair of a PV and the claim that ClaimText made text from.
func PairOf(pv *corev1.PersistentVolume, text string) (Pair, error) {
	pvc := &corev1.PersistentVolumeClaim{}
	if err := json.Unmarshal([]byte(text), pvc); err != nil {
		return Pair{}, fmt.Errorf("read the claim that PersistentVolume %s remembers: %w", pv.Name, err)
	}
	return Pair{PV: portablePVOf(pv, pvc), PVC: pvc, Own: true}, nil
}

// ClaimOf names the claim that ClaimText made text from; false: it is not readable.
func ClaimOf(text string) (types.NamespacedName, bool) {
	var pvc struct{ Metadata metav1.ObjectMeta }
	err := json.Unmarshal([]byte(text), &pvc)
	return types.NamespacedName{Namespace: pvc.Metadata.Namespace, Name: pvc.Metadata.Name}, err == nil && pvc.Metadata.Name != ""
}

// PortableAnnotations are those of a claim that are of no one cluster.
func PortableAnnotations(in map[string]string) map[string]string {
	out := maps.Clone(in)
	maps.DeleteFunc(out, func(key, _ string) bool {
		return !portableAnnotation(key) || strings.HasPrefix(key, "pv.kubernetes.io/") ||
			strings.HasPrefix(key, "volume.kubernetes.io/") || strings.HasPrefix(key, "volume.beta.kubernetes.io/") || strings.HasPrefix(key, "volsync.backube/")
	})
	if len(out) == 0 {
		return nil
	}
	return out
}

// PortableLabels are the labels that are not ours.
func PortableLabels(in map[string]string) map[string]string {
	out := maps.Clone(in)
	delete(out, v1alpha1.LabelOwnerName)
	delete(out, v1alpha1.LabelOwnerNamespace)
	return out
}

func portableAnnotation(key string) bool {
	local := []string{annBindCompleted, annBoundByControl, annSelectedNode, annLastApplied, annTrackingID}
	if slices.Contains(local, key) {
		return false
	}
	for _, prefix := range []string{"volumereplicationgroups.ramendr.openshift.io/", "replication.storage.openshift.io/"} {
		if strings.HasPrefix(key, prefix) {
			return false
		}
	}
	return true
}
