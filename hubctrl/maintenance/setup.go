// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	hublinks "github.com/ramendr/ramen-direct/hubctrl/links"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance/modes"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// concurrency is how many clusters are looked at at once. A pass waits for API calls most of its time.
const concurrency = 8

// Setup adds the controller to a manager. Everything that it looks at wakes it.
func Setup(mgr manager.Manager, now clock.PassiveClock) error {
	r := newReconciler(mgr.GetClient(), mgr.GetAPIReader(), now)
	err := ctrl.NewControllerManagedBy(mgr).
		Named("drcluster-modes").
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		For(&v1alpha1.DRCluster{}, builder.WithPredicates(bornOrGone())).
		Watches(&v1alpha1.DRClusterConfig{}, &handler.EnqueueRequestForObject{}, builder.WithPredicates(modesChanged())).
		Watches(&v1alpha1.DRPlacementControl{}, handler.EnqueueRequestsFromMapFunc(r.clustersOf), builder.WithPredicates(failoverChanged())).
		Watches(&v1alpha1.VolumeReplicationGroup{}, handler.EnqueueRequestsFromMapFunc(r.clustersOfGroup), builder.WithPredicates(groupChanged())).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up drcluster-modes: %w", err)
	}
	return nil
}

// clustersOf asks for a look at both clusters of an application.
func (r *Reconciler) clustersOf(ctx context.Context, o client.Object) []reconcile.Request {
	drpc, ok := o.(*v1alpha1.DRPlacementControl)
	if !ok {
		return nil
	}
	policy := &v1alpha1.DRPolicy{}
	if err := r.client.Get(ctx, client.ObjectKey{Name: drpc.Spec.DRPolicyRef.Name}, policy); err != nil {
		if client.IgnoreNotFound(err) != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Could not read a DRPolicy")
		}
		return nil
	}
	var out []reconcile.Request
	for _, cluster := range policy.Spec.DRClusters {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKey{Name: cluster}})
	}
	return out
}

// clustersOfGroup asks for a look at both clusters of the application behind a wish or report, if its user asked for a
// failover.
func (r *Reconciler) clustersOfGroup(ctx context.Context, o client.Object) []reconcile.Request {
	namespace, name, ok := strings.Cut(o.GetAnnotations()[exchange.AnnotationDRPC], "/")
	if _, exchanged := exchange.ClusterOf(o.GetNamespace()); !ok || !exchanged {
		return nil
	}
	drpc := &v1alpha1.DRPlacementControl{}
	switch err := r.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, drpc); {
	case client.IgnoreNotFound(err) != nil:
		ctrl.LoggerFrom(ctx).Error(err, "Could not read a DRPlacementControl")
		return nil
	case err != nil, drpc.Spec.Action != v1alpha1.ActionFailover:
		return nil
	}
	return r.clustersOf(ctx, drpc)
}

// modesChanged lets through what concerns maintenance modes of what a cluster is told and tells.
func modesChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.DRClusterConfig)
		now, same := e.ObjectNew.(*v1alpha1.DRClusterConfig)
		return !ok || !same || modes.Changed(was, now)
	}}
}

// failoverChanged lets through applications whose user asks, or no longer asks, for a failover.
func failoverChanged() predicate.Predicate {
	failover := func(o client.Object) bool {
		drpc, ok := o.(*v1alpha1.DRPlacementControl)
		return ok && drpc.Spec.Action == v1alpha1.ActionFailover
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return failover(e.Object) },
		DeleteFunc: func(e event.DeleteEvent) bool { return failover(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, ok := e.ObjectOld.(*v1alpha1.DRPlacementControl)
			now, same := e.ObjectNew.(*v1alpha1.DRPlacementControl)
			return ok && same && (failover(was) || failover(now)) && (was.Generation != now.Generation ||
				(was.DeletionTimestamp == nil) != (now.DeletionTimestamp == nil) ||
				!equality.Semantic.DeepEqual(was.Status.Decisions, now.Status.Decisions))
		},
	}
}

// groupChanged holds back what changes with each synchronization. What the cache does not keep of a report may have changed.
func groupChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.VolumeReplicationGroup)
		now, same := e.ObjectNew.(*v1alpha1.VolumeReplicationGroup)
		return !ok || !same || hublinks.Apart(now) || !modes.Alike(was, now)
	}}
}

func bornOrGone() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}
}
