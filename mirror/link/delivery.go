// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

// deliveryWorkers is how many statuses of wishes are looked at at a time: they have time.
const deliveryWorkers = 4

// answerDelay is how long the report of a copy whose spec has changed waits for the answer of the controller on the cluster,
// which takes less, so that both are told at once (X11). The answer itself does not wait.
const answerDelay = 250 * time.Millisecond

// deliveryDelay is how long the status of a wish waits at least: facts go first, and what is undone within that time is not
// written at all (X11).
const deliveryDelay = 100 * time.Millisecond

// factsGoFirst is how long the status of a wish waits for the report of its copy, which itself waits for the answer of the
// controller on the cluster. A report that takes longer may be refused for ever.
const factsGoFirst = 4 * answerDelay

// sparingPause is the pause before each delivery that is not urgent, while wishes and facts come in.
const sparingPause = 200 * time.Millisecond

// calm is how long nothing must come in before deliveries that are not urgent are written without a pause.
const calm = 100 * time.Millisecond

// delivery writes into the status of each wish how its delivery went, after everything that is more urgent.
type delivery struct {
	*sides
	queue, unhurried *line      // unhurried: those that have time
	wishes, reports  *line      // what goes first
	outcomes         outcomes   // of the last looks at wishes
	sparingly        sync.Mutex // held by the one delivery that is made while the link is busy
	telling          sync.Map   // names of the wishes whose status is being written
}

func newDelivery(s *sides, wishes, reports *line) *delivery {
	return &delivery{
		sides: s, wishes: wishes, reports: reports,
		queue: newLine("delivery", s.clock), unhurried: newLine("unhurried-delivery", s.clock),
		outcomes: outcomes{last: map[string]lookedAt{}},
	}
}

// run tells until ctx ends.
func (d *delivery) run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { d.queue.run(ctx, deliveryWorkers, logged(d.deliver)) })
	both.Go(func() { d.unhurried.run(ctx, deliveryWorkers, logged(d.deliverSparingly)) })
	both.Wait()
}

// of has the delivery of a wish told, a little later.
func (d *delivery) of(it item) { d.queue.addLater(it, deliveryDelay) }

// depth is how many deliveries are not told.
func (d *delivery) depth() int { return d.queue.depth() + d.unhurried.depth() }

// tells reports whether the status of a wish is being written.
func (d *delivery) tells(wish string) bool {
	_, telling := d.telling.Load(wish)
	return telling
}

// hurried reports whether many wishes and facts queue, as in the first minutes of a cluster. Then no delivery may hold them up.
func (d *delivery) hurried() bool { return d.wishes.backlog()+d.reports.backlog() > concurrency }

// busy reports whether wishes or facts come in.
func (d *delivery) busy() bool {
	return d.hurried() || d.wishes.addedWithin(calm) || d.reports.addedWithin(calm)
}

// deliver writes into the status of a wish how its delivery went, if someone has to act on it. Everything else can wait.
func (d *delivery) deliver(ctx context.Context, it item) error {
	if d.hurried() {
		d.unhurried.add(it) // to find out whether it is urgent takes time too
		return nil
	}
	wish, status := d.due(it.name)
	switch {
	case status == nil:
		return nil
	case translate.Urgent(status, wish):
	case d.reports.awaits(it, factsGoFirst):
		d.of(it)
		return nil
	default:
		d.unhurried.add(it)
		return nil
	}
	return d.tell(ctx, wish, status)
}

// deliverSparingly is deliver for what can wait: while wishes and facts come in it writes one status at a time, after them.
// It never stops completely: the reason why wishes queue may be what has to be written.
func (d *delivery) deliverSparingly(ctx context.Context, it item) error {
	if d.busy() {
		d.sparingly.Lock()
		defer d.sparingly.Unlock()
	}
	hurried := d.hurried()
	if hurried && !d.rest(ctx) {
		return ctx.Err()
	}
	wish, status := d.due(it.name)
	if status == nil {
		return nil
	}
	if !hurried && d.busy() && !d.rest(ctx) {
		return ctx.Err()
	}
	return d.tell(ctx, wish, status)
}

// rest lets others go first. It reports whether ctx has not ended.
func (d *delivery) rest(ctx context.Context) bool {
	select {
	case <-d.clock.After(sparingPause):
		return true
	case <-ctx.Done():
		return false
	}
}

// due is a wish and the status that it should have; nil: there is nothing to teld.
func (d *delivery) due(name string) (wish, status *translate.Object) {
	if wish = d.outbox.get(name); wish == nil {
		return nil, nil
	}
	went, known := d.outcomes.get(name, wish)
	if !known {
		return nil, nil // it comes back when the wish was looked at
	}
	status = translate.Delivery(wish, d.copies.get(name), went, d.clock.Now())
	if translate.Satisfied(status, wish, translate.ManagerDelivery, "status") {
		return nil, nil
	}
	return wish, status
}

func (d *delivery) tell(ctx context.Context, wish, status *translate.Object) error {
	d.telling.Store(wish.GetName(), nil)
	defer d.telling.Delete(wish.GetName())
	condition(status, wish)
	stored, err := d.hub.apply(ctx, groupResource, status, translate.ManagerDelivery, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // the wish is gone, or another: it comes back when it is shown and was looked at
	}
	if err == nil {
		d.outbox.wrote(stored)
	}
	return err
}

// outcomes remembers how the last look at each wish went.
type outcomes struct {
	mu   sync.Mutex
	last map[string]lookedAt
}

type lookedAt struct {
	uid        types.UID
	generation int64
	deleting   bool
	went       translate.Outcome
}

func (o *outcomes) set(name string, wish *translate.Object, went translate.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last[name] = lookedAt{uid: wish.GetUID(), generation: wish.GetGeneration(), deleting: wish.GetDeletionTimestamp() != nil, went: went}
}

// get is how the look at this very wish went, and whether there was one.
func (o *outcomes) get(name string, wish *translate.Object) (translate.Outcome, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at, ok := o.last[name]
	ok = ok && at.uid == wish.GetUID() && at.generation == wish.GetGeneration() && at.deleting == (wish.GetDeletionTimestamp() != nil)
	return at.went, ok
}

func (o *outcomes) forget(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.last, name)
}
