// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/util/workqueue"
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
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
)

const (
	// indexDRPC finds the wishes and reports of a DRPlacementControl.
	indexDRPC = "drpc"
	// indexPolicy finds the DRPlacementControls of a DRPolicy.
	indexPolicy = "policy"
	// indexBox finds the DRPlacementControls that are in namespaces of the exchange with a cluster, if there is such a cluster.
	indexBox = "box"
	// indexClaim finds the DRPlacementControls, and the wishes, that may claim something.
	indexClaim = "claim"
)

// retryAtMost is how long a pass that failed waits at most for the next one: what the API server says about an object that
// nobody watches, such as a namespace of the exchange, is asked again that often.
const retryAtMost = time.Minute

// concurrency is how many applications are looked at at once. A pass waits for API calls most of its time.
const concurrency = 16

// Options are what the reconciler needs besides the manager.
type Options struct {
	// Namespace of the operator: its configuration is there.
	Namespace string
	// Origin is the id of this hub (X8).
	Origin string
	// Links tells the state of the links.
	Links Links
	// Changed tells that a link changed; the name of an event's object is the cluster.
	Changed <-chan event.GenericEvent
	// Absences tells that what Links.Await asked for is known.
	Absences <-chan event.GenericEvent
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
		observer: &observer{
			client: mgr.GetClient(), live: mgr.GetAPIReader(), links: o.Links, clock: o.Clock, configs: configs, namespace: o.Namespace,
			groups: newGroups(), contests: newContests(),
		},
		client: mgr.GetClient(), recorder: mgr.GetEventRecorder("drplacementcontrol"), operations: o.Operations, ledger: newLedger(), own: &ownWrites{}, origin: o.Origin,
	}
	by := &waker{r.observer}
	for _, i := range indices() {
		if err := mgr.GetFieldIndexer().IndexField(context.Background(), i.of, i.name, i.values); err != nil {
			return fmt.Errorf("index %s: %w", i.name, err)
		}
	}
	b := ctrl.NewControllerManagedBy(mgr).Named("drplacementcontrol").
		For(&v1alpha1.DRPlacementControl{}, builder.WithPredicates(predicate.Or(byUser(), r.own.edited()))).
		WatchesRawSource(source.Channel(o.Changed, handler.EnqueueRequestsFromMapFunc(by.ofCluster))).
		WatchesRawSource(source.Channel(o.Absences, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](5*time.Millisecond, retryAtMost),
		})
	for _, w := range by.wakes() {
		from := mgr.GetCache()
		if _, ok := w.by.(*corev1.ConfigMap); ok {
			from = configs
		}
		b = b.WatchesRawSource(source.Kind(from, w.by, handler.EnqueueRequestsFromMapFunc(w.whom), w.when))
	}
	err = b.Complete(r)
	if err != nil {
		return fmt.Errorf("set up drpc: %w", err)
	}
	return nil
}
