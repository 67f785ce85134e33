// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
)

// Bounds of the delay before a failed item is tried again. The upper one bounds how long an item waits after a link has
// healed.
const (
	retryFirst = 10 * time.Millisecond
	retryLast  = 3 * time.Second
)

// concurrency is how many objects of a line are looked at at a time. More only makes API servers queue.
const concurrency = 16

// item is something to look at: an object of a kind, under the name that it has on the hub.
type item struct {
	kind kind
	name string
}

// kind is what an item of a line is about.
type kind uint8

const (
	groups  kind = iota // VolumeReplicationGroups
	secrets             // Secrets
	config              // the DRClusterConfig
)

// line is a queue of items to look at. An item that is added several times is looked at once; one that fails is tried
// again. It knows which items of the past are not done yet.
type line struct {
	queue workqueue.TypedRateLimitingInterface[item]
	clock clock.PassiveClock

	mu      sync.Mutex
	now     uint64            // number of the last addition
	last    time.Time         // time of the last addition that was noticed
	waiting map[item]addition // items to do, with their oldest addition
	working map[item]addition // items that a worker has, with the oldest addition that its work covers
	waiter  *waiter
}

// addition is one call of add.
type addition struct {
	number uint64
	at     time.Time
}

// waiter waits until all additions up to a moment are done.
type waiter struct {
	upTo uint64
	left int
	done chan struct{}
}

func newLine(name string, clock clock.PassiveClock) *line {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[item](retryFirst, retryLast)
	return &line{
		queue:   workqueue.NewTypedRateLimitingQueueWithConfig(limiter, workqueue.TypedRateLimitingQueueConfig[item]{Name: name}),
		clock:   clock,
		waiting: map[item]addition{},
		working: map[item]addition{},
	}
}

// add puts it into the line, now.
func (l *line) add(it item) {
	l.await(it, true)
	l.queue.Add(it)
}

// addUnnoticed is add for what addedWithin does not count.
func (l *line) addUnnoticed(it item) {
	l.await(it, false)
	l.queue.Add(it)
}

// addSoon puts it into the line now, but lets it be looked at only after a delay, unless it is added again meanwhile.
func (l *line) addSoon(it item, after time.Duration) {
	l.await(it, true)
	l.queue.AddAfter(it, after)
}

// await counts it as added.
func (l *line) await(it item, noticed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	l.now++
	if noticed {
		l.last = now
	}
	if _, known := l.waiting[it]; !known {
		l.waiting[it] = addition{number: l.now, at: now}
	}
}

// addedWithin reports whether something was added in the last time.
func (l *line) addedWithin(time time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.last.IsZero() && l.clock.Since(l.last) < time
}

// awaits reports whether an item is not done that was added within the last time.
func (l *line) awaits(it item, within time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.waiting[it]
	if !ok {
		a, ok = l.working[it]
	}
	return ok && l.clock.Since(a.at) < within
}

// began is when the oldest addition was made that the work on the item covers; false: no addition is the reason for it.
func (l *line) began(it item) (at time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.working[it]
	return a.at, ok
}

// depth is how many items are not done.
func (l *line) depth() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) + len(l.working)
}

// backlog is how many items are ready and find no free worker. Those that failed and wait to be tried again do not count.
func (l *line) backlog() int { return l.queue.Len() }

// addLater puts it into the line after a delay. Until then it is not awaited.
func (l *line) addLater(it item, after time.Duration) { l.queue.AddAfter(it, after) }

// run works with so many workers until ctx ends. do returns an error to be called again for the item.
func (l *line) run(ctx context.Context, workers int, do func(context.Context, item) error) {
	stop := context.AfterFunc(ctx, l.queue.ShutDown)
	defer stop()
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				it, end := l.queue.Get()
				if end {
					return
				}
				l.start(it)
				err := do(ctx, it)
				l.finish(it, err == nil)
				if err == nil {
					l.queue.Forget(it)
				} else {
					l.queue.AddRateLimited(it)
				}
				l.queue.Done(it)
			}
		})
	}
	all.Wait()
}

func (l *line) start(it item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if since, ok := l.waiting[it]; ok {
		l.working[it] = since
		delete(l.waiting, it)
	}
}

func (l *line) finish(it item, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	since, awaited := l.working[it]
	if !awaited {
		return
	}
	delete(l.working, it)
	if !ok {
		again, queued := l.waiting[it]
		l.waiting[it] = since // older than anything that was added in the meantime
		if queued {
			l.count(again) // two additions became one
		}
		return
	}
	l.count(since)
}

// count tells the waiter that one addition is off the line.
func (l *line) count(done addition) {
	if l.waiter == nil || done.number > l.waiter.upTo {
		return
	}
	if l.waiter.left--; l.waiter.left == 0 {
		close(l.waiter.done)
		l.waiter = nil
	}
}

// drain waits until everything that was added before the call is done: successfully, and not before. Only one caller may
// wait at a time.
func (l *line) drain(ctx context.Context) error {
	l.mu.Lock()
	w := &waiter{upTo: l.now, left: len(l.waiting) + len(l.working), done: make(chan struct{})}
	if w.left == 0 {
		l.mu.Unlock()
		return nil
	}
	l.waiter = w
	l.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
