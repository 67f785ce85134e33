// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// memory is what is known of stores without asking them. It is safe for concurrent use.
type memory struct {
	mu     sync.Mutex
	known  map[place]knowledge
	silent map[string]knowledge // stores that do not answer, no matter who asks, by profile
	busy   map[place]*turn
}

type place struct {
	group   capsule.Group
	profile string
}

// knowledge is what is known of one group in one store.
type knowledge struct {
	manifest *capsule.Manifest // as last seen or written; nil: unknown
	seen     time.Time         // when the store was last seen to hold all that the manifest lists
	partial  partial           // what was written by an update that did not come to its end
	failure  error
	failed   time.Time
}

// partial is what an update wrote before it failed. It holds as long as the manifest is the one that the update began with.
type partial struct {
	of  string
	put map[string]string // checksums, by key
}

// turn is whose turn it is at a place.
type turn struct {
	taken chan struct{}
	users int // who has it, and who waits for it
}

// alone waits until nobody else of this process writes the manifest of a group in one store: what stores volumes and what
// stores captures would take each other for another cluster.
func (m *memory) alone(ctx context.Context, at place) (release func(), err error) {
	m.mu.Lock()
	if m.busy == nil {
		m.busy = map[place]*turn{}
	}
	t := m.busy[at]
	if t == nil {
		t = &turn{taken: make(chan struct{}, 1)}
		m.busy[at] = t
	}
	t.users++
	m.mu.Unlock()
	leave := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(m.busy, at)
		}
	}
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, fmt.Errorf("wait for another update of this group: %w", ctx.Err())
	}
}

// silence is why a store did not answer a moment ago; nil: it may be asked. Of those who would ask it again one does, and the
// others hear of it.
func (m *memory) silence(profile string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, silent := m.silent[profile]
	switch {
	case !silent:
		return nil
	case k.resting(now):
		return k.failure
	}
	k.failed = now
	m.silent[profile] = k
	return nil
}

// hear notes whether a store answered.
func (m *memory) hear(profile string, err error, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil || store.ReasonOf(err) != store.ReasonUnreachable {
		delete(m.silent, profile)
		return
	}
	if m.silent == nil {
		m.silent = map[string]knowledge{}
	}
	m.silent[profile] = knowledge{failure: err, failed: now}
}

// resting reports whether a store failed a moment ago and is left alone.
func (k knowledge) resting(now time.Time) bool {
	return k.failure != nil && now.Sub(k.failed) < Pause
}

// remember notes which of the stores that were asked failed. One whose content is not believed answered.
func (m *memory) remember(g capsule.Group, asked []string, problems Problems, now time.Time) {
	for _, name := range asked {
		if err := problems[name]; err != nil && store.ReasonOf(err) != store.ReasonRefused {
			m.learn(place{g, name}, knowledge{failure: err, failed: now, partial: m.know(place{g, name}).partial})
		}
	}
}

func (m *memory) forget(p place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, p)
}

func (m *memory) learn(p place, k knowledge) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[place]knowledge{}
	}
	m.known[p] = k
}

// learnPartial notes what an update wrote before it failed.
func (m *memory) learnPartial(p place, what partial) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.known[p]
	k.manifest, k.partial = nil, what
	if m.known == nil {
		m.known = map[place]knowledge{}
	}
	m.known[p] = k
}

func (m *memory) know(p place) knowledge {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[p]
}

// learnManifest notes that a manifest took the place of another; what is known of the objects that it lists stays.
func (m *memory) learnManifest(at place, was, is *capsule.Manifest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.known[at]
	if !ok || k.manifest == nil || k.manifest.Serial != was.Serial || k.manifest.Epoch != was.Epoch {
		return
	}
	k.manifest = is
	m.known[at] = k
}

// trusted says that a store is known to hold something, and was looked at not long ago: buckets lose objects to rules, and to
// people.
func (k knowledge) trusted(now time.Time) bool {
	return k.manifest != nil && now.Sub(k.seen) < Recheck
}
