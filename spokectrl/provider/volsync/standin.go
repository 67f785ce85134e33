// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// A claim that leaves can't be snapshotted any more, and deployment tools delete claims together with the workload,
// before the last synchronization. So another claim stands in for it: of a PersistentVolume of its own with the same
// handle. The original pair is left as it is, held by its finalizer.

// standsIn reports whether the volume has to be sent by a stand-in.
func standsIn(v provider.Volume) bool {
	return v.Claim != nil && v.Claim.DeletionTimestamp != nil && v.PV != nil && asked(v) == tagFinal
}

// standIn are the volume and the claim that stand in.
func standIn(v provider.Volume) ([]apply.Intent, error) {
	about := map[string]string{annotationClaim: v.Name}
	name := standInOf(v.Name)
	pv := &corev1.PersistentVolume{Spec: *v.PV.Spec.DeepCopy()}
	pv.Name = standInOf(v.PV.Name)
	pv.Labels, pv.Annotations = Labels(v.Group), about
	pv.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	pv.Spec.ClaimRef = &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: v.Namespace, Name: name}
	claim := &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: v.Claim.Spec.AccessModes,
		Resources:   v.Claim.Spec.Resources,
		VolumeMode:  v.Claim.Spec.VolumeMode,
		VolumeName:  pv.Name, StorageClassName: v.Claim.Spec.StorageClassName,
	}}
	claim.Namespace, claim.Name, claim.Labels, claim.Annotations = v.Namespace, name, Labels(v.Group), about
	return intents(map[string]client.Object{"PersistentVolume": pv, "PersistentVolumeClaim": claim}, "PersistentVolume", "PersistentVolumeClaim")
}

// intents are core objects of those kinds, as intents.
func intents(objects map[string]client.Object, kinds ...string) ([]apply.Intent, error) {
	var out []apply.Intent
	for _, kind := range kinds {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(objects[kind])
		if err != nil {
			return nil, fmt.Errorf("convert %s: %w", kind, err)
		}
		u := &unstructured.Unstructured{Object: content}
		u.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
		unstructured.RemoveNestedField(u.Object, "status")
		unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
		out = append(out, apply.Untyped(u))
	}
	return out, nil
}

// observeStandIn looks for what stands in. As long as any of it is there, so is the replica.
func observeStandIn(ctx context.Context, r client.Reader, s *provider.State, v provider.Volume) error {
	claim := &corev1.PersistentVolumeClaim{}
	if err := find(ctx, r, client.ObjectKey{Namespace: v.Namespace, Name: standInOf(v.Name)}, claim, s, v.Group); err != nil {
		return err
	}
	volume := claim.Spec.VolumeName
	if v.PV != nil {
		volume = standInOf(v.PV.Name)
	}
	if volume == "" {
		return nil
	}
	return find(ctx, r, client.ObjectKey{Name: volume}, &corev1.PersistentVolume{}, s, v.Group)
}

func find(ctx context.Context, r client.Reader, key client.ObjectKey, obj client.Object, s *provider.State, g provider.Group) error {
	switch err := r.Get(ctx, key, obj); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read %T %s: %w", obj, key.Name, err)
	case !owned(g, obj):
		return nil
	}
	s.Objects = append(s.Objects, obj)
	if s.Replica == plan.ReplicaAbsent {
		s.Replica = plan.ReplicaPresent
		if obj.GetDeletionTimestamp() != nil {
			s.Replica = plan.ReplicaLeaving
		}
	}
	return nil
}
