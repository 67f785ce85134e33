// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
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
	Err    error // why the last try failed; nil: the first one is under way
}

// undoing undoes what an attempt left. It does not end with the role of the group, nor with the group.
type undoing struct {
	is    Undoing
	first chan struct{} // closed after the first try
	done  chan struct{} // closed when nothing is left, or the process ends
	skip  chan struct{} // closed when the user has it stop
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
	all       map[capsule.Group]*undoing
}

// undo undoes what an attempt left, again and again until nothing is left.
func (w *undoer) undo(r steps.Record) *undoing {
	u := &undoing{is: Undoing{Record: r}, first: make(chan struct{}), done: make(chan struct{}), skip: make(chan struct{})}
	w.mu.Lock()
	w.all[r.Group] = u
	w.mu.Unlock()
	go w.unwind(u, r)
	return u
}

// of is what is to be undone of a group; nil: nothing. Nothing is known before ready.
func (w *undoer) of(g capsule.Group) (left *Undoing, ready bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if u := w.all[g]; u != nil {
		left = new(u.is)
	}
	return left, w.recovered
}

func (w *undoer) unwind(u *undoing, r steps.Record) {
	logger := log.FromContext(w.life).WithValues("group", r.Group, "attempt", r.Attempt)
	defer close(u.done) // last: then nothing of it runs any more
	defer w.call(r.Group)
	missing := map[string]int{}
	skip := u.skip
	for try := 1; ; try++ {
		left, err := steps.Unwind(w.life, r, w.hooks.Journal.Write, func(ctx context.Context, s steps.Undo) error {
			err := w.hooks.Runner.Run(ctx, s.With, fmt.Sprintf("%s/undo/%s/%d", r.Attempt, s.Of, w.clock.Now().UnixNano()))
			if !hooks.Absent(err) {
				missing[s.Of] = 0
				return err
			}
			if missing[s.Of]++; missing[s.Of] < absences {
				return err
			}
			logger.Info("Nothing is left that a hook could be undone in", "hook", s.Of)
			return nil
		})
		if r = left; len(r.Undo) == 0 {
			err = w.hooks.Journal.Drop(w.life, r.Group)
		}
		w.mu.Lock()
		u.is = Undoing{Record: r, Err: err}
		if err == nil {
			delete(w.all, r.Group)
		}
		w.mu.Unlock()
		if try == 1 {
			close(u.first)
		}
		if err == nil || w.life.Err() != nil {
			return
		}
		logger.Info("What a hook did is not undone", "try", try, "reason", err.Error())
		w.call(r.Group)
		timer := time.NewTimer(pause(try))
		select {
		case <-timer.C:
		case <-skip:
			logger.Info("What a hook did stays, by the user's word")
			r.Undo, skip = nil, nil
		case <-w.life.Done():
		}
		timer.Stop()
	}
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

// recover undoes what was under way when the process before this one ended. It tries until it knows what that is, or ctx ends.
func (w *undoer) recover(ctx context.Context) {
	logger := log.FromContext(ctx)
	for try := 1; ; try++ {
		records, err := w.hooks.Journal.Load(ctx)
		if err == nil {
			for _, r := range records {
				logger.Info("Undoing what the hooks of an interrupted attempt did", "group", r.Group, "attempt", r.Attempt, "step", r.Title)
				w.undo(r)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.recovered = true
			return
		}
		logger.Info("Could not read what hooks did before", "reason", err.Error())
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
