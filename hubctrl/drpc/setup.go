// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance"
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/internal/rewind"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// indexDRPC finds the wishes and reports of a DRPlacementControl.
const indexDRPC = "drpc"

// concurrency is how many applications are looked at at once. A pass waits for API calls most of its time.
const concurrency = 16

// Options are what the reconciler needs besides the manager.
type Options struct {
	// Namespace of the operator: its configuration is there.
	Namespace string
	// Origin is the id of this hub (X8).
	Origin string
	// Links tells how the links fare.
	Links Links
	// Changed tells that a link changed; the name of an event's object is the cluster.
	Changed <-chan event.GenericEvent
	// Inventory tells that what Links.Await asked for may be known.
	Inventory <-chan event.GenericEvent
	// Operations counts what operations do.
	Operations *metrics.Operations
	// Clock is the hub's clock.
	Clock clock.PassiveClock
}

// Setup adds the reconciler to mgr.
func Setup(mgr manager.Manager, o Options) error {
	configs, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(),
		ByObject: map[client.Object]cache.ByObject{&corev1.ConfigMap{}: {
			Namespaces: map[string]cache.Config{o.Namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", ramenconfig.HubConfigMap)}},
		}},
	})
	if err != nil {
		return fmt.Errorf("set up drpc: cache of the configuration: %w", err)
	}
	if err := mgr.Add(configs); err != nil {
		return fmt.Errorf("set up drpc: %w", err)
	}
	r := &Reconciler{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), links: o.Links, clock: o.Clock,
		recorder: mgr.GetEventRecorder("drplacementcontrol"), operations: o.Operations, ledger: newLedger(), groups: newGroups(), origin: o.Origin,
		configs: configs, namespace: o.Namespace,
	}
	err = mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.VolumeReplicationGroup{}, indexDRPC, drpcKey)
	if err != nil {
		return fmt.Errorf("index VolumeReplicationGroups: %w", err)
	}
	err = ctrl.NewControllerManagedBy(mgr).Named("drplacementcontrol").
		For(&v1alpha1.DRPlacementControl{}, builder.WithPredicates(byUser())).
		Watches(&v1alpha1.VolumeReplicationGroup{}, handler.EnqueueRequestsFromMapFunc(drpcOf)).
		Watches(&v1alpha1.DRPlacementControl{}, handler.EnqueueRequestsFromMapFunc(r.ofRival), builder.WithPredicates(yields())).
		Watches(&v1alpha1.DRPolicy{}, handler.EnqueueRequestsFromMapFunc(r.ofPolicy)).
		Watches(&v1alpha1.DRCluster{}, handler.EnqueueRequestsFromMapFunc(r.ofCluster), builder.WithPredicates(rewind.Changed())).
		Watches(&v1alpha1.DRClusterConfig{}, handler.EnqueueRequestsFromMapFunc(r.failingOver), builder.WithPredicates(modesChanged())).
		WatchesRawSource(source.Kind(configs, client.Object(&corev1.ConfigMap{}), handler.EnqueueRequestsFromMapFunc(r.ofConfig))).
		WatchesRawSource(source.Channel(o.Changed, handler.EnqueueRequestsFromMapFunc(r.ofCluster))).
		WatchesRawSource(source.Channel(o.Inventory, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up drpc: %w", err)
	}
	return nil
}

// byUser lets only pass what the user did. Our own status writes must not wake us: that would be one pass more for each.
func byUser() predicate.Predicate {
	return predicate.Or(rewind.Changed(), predicate.AnnotationChangedPredicate{}, deletion())
}

func deletion() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return (e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil)
		},
		CreateFunc: func(event.CreateEvent) bool { return true },
		DeleteFunc: func(event.DeleteEvent) bool { return true },
	}
}

// yields lets only pass that an object is gone, or protects something else than before.
func yields() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, ok := e.ObjectOld.(*v1alpha1.DRPlacementControl)
			is, also := e.ObjectNew.(*v1alpha1.DRPlacementControl)
			return ok && also && (exchange.GroupOf(was) != exchange.GroupOf(is) || !slices.Equal(was.Spec.ProtectedNamespaces, is.Spec.ProtectedNamespaces))
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}

// drpcKey is the index of an object in an outbox or inbox.
func drpcKey(o client.Object) []string {
	if _, ok := exchange.ClusterOf(o.GetNamespace()); !ok {
		return nil
	}
	if key := o.GetAnnotations()[exchange.AnnotationDRPC]; key != "" {
		return []string{key}
	}
	return nil
}

func drpcOf(_ context.Context, o client.Object) []reconcile.Request {
	for _, key := range drpcKey(o) {
		if ns, name, ok := strings.Cut(key, "/"); ok {
			return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: ns, Name: name}}}
		}
	}
	// A report about an object that no hub made: it may be in the way of an application of the same name.
	if target, err := exchange.Target(o); err == nil {
		return []reconcile.Request{{NamespacedName: target}}
	}
	return nil
}

// ofRival asks for a pass over those that an application was in the way of which is gone, or protects something else.
func (r *Reconciler) ofRival(ctx context.Context, o client.Object) []reconcile.Request {
	drpc, ok := o.(*v1alpha1.DRPlacementControl)
	if !ok {
		return nil
	}
	config, _ := ramenconfig.Load(ctx, r.configs, r.namespace, ramenconfig.HubConfigMap) // unknown has an answer too
	rivals, err := r.rivals(ctx, drpc, config)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "find rivals")
		return nil
	}
	var out []reconcile.Request
	for i := range rivals {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&rivals[i])})
	}
	return out
}

// ofConfig asks for a pass over everything: the configuration says where applications of several namespaces are.
func (r *Reconciler) ofConfig(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.all(ctx, func(string) bool { return true })
}

func (r *Reconciler) ofPolicy(ctx context.Context, o client.Object) []reconcile.Request {
	return r.all(ctx, func(policy string) bool { return policy == o.GetName() })
}

func (r *Reconciler) ofCluster(ctx context.Context, o client.Object) []reconcile.Request {
	policies := &v1alpha1.DRPolicyList{}
	if err := r.client.List(ctx, policies); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list DRPolicies")
		return nil
	}
	named := map[string]bool{}
	for i := range policies.Items {
		for _, cluster := range policies.Items[i].Spec.DRClusters {
			if cluster == o.GetName() {
				named[policies.Items[i].Name] = true
			}
		}
	}
	return r.all(ctx, func(policy string) bool { return named[policy] })
}

// failingOver asks for a pass over the applications with a failover that may wait for the storage of a cluster.
func (r *Reconciler) failingOver(ctx context.Context, o client.Object) []reconcile.Request {
	return slices.DeleteFunc(r.ofCluster(ctx, o), func(q reconcile.Request) bool {
		drpc := &v1alpha1.DRPlacementControl{}
		return r.client.Get(ctx, q.NamespacedName, drpc) != nil || drpc.Spec.Action != v1alpha1.ActionFailover
	})
}

// modesChanged lets only through what concerns maintenance modes.
func modesChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.DRClusterConfig)
		now, same := e.ObjectNew.(*v1alpha1.DRClusterConfig)
		return !ok || !same || maintenance.Changed(was, now)
	}}
}

// all asks for a pass over every application of the policies that match.
func (r *Reconciler) all(ctx context.Context, match func(policy string) bool) []reconcile.Request {
	list := &v1alpha1.DRPlacementControlList{}
	if err := r.client.List(ctx, list); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "list DRPlacementControls")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		if match(list.Items[i].Spec.DRPolicyRef.Name) {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return out
}
