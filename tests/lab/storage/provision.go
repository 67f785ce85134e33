// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"fmt"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/tests/lab/storage/binding"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/snapshot"
)

// provisionedBy is the annotation by which an external provisioner knows its volumes.
const provisionedBy = "pv.kubernetes.io/provisioned-by"

// provisioner makes a volume for each claim that waits for one, if its class lets it do so before a Pod uses the claim.
type provisioner struct {
	client client.Client
	events events.EventRecorder
	store  *engine.Store
}

// Reconcile creates the folder first: a folder without a PersistentVolume is found again by its name, which is made of
// the claim's UID.
func (p *provisioner) Reconcile(ctx context.Context, pvc *corev1.PersistentVolumeClaim) (reconcile.Result, error) {
	if pvc.DeletionTimestamp != nil || pvc.Spec.VolumeName != "" || pvc.Status.Phase == corev1.ClaimBound ||
		ptr.Deref(pvc.Spec.StorageClassName, "") == "" {
		return reconcile.Result{}, nil
	}
	var class storagev1.StorageClass
	if err := p.client.Get(ctx, client.ObjectKey{Name: *pvc.Spec.StorageClassName}, &class); err != nil {
		if apierrors.IsNotFound(err) {
			return reconcile.Result{RequeueAfter: retryAfter}, nil
		}
		return reconcile.Result{}, fmt.Errorf("read storage class: %w", err)
	}
	if class.Provisioner != Driver || binding.Waits(pvc, &class) {
		return reconcile.Result{}, nil
	}
	pv := volumeFor(pvc, &class)
	if err := p.fill(ctx, pvc, pv); err != nil {
		p.events.Eventf(pvc, nil, corev1.EventTypeWarning, "ProvisioningFailed", "Provision", "%s", err)
		return reconcile.Result{RequeueAfter: retryAfter}, nil
	}
	switch err := p.client.Create(ctx, pv); {
	case apierrors.IsAlreadyExists(err):
		return reconcile.Result{}, nil
	case err != nil:
		return reconcile.Result{}, fmt.Errorf("create volume: %w", err)
	}
	p.events.Eventf(pvc, pv, corev1.EventTypeNormal, "ProvisioningSucceeded", "Provision", "made volume %s", pv.Name)
	return reconcile.Result{}, nil
}

// fill makes the volume, empty or with the bytes of the snapshot that the claim names.
func (p *provisioner) fill(ctx context.Context, pvc *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) error {
	key, restores := snapshot.SourceOf(pvc)
	if !restores {
		if pvc.Spec.DataSource != nil || pvc.Spec.DataSourceRef != nil {
			return errors.New("a volume is made empty or from a VolumeSnapshot of its namespace, of nothing else")
		}
		return p.store.Create(pv.Spec.CSI.VolumeHandle)
	}
	var vs snapshotv1.VolumeSnapshot
	if err := p.client.Get(ctx, key, &vs); err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	name, size, err := snapshot.Restorable(ctx, p.client, &vs)
	if err != nil {
		return err
	}
	if asked := pvc.Spec.Resources.Requests[corev1.ResourceStorage]; asked.Cmp(size) < 0 {
		return fmt.Errorf("the claim asks for %s, less than the %s of snapshot %s", asked.String(), size.String(), key.Name)
	}
	return p.store.Restore(ctx, name, pv.Spec.CSI.VolumeHandle)
}

func volumeFor(pvc *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "pvc-" + string(pvc.UID),
			Annotations: map[string]string{provisionedBy: Driver},
		},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:                   pvc.Spec.AccessModes,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: pvc.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeReclaimPolicy: ptr.Deref(class.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete),
			StorageClassName:              class.Name,
			MountOptions:                  class.MountOptions,
			VolumeMode:                    pvc.Spec.VolumeMode,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: pvc.Namespace, Name: pvc.Name,
				UID: pvc.UID, ResourceVersion: pvc.ResourceVersion,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				CSI: &corev1.CSIPersistentVolumeSource{Driver: Driver, VolumeHandle: "vol-" + string(pvc.UID)},
			},
		},
	}
}

// reclaimer deletes released volumes whose policy is Delete.
type reclaimer struct {
	client client.Client
	events events.EventRecorder
	store  *engine.Store
}

// Reconcile lets a secondary's PersistentVolume go and keeps its bytes: for the cluster the volume is gone, for the
// peer it is still the destination.
func (r *reclaimer) Reconcile(ctx context.Context, pv *corev1.PersistentVolume) (reconcile.Result, error) {
	if pv.DeletionTimestamp != nil || pv.Status.Phase != corev1.VolumeReleased ||
		pv.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete ||
		pv.Spec.CSI == nil || pv.Spec.CSI.Driver != Driver || pv.Annotations[provisionedBy] != Driver {
		return reconcile.Result{}, nil
	}
	kept, err := r.store.Delete(ctx, pv.Spec.CSI.VolumeHandle)
	if errors.Is(err, engine.ErrReplicating) || errors.Is(err, engine.ErrInUse) {
		r.events.Eventf(pv, nil, corev1.EventTypeWarning, "VolumeFailedDelete", "Delete", "%s", err)
		return reconcile.Result{RequeueAfter: retryAfter}, nil
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	if kept {
		r.events.Eventf(pv, nil, corev1.EventTypeNormal, "VolumeKept", "Delete", "volume stays as the peer's secondary")
	}
	if err := r.client.Delete(ctx, pv, client.Preconditions{UID: &pv.UID}); client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, fmt.Errorf("delete volume: %w", err)
	}
	return reconcile.Result{}, nil
}

// setupProvisioning adds the two controllers, and returns the one that makes volumes.
func setupProvisioning(mgr ctrl.Manager, store *engine.Store) (controller.Controller, error) {
	made, err := ctrl.NewControllerManagedBy(mgr).Named("provisioner").For(&corev1.PersistentVolumeClaim{}).
		Build(reconcile.AsReconciler(mgr.GetClient(), &provisioner{
			client: mgr.GetClient(), events: mgr.GetEventRecorder(Driver), store: store,
		}))
	if err != nil {
		return nil, fmt.Errorf("add provisioner: %w", err)
	}
	if err := ctrl.NewControllerManagedBy(mgr).Named("reclaimer").For(&corev1.PersistentVolume{}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), &reclaimer{
			client: mgr.GetClient(), events: mgr.GetEventRecorder(Driver), store: store,
		})); err != nil {
		return nil, fmt.Errorf("add reclaimer: %w", err)
	}
	return made, nil
}
