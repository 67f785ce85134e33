// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
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
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/internal/rewind"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// fieldOwner is the field manager of all that this package writes.
const fieldOwner = "hubctrl-drcluster"

// concurrency is how many clusters are looked at at once: one whose object store does not answer must not hold up the
// others.
const concurrency = 8

// LinkReader tells the state of the link to a cluster.
type LinkReader interface {
	Link(cluster string) exchange.Link
}

// Options are what the reconciler needs besides the manager. All are required but Wake.
type Options struct {
	// Namespace of the operator: its ConfigMap, the Secrets of the S3 profiles and the ServiceAccount hubctrl are there.
	Namespace string
	// Origin is the id of this hub, which wishes carry (X8): the UID of its namespace kube-system.
	Origin string
	// Open opens object stores, before each check of one.
	Open store.Opener
	// Links tells the state of links.
	Links LinkReader
	// Apart tells how many reports of a cluster the hub does not keep in memory; nil: it keeps all.
	Apart func(cluster string) int
	// Wake tells that a link, or Apart, changed. The object of an event has the name of the cluster. Nobody else may receive from
	// the channel. Nil: a change is seen at the next pass.
	Wake <-chan event.GenericEvent
	// Clock is the hub's clock.
	Clock clock.PassiveClock
}

// Reconciler keeps one DRCluster.
type Reconciler struct {
	client   client.Client
	live     client.Reader // past the cache: for what is not cached, and before anything is deleted
	apply    apply.Applier
	recorder events.EventRecorder
	options  Options
	buckets  *buckets
	deleted  *deletions
	quotas   *quotas
	secrets  *secretWishes
	removal  *removal

	recording sync.Mutex // held while an identity is recorded
}

func newReconciler(c client.Client, live client.Reader, recorder events.EventRecorder, o Options) *Reconciler {
	secrets := &secretWishes{client: c, live: live, apply: apply.New(c, fieldOwner), namespace: o.Namespace, origin: o.Origin}
	return &Reconciler{
		client:   c,
		live:     live,
		apply:    apply.New(c, fieldOwner),
		recorder: recorder,
		options:  o,
		buckets:  newBuckets(o.Open, o.Clock),
		deleted:  &deletions{clock: o.Clock, since: map[string]time.Time{}},
		quotas:   newQuotas(o.Clock),
		secrets:  secrets,
		removal:  &removal{client: c, live: live, links: o.Links, secrets: secrets},
	}
}

// Setup adds the reconciler to mgr. The manager needs no cache of Secrets or ConfigMaps: those of the operator's namespace are
// watched here, Secrets by their metadata only.
func Setup(mgr manager.Manager, o Options) error {
	r := newReconciler(mgr.GetClient(), mgr.GetAPIReader(), mgr.GetEventRecorder("drcluster"), o)
	local, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient:        mgr.GetHTTPClient(),
		Scheme:            mgr.GetScheme(),
		Mapper:            mgr.GetRESTMapper(),
		DefaultNamespaces: map[string]cache.Config{o.Namespace: {}},
	})
	if err != nil {
		return fmt.Errorf("set up drcluster: cache of namespace %s: %w", o.Namespace, err)
	}
	if err := mgr.Add(local); err != nil {
		return fmt.Errorf("set up drcluster: %w", err)
	}
	b := ctrl.NewControllerManagedBy(mgr).
		Named("drcluster").
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		For(&v1alpha1.DRCluster{}, builder.WithPredicates(predicate.Or(rewind.Changed(), apply.StatusEdited()))).
		Watches(&v1alpha1.DRCluster{}, handler.EnqueueRequestsFromMapFunc(r.all), builder.WithPredicates(concernsAll())).
		Watches(&v1alpha1.DRPolicy{}, handler.EnqueueRequestsFromMapFunc(r.all), builder.WithPredicates(rewind.Changed())).
		Watches(&v1alpha1.DRClusterConfig{}, &handler.EnqueueRequestForObject{}, builder.WithPredicates(rewind.Changed())).
		WatchesMetadata(&corev1.Namespace{}, handler.EnqueueRequestsFromMapFunc(clusterOfNamespace), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&corev1.ResourceQuota{}, handler.EnqueueRequestsFromMapFunc(clusterOfQuota), builder.WithPredicates(counted())).
		Watches(&coordinationv1.Lease{}, handler.EnqueueRequestsFromMapFunc(clusterOfInbox), builder.WithPredicates(toldAgain())).
		WatchesRawSource(source.Kind(local, client.Object(&corev1.ConfigMap{}), handler.EnqueueRequestsFromMapFunc(r.all),
			predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetName() == ramenconfig.HubConfigMap }))).
		WatchesRawSource(source.Kind(local, client.Object(secretMetadata()), handler.EnqueueRequestsFromMapFunc(r.all)))
	if o.Wake != nil {
		b = b.WatchesRawSource(source.Channel(o.Wake, &handler.EnqueueRequestForObject{}))
	}
	if err := b.Complete(reconcile.AsReconciler(apply.Fresh(mgr.GetClient(), mgr.GetAPIReader()), r)); err != nil {
		return fmt.Errorf("set up drcluster: %w", err)
	}
	return nil
}

func secretMetadata() *metav1.PartialObjectMetadata {
	m := &metav1.PartialObjectMetadata{}
	m.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	return m
}

// all asks for a look at every cluster: there are few, and policies, profiles and keys concern several of them.
func (r *Reconciler) all(ctx context.Context, _ client.Object) []reconcile.Request {
	list := &v1alpha1.DRClusterList{}
	if err := r.client.List(ctx, list); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list DRClusters")
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return out
}

func clusterOfNamespace(_ context.Context, o client.Object) []reconcile.Request {
	if cluster, ok := exchange.ClusterOf(o.GetName()); ok {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: cluster}}}
	}
	return nil
}

func clusterOfInbox(_ context.Context, o client.Object) []reconcile.Request {
	if cluster, ok := exchange.ClusterOf(o.GetNamespace()); ok && o.GetName() == exchange.LeaseName {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: cluster}}}
	}
	return nil
}

func clusterOfQuota(_ context.Context, o client.Object) []reconcile.Request {
	if cluster, ok := exchange.ClusterOf(o.GetNamespace()); ok && o.GetNamespace() == exchange.Inbox(cluster) {
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Name: cluster}}}
	}
	return nil
}

// toldAgain lets through what changes the conditions SchemaSkew, CredentialCurrent and Connected, not each renewal.
func toldAgain() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, is := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
		return slices.ContainsFunc([]string{exchange.AnnotationSkew, exchange.AnnotationLink, exchange.AnnotationUnreported, exchange.AnnotationUndelivered, exchange.AnnotationWithdrawn, exchange.AnnotationCredential, exchange.AnnotationSpokeID},
			func(key string) bool { return was[key] != is[key] })
	}}
}

// concernsAll lets through what every cluster needs to know of one: that it is there, or gone, and which stores it gives up.
func concernsAll() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetAnnotations()[v1alpha1.AnnotationAbandonStore] != e.ObjectNew.GetAnnotations()[v1alpha1.AnnotationAbandonStore]
	}}
}
