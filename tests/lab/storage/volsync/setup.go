// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"context"
	"fmt"

	volsyncv1alpha1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	crsource "sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
	"github.com/ramendr/ramen-direct/tests/lab/storage/mover"
)

// Options of the two controllers.
type Options struct {
	Cluster      string
	Driver       string
	Store        *engine.Store
	Destinations *mover.Destinations // of this cluster
	Peer         mover.Receiver      // the destinations of the other one
	Speed        Speed
	// Received tells of ReplicationDestinations whose volumes got new content.
	Received <-chan event.GenericEvent
}

// workers are how many objects of a kind are worked on at once: each transfer takes one.
const workers = 8

// Setup adds the controllers to a manager whose cluster serves Definitions and those of snapshots.
func Setup(mgr ctrl.Manager, o Options) error {
	c := mgr.GetClient()
	s := site{
		client: c, live: mgr.GetAPIReader(), apply: apply.New(c, "lab-volsync"), events: mgr.GetEventRecorder(o.Driver),
		clock: clock.RealClock{}, store: o.Store, destinations: o.Destinations, speed: o.Speed, cluster: o.Cluster, driver: o.Driver,
	}
	if err := ctrl.NewControllerManagedBy(mgr).Named("volsync-source").
		For(&volsyncv1alpha1.ReplicationSource{}).
		Owns(&snapshotv1.VolumeSnapshot{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(&source{site: s, peer: o.Peer}); err != nil {
		return fmt.Errorf("add sources: %w", err)
	}
	if err := ctrl.NewControllerManagedBy(mgr).Named("volsync-destination").
		For(&volsyncv1alpha1.ReplicationDestination{}).
		Owns(&snapshotv1.VolumeSnapshot{}).
		Watches(&corev1.PersistentVolumeClaim{}, handler.EnqueueRequestsFromMapFunc(users(c, claimOf))).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(users(c, keyOf)), builder.OnlyMetadata).
		WatchesRawSource(crsource.Channel(o.Received, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(&destination{site: s}); err != nil {
		return fmt.Errorf("add destinations: %w", err)
	}
	return nil
}

func claimOf(rd *volsyncv1alpha1.ReplicationDestination) string {
	return ptr.Deref(rd.Spec.RsyncTLS.DestinationPVC, "volsync-"+rd.Name+"-dst")
}

func keyOf(rd *volsyncv1alpha1.ReplicationDestination) string {
	return ptr.Deref(rd.Spec.RsyncTLS.KeySecret, "")
}

// users are the destinations that use an object, by its name.
func users(c client.Client, name func(*volsyncv1alpha1.ReplicationDestination) string) handler.MapFunc {
	return func(ctx context.Context, o client.Object) []reconcile.Request {
		list := &volsyncv1alpha1.ReplicationDestinationList{}
		if err := c.List(ctx, list, client.InNamespace(o.GetNamespace())); err != nil {
			return nil // it is the cache: it fails only at the end
		}
		var out []reconcile.Request
		for i := range list.Items {
			if rd := &list.Items[i]; rd.Spec.RsyncTLS != nil && name(rd) == o.GetName() {
				out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(rd)})
			}
		}
		return out
	}
}
