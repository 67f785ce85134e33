// SPDX-License-Identifier: Apache-2.0

// Package links tells the other controllers of the hub the state of the links to the clusters, and wakes them when a link
// comes or goes. It promises that a lost link is told within the limit of rule X5, by the hub's own clock alone, and
// that a renewal that changes nothing wakes nobody. A link is live only if the cluster behind it is the one that the
// DRCluster has recorded (X13).
package links

import (
	"context"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Links watches the leases of all inboxes. It is safe for concurrent use.
type Links struct {
	reader    client.Reader
	apart     client.Reader // of the leases of strangers: the manager's cache holds only those of the mirrors
	clock     clock.PassiveClock
	beats     *exchange.Heartbeats // of the mirrors' leases
	strangers *exchange.Heartbeats // of the leases of strangers (X13)

	inboxes *inboxes

	mu        sync.Mutex
	last      map[string]exchange.Link // as it was told last
	listeners []chan event.GenericEvent
}

// buffered is how many changes of links may wait to be looked at before the watcher waits.
const buffered = 1024

// Setup adds the watcher to mgr, whose cache keeps what budget says.
func Setup(mgr ctrl.Manager, c clock.PassiveClock, budget *Budget) (*Links, error) {
	apart, err := cache.New(mgr.GetConfig(), cache.Options{
		HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{&coordinationv1.Lease{}: {Field: fields.OneTermEqualSelector("metadata.name", exchange.StrangerLeaseName)}},
	})
	if err != nil {
		return nil, fmt.Errorf("watch leases of strangers: %w", err)
	}
	if err := mgr.Add(apart); err != nil {
		return nil, fmt.Errorf("watch leases of strangers: %w", err)
	}
	l := New(mgr.GetClient(), c)
	l.apart, l.inboxes.budget, l.inboxes.budgeted = apart, budget, l.wake
	if err := l.Follow(context.Background(), mgr.GetCache()); err != nil {
		return nil, err
	}
	inInbox := predicate.NewPredicateFuncs(func(o client.Object) bool {
		cluster, ok := exchange.ClusterOf(o.GetNamespace())
		return ok && (o.GetName() == exchange.LeaseName || o.GetName() == exchange.StrangerLeaseName) && o.GetNamespace() == exchange.Inbox(cluster)
	})
	ofCluster := func(name string) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: exchange.Inbox(name), Name: exchange.LeaseName}}}
	}
	ofInbox := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		cluster, _ := exchange.ClusterOf(o.GetNamespace())
		return ofCluster(cluster)
	})
	err = ctrl.NewControllerManagedBy(mgr).Named("links").
		Watches(&coordinationv1.Lease{}, ofInbox, builder.WithPredicates(inInbox)).
		WatchesRawSource(source.Kind(apart, client.Object(&coordinationv1.Lease{}), ofInbox, inInbox)).
		Watches(&v1alpha1.DRCluster{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
			return ofCluster(o.GetName())
		}), builder.WithPredicates(recorded())).
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Complete(l)
	if err != nil {
		return nil, fmt.Errorf("watch leases: %w", err)
	}
	return l, nil
}

// recorded lets through that another identity was recorded for a cluster.
func recorded() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.DRCluster)
		is, same := e.ObjectNew.(*v1alpha1.DRCluster)
		return !ok || !same || was.Status.ClusterID != is.Status.ClusterID
	}}
}

// Follow has the reports in all inboxes noted as informers show them.
func (l *Links) Follow(ctx context.Context, informers cache.Informers) error {
	return l.inboxes.follow(ctx, informers)
}

// New returns a watcher without a manager. It knows no reports until it follows informers.
func New(reader client.Reader, c clock.PassiveClock) *Links {
	return &Links{
		reader: reader, apart: reader, clock: c, beats: exchange.NewHeartbeats(), strangers: exchange.NewHeartbeats(),
		last: map[string]exchange.Link{}, inboxes: newInboxes(),
	}
}

// Link is the state of the link to cluster as it was last seen. A hub that has just started has not looked at every lease
// yet; if there is a lease, the state is never LinkNever.
func (l *Links) Link(cluster string) exchange.Link {
	l.mu.Lock()
	last, looked := l.last[cluster]
	l.mu.Unlock()
	if looked {
		return last
	}
	lease := &coordinationv1.Lease{}
	err := l.reader.Get(context.Background(), client.ObjectKey{Namespace: exchange.Inbox(cluster), Name: exchange.LeaseName}, lease) // cached
	if apierrors.IsNotFound(err) {
		return exchange.Link{State: exchange.LinkNever}
	}
	link := exchange.Link{State: exchange.LinkConnecting}
	if lease.Spec.RenewTime != nil {
		link.LastRenewal = lease.Spec.RenewTime.Time
	}
	return link
}

// Changes returns a channel that gets an event for each link that comes or goes; the event's object has the name of the
// cluster. Each caller gets a channel of its own.
func (l *Links) Changes() <-chan event.GenericEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := make(chan event.GenericEvent, buffered)
	l.listeners = append(l.listeners, c)
	return c
}

// View tells what may be believed about a group on a cluster (X4).
func (l *Links) View(cluster string, group types.NamespacedName) exchange.View {
	return l.inboxes.view(cluster, group)
}

// Await asks for one event on Absences for application when it is known that group is absent from cluster. It reports whether
// that is known already: then there will be none.
func (l *Links) Await(cluster string, group, application types.NamespacedName) bool {
	return l.inboxes.await(cluster, group, application)
}

// Absences returns the channel of the events that Await asked for; the event's object carries namespace and name.
func (l *Links) Absences() <-chan event.GenericEvent { return l.inboxes.waiters }

// Reconcile looks at the leases in one inbox.
func (l *Links) Reconcile(ctx context.Context, req ctrl.Request) (reconcile.Result, error) {
	cluster, _ := exchange.ClusterOf(req.Namespace)
	now := l.clock.Now()
	lease, own, err := claim(ctx, l.reader, l.beats, cluster, exchange.LeaseName, now)
	if err != nil {
		return reconcile.Result{}, err
	}
	_, stranger, err := claim(ctx, l.apart, l.strangers, cluster, exchange.StrangerLeaseName, now)
	if err != nil {
		return reconcile.Result{}, err
	}
	dc := &v1alpha1.DRCluster{}
	if err := l.reader.Get(ctx, client.ObjectKey{Name: cluster}, dc); client.IgnoreNotFound(err) != nil {
		return reconcile.Result{}, fmt.Errorf("read DRCluster %s: %w", cluster, err)
	}
	l.tell(ctx, cluster, lease, exchange.Recognize(dc.Status.ClusterID, own, stranger))
	return reconcile.Result{RequeueAfter: within(now, own.Link, stranger.Link)}, nil
}

// claim is what one lease of an inbox says; nil: there is none.
func claim(ctx context.Context, from client.Reader, beats *exchange.Heartbeats, cluster, name string, now time.Time) (*coordinationv1.Lease, exchange.Claim, error) {
	lease := &coordinationv1.Lease{}
	switch err := from.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(cluster), Name: name}, lease); {
	case apierrors.IsNotFound(err):
		lease = nil
	case err != nil:
		return nil, exchange.Claim{}, fmt.Errorf("read lease %s of %s: %w", name, cluster, err)
	}
	return lease, exchange.ClaimOf(lease, beats.See(cluster, lease, now)), nil
}

// within is how long it is until the first of the links has another state, unless it is renewed; zero: never.
func within(now time.Time, links ...exchange.Link) time.Duration {
	var first time.Duration
	for _, link := range links {
		if link.Expires.IsZero() {
			continue
		}
		if d := link.Expires.Sub(now) + time.Millisecond; first == 0 || d < first {
			first = d
		}
	}
	return first
}

func (l *Links) tell(ctx context.Context, cluster string, lease *coordinationv1.Lease, link exchange.Link) {
	l.inboxes.see(ctx, cluster, lease, link) // before those who are woken look
	l.mu.Lock()
	was := l.last[cluster]
	l.last[cluster] = link
	l.mu.Unlock()

	if was.State != link.State || was.Stranger != link.Stranger {
		log.FromContext(ctx).Info("Link changed", "cluster", cluster, "was", was.State.String(), "is", link.State.String(), "stranger", link.Stranger)
		l.wake(ctx, cluster)
	}
}

// wake tells all listeners that something about a cluster changed.
func (l *Links) wake(ctx context.Context, cluster string) {
	l.mu.Lock()
	listeners := l.listeners
	l.mu.Unlock()
	about := &v1alpha1.DRCluster{}
	about.Name = cluster
	for _, c := range listeners {
		send(ctx, c, about)
	}
}

// Apart is how many reports of cluster exceed what the hub keeps in memory, and are read each time.
func (l *Links) Apart(cluster string) int { return l.inboxes.budget.Apart(cluster) }

func send(ctx context.Context, c chan<- event.GenericEvent, about client.Object) {
	select {
	case c <- event.GenericEvent{Object: about}:
	case <-ctx.Done():
	}
}
