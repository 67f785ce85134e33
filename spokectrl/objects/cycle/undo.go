// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
)

const (
	// absences is how many times in a row an operation has to find nothing to undo until there is nothing: Pods that are being
	// replaced come back.
	absences = 3
	// closing is how long the end of the process waits for what is to be undone. The next process undoes the rest.
	closing = 10 * time.Second
)

// Undoing is what is to be undone.
type Undoing struct {
	Record steps.Record
	Err    error     // why the last try failed; nil: the first one is under way
	Since  time.Time // when the first try began
	// Now is the operation that is under way, if it takes long; empty: none does. Began is when that was.
	Now   string
	Began time.Time
}

// undoing undoes what an attempt left. It does not end with the role of the group, nor with the group.
type undoing struct {
	is    Undoing
	mode  Mode          // what the group may do
	first chan struct{} // closed after the first try
	done  chan struct{} // closed when nothing is left, or the process ends
	skip  chan struct{} // closed when the user has it stop
	turn  chan struct{} // has something when the group may do something else than before
}

// undoer undoes what attempts left. It is safe for concurrent use.
type undoer struct {
	hooks Hooks
	clock clock.PassiveClock
	call  func(capsule.Group) // wakes a group
	// life is how long it works, and end ends it.
	life context.Context //nolint:containedctx // it is that of the process
	end  context.CancelFunc

	mu        sync.Mutex
	recovered bool // what was left by the process before this one is known
	// unread is why it is not, and since is when the process began to ask.
	unread error
	since  time.Time
	all    map[capsule.Group]*undoing
	stays  map[capsule.Group]string // what was not undone of the last attempt, and is not to be
}

// undo undoes what an attempt left, again and again until nothing is left.
func (w *undoer) undo(r steps.Record) *undoing {
	u := &undoing{
		is:    Undoing{Record: r, Since: w.clock.Now()},
		first: make(chan struct{}), done: make(chan struct{}), skip: make(chan struct{}), turn: make(chan struct{}, 1),
	}
	w.mu.Lock()
	w.all[r.Group] = u
	delete(w.stays, r.Group)
	w.mu.Unlock()
	go (&unwinding{undoer: w, u: u, record: r, missing: map[string]int{}}).run(w.life)
	return u
}

// tell adds what is known of a group to its standing. Nothing is known before it is recovered.
func (w *undoer) tell(g capsule.Group, is *Standing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.all[g]; u != nil {
		is.Undo = new(u.is)
	}
	is.Recovered, is.Unknown, is.UnknownSince, is.Stays = w.recovered, w.unread, w.since, w.stays[g]
}

// skip ends what is to be undone of an attempt of a group.
func (w *undoer) skip(g capsule.Group, attempt string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.all[g]
	if attempt == "" || u == nil || u.is.Record.Attempt != attempt {
		return
	}
	select {
	case <-u.skip:
	default:
		close(u.skip)
	}
}

// attend notes what a group may do: what could not be undone before may be possible now.
func (w *undoer) attend(g capsule.Group, m Mode) {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := w.all[g]
	if u == nil || u.mode == m {
		return
	}
	u.mode = m
	if !errors.Is(u.is.Err, errElsewhere) {
		return
	}
	select {
	case u.turn <- struct{}{}:
	default:
	}
}

// recover undoes what was under way when the process before this one ended. It tries until it knows what that is, or ctx ends;
// failed is called whenever it could not find out.
func (w *undoer) recover(ctx context.Context, failed func()) {
	logger := log.FromContext(ctx)
	w.mu.Lock()
	w.since = w.clock.Now()
	w.mu.Unlock()
	for try := 1; ; try++ {
		records, err := w.hooks.Journal.Load(ctx)
		if err == nil {
			for _, r := range records {
				logger.Info("Undoing what the hooks of an interrupted attempt did", "group", r.Group, "attempt", r.Attempt, "step", r.Title)
				w.undo(r)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.recovered, w.unread = true, nil
			return
		}
		logger.Info("Could not read what hooks did before", "reason", err.Error())
		w.mu.Lock()
		w.unread = err
		w.mu.Unlock()
		failed()
		timer := time.NewTimer(pause(try))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// settled waits until what an earlier attempt of a group left is undone.
func (w *undoer) settled(ctx context.Context, g capsule.Group) error {
	w.mu.Lock()
	u := w.all[g]
	w.mu.Unlock()
	if u == nil {
		return nil
	}
	select {
	case <-u.done:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // nobody reads it
	}
}

// close ends it, and waits until nothing runs.
func (w *undoer) close() {
	w.end()
	w.mu.Lock()
	var left []*undoing
	for _, u := range w.all {
		left = append(left, u)
	}
	w.mu.Unlock()
	for _, u := range left {
		<-u.done
	}
}

func oneLine(err error) string {
	return strings.TrimRight(strings.ReplaceAll(err.Error(), "\n", "; "), ". ")
}
