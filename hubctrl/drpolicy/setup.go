// SPDX-License-Identifier: Apache-2.0

package drpolicy

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/rewind"
)

// fieldOwner is the field manager of all that this package writes.
const fieldOwner = "hubctrl-drpolicy"

// Options are what the reconciler needs besides the manager.
type Options struct {
	// Clock is the hub's clock.
	Clock clock.PassiveClock
}

// Reconciler keeps the status of one DRPolicy.
type Reconciler struct {
	client   client.Client
	live     client.Reader // past the cache, before anything is let go
	apply    apply.Applier
	recorder events.EventRecorder
	clock    clock.PassiveClock
}

func newReconciler(c client.Client, live client.Reader, recorder events.EventRecorder, o Options) *Reconciler {
	return &Reconciler{client: c, live: live, apply: apply.New(c, fieldOwner), recorder: recorder, clock: o.Clock}
}

// Setup adds the reconciler to mgr.
func Setup(mgr manager.Manager, o Options) error {
	r := newReconciler(mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder("drpolicy"), o)
	err := ctrl.NewControllerManagedBy(mgr).
		Named("drpolicy").
		For(&v1alpha1.DRPolicy{}, builder.WithPredicates(predicate.Or(rewind.Changed(), apply.StatusEdited()))).
		Watches(&v1alpha1.DRCluster{}, handler.EnqueueRequestsFromMapFunc(r.naming)).
		Watches(&v1alpha1.DRClusterConfig{}, handler.EnqueueRequestsFromMapFunc(r.naming)).
		Watches(&v1alpha1.DRPlacementControl{}, handler.EnqueueRequestsFromMapFunc(referredTo), builder.WithPredicates(gone())).
		Complete(reconcile.AsReconciler(apply.Fresh(mgr.GetClient(), mgr.GetAPIReader()), r))
	if err != nil {
		return fmt.Errorf("set up drpolicy: %w", err)
	}
	return nil
}

// naming asks for a look at the policies that name a cluster. A DRCluster and its DRClusterConfig have its name.
func (r *Reconciler) naming(ctx context.Context, o client.Object) []reconcile.Request {
	list := &v1alpha1.DRPolicyList{}
	if err := r.client.List(ctx, list); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list DRPolicies")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		if slices.Contains(list.Items[i].Spec.DRClusters, o.GetName()) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return out
}

func referredTo(_ context.Context, o client.Object) []reconcile.Request {
	drpc, ok := o.(*v1alpha1.DRPlacementControl)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: drpc.Spec.DRPolicyRef.Name}}}
}

// gone lets through what may end a wait: a DRPlacementControl that is no more.
func gone() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(event.UpdateEvent) bool { return false },
	}
}
