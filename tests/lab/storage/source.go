// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"
	"slices"

	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/apply"
)

// Marks of csi-addons' controller.
const (
	vrFinalizer  = "replication.storage.openshift.io"
	pvcFinalizer = "replication.storage.openshift.io/pvc-protection"
	ownerKey     = replicationv1alpha1.VolumeReplicationNameAnnotation
)

// source follows class, claim and volume. What it returns with an error is as much as it found.
func (r *replicator) source(ctx context.Context, vr *replicationv1alpha1.VolumeReplication) (source, error) {
	var src source
	var class replicationv1alpha1.VolumeReplicationClass
	if err := r.client.Get(ctx, client.ObjectKey{Name: vr.Spec.VolumeReplicationClass}, &class); err != nil {
		return src, fmt.Errorf("read VolumeReplicationClass %s: %w", vr.Spec.VolumeReplicationClass, err)
	}
	if class.Spec.Provisioner != Driver {
		return src, errForeign
	}
	interval, err := r.speed.Of(class.Spec.Parameters["schedulingInterval"])
	if err != nil {
		return src, fmt.Errorf("VolumeReplicationClass %s: %w", class.Name, err)
	}
	src.interval = interval
	if vr.Spec.DataSource.Kind != "PersistentVolumeClaim" {
		return src, fmt.Errorf("spec.dataSource.kind %q: want PersistentVolumeClaim", vr.Spec.DataSource.Kind)
	}
	var pvc corev1.PersistentVolumeClaim
	if err := r.client.Get(ctx, client.ObjectKey{Namespace: vr.Namespace, Name: vr.Spec.DataSource.Name}, &pvc); err != nil {
		return src, fmt.Errorf("read claim: %v", err) //nolint:errorlint // a claim that is not there is a finding, not a race
	}
	src.pvc = &pvc
	if pvc.Spec.VolumeName == "" || pvc.Status.Phase != corev1.ClaimBound {
		return src, fmt.Errorf("claim %s is not bound", pvc.Name)
	}
	var pv corev1.PersistentVolume
	if err := r.client.Get(ctx, client.ObjectKey{Name: pvc.Spec.VolumeName}, &pv); err != nil {
		return src, fmt.Errorf("read volume: %v", err) //nolint:errorlint // as above
	}
	if pv.Spec.CSI == nil || pv.Spec.CSI.Driver != Driver {
		return src, fmt.Errorf("volume %s is not of driver %s", pv.Name, Driver)
	}
	src.handle = pv.Spec.CSI.VolumeHandle
	return src, nil
}

// mine says that no other VolumeReplication owns the claim.
func (s source) mine(vr *replicationv1alpha1.VolumeReplication) bool {
	owner := s.pvc.Annotations[ownerKey]
	return owner == "" || owner == vr.Name
}

// mark puts the finalizers and the owner on claim and object; the claim comes first, so that it cannot go while the
// object depends on it.
func (r *replicator) mark(ctx context.Context, vr *replicationv1alpha1.VolumeReplication, pvc *corev1.PersistentVolumeClaim) error {
	if owner := pvc.Annotations[ownerKey]; owner != "" && owner != vr.Name {
		return fmt.Errorf("claim %s belongs to VolumeReplication %s", pvc.Name, owner)
	}
	if !has(pvc, pvcFinalizer) || pvc.Annotations[ownerKey] == "" {
		if err := r.apply.Owned(ctx, marks(pvc, claimKind(), pvcFinalizer, map[string]any{ownerKey: vr.Name})); err != nil {
			return fmt.Errorf("mark claim: %w", err)
		}
	}
	if !has(vr, vrFinalizer) {
		if err := r.apply.Owned(ctx, marks(vr, replicationKind(), vrFinalizer, nil)); err != nil {
			return fmt.Errorf("mark VolumeReplication: %w", err)
		}
	}
	return nil
}

// unmark takes off what mark put on; our own finalizer goes last.
func (r *replicator) unmark(ctx context.Context, vr *replicationv1alpha1.VolumeReplication, src source) error {
	if src.mine(vr) && has(src.pvc, pvcFinalizer) {
		if err := r.apply.Owned(ctx, marks(src.pvc, claimKind(), "", nil)); err != nil {
			return fmt.Errorf("unmark claim: %w", err)
		}
	}
	if !has(vr, vrFinalizer) {
		return nil
	}
	if err := r.apply.Owned(ctx, marks(vr, replicationKind(), "", nil)); err != nil {
		return fmt.Errorf("unmark VolumeReplication: %w", err)
	}
	return nil
}

func has(obj client.Object, finalizer string) bool {
	return slices.Contains(obj.GetFinalizers(), finalizer)
}

func claimKind() schema.GroupVersionKind {
	return corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")
}

func replicationKind() schema.GroupVersionKind {
	return replicationv1alpha1.GroupVersion.WithKind("VolumeReplication")
}

// marks is the intent for an object that somebody else made; with its UID, so that it is not re-created. What the
// intent before had and this one lacks is taken off.
func marks(obj client.Object, kind schema.GroupVersionKind, finalizer string, annotations map[string]any) apply.Intent {
	metadata := map[string]any{"name": obj.GetName(), "namespace": obj.GetNamespace(), "uid": string(obj.GetUID())}
	if finalizer != "" {
		metadata["finalizers"] = []any{finalizer}
	}
	if annotations != nil {
		metadata["annotations"] = annotations
	}
	u := &unstructured.Unstructured{Object: map[string]any{"metadata": metadata}}
	u.SetGroupVersionKind(kind)
	return apply.Untyped(u)
}
