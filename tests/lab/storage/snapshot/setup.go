// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"fmt"
	"slices"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// controlled says that we hold the snapshot.
func controlled(vs *snapshotv1.VolumeSnapshot) bool {
	return slices.Contains(vs.Finalizers, boundFinalizer)
}

// sweeper removes the bytes of contents that are deleted.
type sweeper struct {
	client client.Client
	store  *engine.Store
	driver string
}

// Reconcile waits for the snapshot that content belongs to: content that goes ahead of it would leave it without bytes.
func (r *sweeper) Reconcile(ctx context.Context, content *snapshotv1.VolumeSnapshotContent) (reconcile.Result, error) {
	if content.DeletionTimestamp == nil || content.Spec.Driver != r.driver {
		return reconcile.Result{}, nil
	}
	ref := content.Spec.VolumeSnapshotRef
	vs := &snapshotv1.VolumeSnapshot{}
	err := r.client.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, vs)
	if client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, fmt.Errorf("read VolumeSnapshot: %w", err)
	}
	if err == nil && vs.UID == ref.UID && vs.DeletionTimestamp == nil {
		return reconcile.Result{}, nil // its deletion wakes us
	}
	if content.Spec.DeletionPolicy == snapshotv1.VolumeSnapshotContentDelete {
		if err := r.store.DeleteSnapshot(ctx, "snapshot-"+string(ref.UID)); err != nil {
			return reconcile.Result{}, err
		}
	}
	err = apply.Release(ctx, r.client, content, contentFinalizer)
	if apierrors.IsInvalid(err) || apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: retryAfter}, nil
	}
	return reconcile.Result{}, err
}

// Setup adds the controllers to a manager whose cluster serves Definitions.
func Setup(mgr ctrl.Manager, store *engine.Store, driver string) error {
	if err := ctrl.NewControllerManagedBy(mgr).Named("snapshot").
		For(&snapshotv1.VolumeSnapshot{}).
		Watches(&snapshotv1.VolumeSnapshotContent{}, handler.EnqueueRequestsFromMapFunc(snapshotOf)).
		Watches(&corev1.PersistentVolumeClaim{}, handler.EnqueueRequestsFromMapFunc(waiting(mgr.GetClient()))).
		WithOptions(controller.Options{MaxConcurrentReconciles: 8}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), &snapshotter{
			client: mgr.GetClient(), live: mgr.GetAPIReader(), apply: apply.New(mgr.GetClient(), "lab-snapshot"), events: mgr.GetEventRecorder(driver),
			clock: clock.RealClock{}, store: store, driver: driver,
		})); err != nil {
		return fmt.Errorf("add snapshots: %w", err)
	}
	if err := ctrl.NewControllerManagedBy(mgr).Named("snapshot-content").
		For(&snapshotv1.VolumeSnapshotContent{}).
		Watches(&snapshotv1.VolumeSnapshot{}, handler.EnqueueRequestsFromMapFunc(contentOf)).
		Complete(reconcile.AsReconciler(mgr.GetClient(), &sweeper{client: mgr.GetClient(), store: store, driver: driver})); err != nil {
		return fmt.Errorf("add contents of snapshots: %w", err)
	}
	return nil
}

func snapshotOf(_ context.Context, o client.Object) []reconcile.Request {
	content, ok := o.(*snapshotv1.VolumeSnapshotContent)
	if !ok {
		return nil
	}
	ref := content.Spec.VolumeSnapshotRef
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}}}
}

func contentOf(_ context.Context, o client.Object) []reconcile.Request {
	vs, ok := o.(*snapshotv1.VolumeSnapshot)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: contentName(vs)}}}
}

// waiting are the snapshots that a claim may hold up: those to be made of it, and the one that it is made from.
func waiting(c client.Client) handler.MapFunc {
	return func(ctx context.Context, o client.Object) []reconcile.Request {
		pvc, ok := o.(*corev1.PersistentVolumeClaim)
		if !ok {
			return nil
		}
		var out []reconcile.Request
		if from, ok := SourceOf(pvc); ok {
			out = append(out, reconcile.Request{NamespacedName: from})
		}
		snapshots := &snapshotv1.VolumeSnapshotList{}
		if err := c.List(ctx, snapshots, client.InNamespace(pvc.Namespace)); err != nil {
			return out // what waits for a claim is tried again
		}
		for i := range snapshots.Items {
			vs := &snapshots.Items[i]
			if name := vs.Spec.Source.PersistentVolumeClaimName; name != nil && *name == pvc.Name && (vs.Status == nil || vs.Status.Error != nil) {
				out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(vs)})
			}
		}
		return out
	}
}

// Wants wakes the claims that wait for a snapshot, for the code that makes volumes.
func Wants(c client.Client) handler.MapFunc {
	return func(ctx context.Context, o client.Object) []reconcile.Request {
		claims := &corev1.PersistentVolumeClaimList{}
		if err := c.List(ctx, claims, client.InNamespace(o.GetNamespace())); err != nil {
			return nil // they look again by themselves
		}
		var out []reconcile.Request
		for i := range claims.Items {
			pvc := &claims.Items[i]
			if from, ok := SourceOf(pvc); ok && from.Name == o.GetName() && pvc.Spec.VolumeName == "" {
				out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(pvc)})
			}
		}
		return out
	}
}
