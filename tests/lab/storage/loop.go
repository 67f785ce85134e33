// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// lookEvery is how often the folders are searched for work. It is the grain of all intervals.
const lookEvery = 100 * time.Millisecond

// Loop replicates: it sends each primary volume to the peer when its interval is over, and the final copies of demoted
// ones. It takes its orders from the volumes' folders alone and needs no API server, as a storage does not.
type Loop struct {
	store *engine.Store
	peer  engine.Peer
	clock clock.WithTicker

	mu      sync.Mutex
	volumes map[string]*attempt
	running sync.WaitGroup
}

// attempt is the newest try to send a volume.
type attempt struct {
	began   time.Time
	running bool
	err     error
}

// NewLoop is a loop over a store and its peer.
func NewLoop(store *engine.Store, peer engine.Peer, clk clock.WithTicker) *Loop {
	return &Loop{store: store, peer: peer, clock: clk, volumes: map[string]*attempt{}}
}

// Start runs until the context ends, and waits for the copies that are under way.
func (l *Loop) Start(ctx context.Context) error {
	defer l.running.Wait()
	ticker := l.clock.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		l.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// Failure is why the newest try to send a volume failed; nil if it did not.
func (l *Loop) Failure(handle string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.volumes[handle]; a != nil {
		return a.err
	}
	return nil
}

func (l *Loop) look(ctx context.Context) {
	handles, err := l.store.Handles()
	if err != nil {
		log.FromContext(ctx).Error(err, "volumes cannot be listed")
		return
	}
	for _, handle := range handles {
		st, err := l.store.Describe(ctx, handle)
		if err != nil {
			log.FromContext(ctx).Error(err, "volume cannot be read", "volume", handle)
			continue
		}
		switch {
		case st.Role == engine.Primary && st.Replicating:
			l.start(ctx, handle, st.Interval, l.pass)
		case st.Role == engine.Secondary && st.Unshipped:
			l.start(ctx, handle, retryAfter, l.finish)
		case st.Role == engine.Secondary:
			l.forget(handle)
		}
	}
}

// start begins a try if the one before it is long enough ago.
func (l *Loop) start(ctx context.Context, handle string, interval time.Duration, send func(context.Context, string) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.volumes[handle]
	if a == nil {
		a = &attempt{}
		l.volumes[handle] = a
	}
	if now := l.clock.Now(); a.running || now.Sub(a.began) < interval {
		return
	}
	a.running, a.began = true, l.clock.Now()
	l.running.Go(func() {
		err := send(ctx, handle)
		l.mu.Lock()
		defer l.mu.Unlock()
		if err != nil && (a.err == nil || a.err.Error() != err.Error()) {
			log.FromContext(ctx).Info("volume was not sent", "volume", handle, "error", err.Error())
		}
		a.running, a.err = false, err
	})
}

func (l *Loop) forget(handle string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.volumes[handle]; a != nil && !a.running {
		delete(l.volumes, handle)
	}
}

func (l *Loop) pass(ctx context.Context, handle string) error {
	_, err := l.store.Pass(ctx, handle, l.peer)
	return err
}

// finish never replaces what a side has: that is for the user to order.
func (l *Loop) finish(ctx context.Context, handle string) error {
	_, err := l.store.Finish(ctx, handle, l.peer)
	return err
}
