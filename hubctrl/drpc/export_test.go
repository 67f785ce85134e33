// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
)

// Parts are what a reconciler without a manager is made of.
type Parts struct {
	Client        client.Client
	Live, Configs client.Reader
	Namespace     string
	Links         Links
	Clock         clock.PassiveClock
	Recorder      events.EventRecorder
	Operations    *metrics.Operations
	Origin        string
}

// New returns a reconciler whose process has just started.
func New(p Parts) *Reconciler {
	return &Reconciler{
		observer: &observer{
			client: p.Client, live: p.Live, links: p.Links, clock: p.Clock, configs: p.Configs, namespace: p.Namespace,
			groups: newGroups(), contests: newContests(),
		},
		client: p.Client, recorder: p.Recorder, operations: p.Operations, ledger: newLedger(), own: &ownWrites{}, origin: p.Origin,
	}
}

// Observe is one look at an application.
func (r *Reconciler) Observe(ctx context.Context, drpc *v1alpha1.DRPlacementControl) (*snapshot.Snapshot, error) {
	return r.observe(ctx, drpc)
}

// ReadBy has looks go through another reader instead of the cache.
func (r *Reconciler) ReadBy(over func(cache client.Reader) client.Reader) {
	r.observer.client = over(r.observer.client)
}

// Watch has looks ask other links and another clock.
func (r *Reconciler) Watch(links Links, c clock.PassiveClock) { r.links, r.clock = links, c }

// Remembered are the applications of which metrics are remembered.
func (r *Reconciler) Remembered() int { return len(r.ledger.apps) }

// Edited passes what users change of an object.
func (r *Reconciler) Edited() predicate.Predicate { return predicate.Or(byUser(), r.own.edited()) }

// Whom an object wakes.
func (r *Reconciler) OfRival(ctx context.Context, o client.Object) []reconcile.Request {
	return r.waker().ofRival(ctx, o)
}
func (r *Reconciler) OfConfig(ctx context.Context, o client.Object) []reconcile.Request {
	return r.waker().ofConfig(ctx, o)
}
func (r *Reconciler) OfGroup(ctx context.Context, o client.Object) []reconcile.Request {
	return r.waker().ofGroup(ctx, o)
}
func (r *Reconciler) OfPolicy(ctx context.Context, o client.Object) []reconcile.Request {
	return r.waker().ofPolicy(ctx, o)
}
func (r *Reconciler) OfCluster(ctx context.Context, o client.Object) []reconcile.Request {
	return r.waker().ofCluster(ctx, o)
}
func (r *Reconciler) FailingOver(ctx context.Context, o client.Object) []reconcile.Request {
	return r.waker().failingOver(ctx, o)
}

func (r *Reconciler) waker() *waker { return &waker{r.observer} }

// Wake is a kind whose changes wake applications.
type Wake struct {
	By   client.Object
	Whom handler.MapFunc
	When predicate.Predicate
}

// Wakes are all of them.
func (r *Reconciler) Wakes() []Wake {
	var out []Wake
	for _, w := range r.waker().wakes() {
		out = append(out, Wake{w.by, w.whom, w.when})
	}
	return out
}

// Index is one of the cache.
type Index struct {
	Of     client.Object
	Name   string
	Values client.IndexerFunc
}

// Indices are all of them.
func Indices() []Index {
	var out []Index
	for _, i := range indices() {
		out = append(out, Index{i.of, i.name, i.values})
	}
	return out
}

// Times after which an application is looked at again.
const (
	LookAgain   = lookAgain
	Patience    = patience
	RetryAtMost = retryAtMost
)

// Predicates and keys of wake-ups.
var (
	ByUser       = byUser
	Deletion     = deletion
	DRPCKey      = drpcKey
	ModesChanged = modesChanged
	VolumeKeys   = volumeKeys
	Yields       = yields
)
