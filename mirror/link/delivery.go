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

// hurried reports whether many wishes and facts queue, as in the first minutes of a cluster. Then no delivery may hold them up.
func (l *Link) hurried() bool { return l.down.backlog()+l.up.backlog() > workers }

// busy reports whether wishes or facts come in.
func (l *Link) busy() bool {
	return l.hurried() || l.down.addedWithin(calm) || l.up.addedWithin(calm)
}

// deliver writes into the status of a wish how its delivery went, if someone has to act on it. Everything else can wait.
func (l *Link) deliver(ctx context.Context, it item) error {
	if l.hurried() {
		l.unhurried.add(it) // to find out whether it is urgent takes time too
		return nil
	}
	wish, status := l.delivery(it.name)
	switch {
	case status == nil:
		return nil
	case translate.Urgent(status, wish):
	case l.up.awaits(it, factsGoFirst):
		l.deliveries.addLater(it, deliveryDelay)
		return nil
	default:
		l.unhurried.add(it)
		return nil
	}
	return l.tellDelivery(ctx, wish, status)
}

// deliverSparingly is deliver for what can wait: while wishes and facts come in it writes one status at a time, after them.
// It never stops completely: the reason why wishes queue may be what has to be written.
func (l *Link) deliverSparingly(ctx context.Context, it item) error {
	if l.busy() {
		l.sparingly.Lock()
		defer l.sparingly.Unlock()
	}
	hurried := l.hurried()
	if hurried && !l.rest(ctx) {
		return ctx.Err()
	}
	wish, status := l.delivery(it.name)
	if status == nil {
		return nil
	}
	if !hurried && l.busy() && !l.rest(ctx) {
		return ctx.Err()
	}
	return l.tellDelivery(ctx, wish, status)
}

// rest lets others go first. It reports whether ctx has not ended.
func (l *Link) rest(ctx context.Context) bool {
	select {
	case <-l.clock.After(sparingPause):
		return true
	case <-ctx.Done():
		return false
	}
}

// delivery is a wish and the status that it should have; nil: there is nothing to tell.
func (l *Link) delivery(name string) (wish, status *translate.Object) {
	if wish = l.outbox.get(name); wish == nil {
		return nil, nil
	}
	went, known := l.outcomes.get(name, wish)
	if !known {
		return nil, nil // it comes back when the wish was looked at
	}
	status = translate.Delivery(wish, l.copies.get(name), went, l.clock.Now())
	if translate.Satisfied(status, wish, translate.ManagerDelivery, "status") {
		return nil, nil
	}
	return wish, status
}

func (l *Link) tellDelivery(ctx context.Context, wish, status *translate.Object) error {
	l.telling.Store(wish.GetName(), nil)
	defer l.telling.Delete(wish.GetName())
	condition(status, wish)
	stored, err := l.hub.apply(ctx, groupResource, status, translate.ManagerDelivery, "status")
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // the wish is gone, or another: it comes back when it is shown and was looked at
	}
	if err == nil {
		l.outbox.wrote(stored)
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
