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

// deliveryDelay is how long the status of a wish waits: facts go first, and what is undone within that time is not
// written at all (X11).
const deliveryDelay = 100 * time.Millisecond

// sparingPause is the pause before each delivery while the link is hurried.
const sparingPause = 200 * time.Millisecond

// hurried reports whether many wishes and facts queue, as in the first minutes of a cluster. Then they get the API servers, and
// deliveries are told one by one. They do not stop: what queues may queue for a reason that they tell.
func (l *Link) hurried() bool { return l.down.backlog()+l.up.backlog() > workers }

// deliver tells, on the wish, how its delivery went.
func (l *Link) deliver(ctx context.Context, it item) error {
	if l.hurried() {
		l.sparingly.Lock()
		defer l.sparingly.Unlock()
		if l.hurried() {
			select {
			case <-l.clock.After(sparingPause):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	wish := l.outbox.get(it.name)
	if wish == nil {
		return nil
	}
	went, known := l.outcomes.get(it.name, wish)
	if !known {
		return nil // it comes back when the wish was looked at
	}
	status := translate.Delivery(wish, l.copies.get(it.name), went, l.clock.Now())
	if translate.Satisfied(status, wish, translate.ManagerDelivery, "status") {
		return nil
	}
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
