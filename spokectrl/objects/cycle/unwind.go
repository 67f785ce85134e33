// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// Place says whether Pods of an application may be started on this cluster.
type Place uint8

// Places.
const (
	Here        Place = iota // its group is Primary, and its volumes are promoted
	Elsewhere                // its group has another role, or leaves
	Unprotected              // it has no group
)

// errElsewhere holds up what would start an application where it is not to run.
var errElsewhere = errors.New("it would start Pods, and the application is not to run on this cluster now: it is run when the group is Primary here again, and its volumes are promoted")

// starts reports whether an operation starts Pods. A command runs in Pods that somebody else started.
func starts(h *recipe.Hook) bool {
	return h.Type == v1alpha1.HookJob || h.Type == v1alpha1.HookScale && h.Op == recipe.OpUp
}

// unwinding undoes what one attempt left.
type unwinding struct {
	*undoer
	u       *undoing
	record  steps.Record
	missing map[string]int // how many times in a row there was nothing to undo, by operation
}

func (w *unwinding) run(ctx context.Context) {
	logger := log.FromContext(ctx).WithValues("group", w.record.Group, "attempt", w.record.Attempt)
	ctx = log.IntoContext(ctx, logger)
	defer close(w.u.done) // last: then nothing of it runs any more
	defer w.call(w.record.Group)
	skip := w.u.skip
	for try := 1; ; try++ {
		if try > 1 && !w.written(ctx) {
			w.giveUp(ctx, "a person removed its key from Secret "+hooks.SecretName)
		}
		left, err := steps.Unwind(ctx, w.record, w.write, w.one)
		if w.record.Undo = left.Undo; len(left.Undo) == 0 {
			err = w.hooks.Journal.Drop(ctx, left.Group)
		}
		w.note(err)
		if try == 1 {
			close(w.u.first)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		logger.Info("What a hook did is not undone", "try", try, "reason", err.Error())
		w.call(left.Group)
		timer := time.NewTimer(w.pause(try, err))
		select {
		case <-timer.C:
		case <-w.u.turn:
		case <-skip:
			w.giveUp(ctx, "a person set annotation "+AnnotationSkipUndo)
			skip = nil
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// giveUp leaves all as it is.
func (w *unwinding) giveUp(ctx context.Context, why string) {
	var all []string
	for _, u := range w.record.Undo {
		all = append(all, u.Of)
	}
	w.stay(ctx, bounded.Some(all), errors.New(why))
	w.record.Undo = nil
}

// note keeps how a try ended.
func (w *unwinding) note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.u.is = Undoing{Record: w.record, Err: err, Since: w.u.is.Since}
	if err == nil {
		delete(w.all, w.record.Group)
	}
}

// pause is the time to the next try. What waits for the role of the group is tried soon once the group has one.
func (w *unwinding) pause(try int, err error) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(err, errElsewhere) && w.u.mode != Off && w.u.mode != Pause {
		return firstPause
	}
	return pause(try)
}

// written reports whether the attempt is still written down. That this could not be read is no word of anybody.
func (w *unwinding) written(ctx context.Context) bool {
	is, err := w.hooks.Journal.Holds(ctx, w.record)
	return is || err != nil
}

// write writes down what is left to be undone, unless a person removed that meanwhile.
func (w *unwinding) write(ctx context.Context, r steps.Record) error {
	if !w.written(ctx) {
		return nil
	}
	r.Away = w.record.Away
	return w.hooks.Journal.Write(ctx, r) //nolint:wrapcheck // the caller says what was written
}

// one undoes one operation.
func (w *unwinding) one(ctx context.Context, s steps.Undo) error {
	if may, err := w.may(ctx, s); !may || err != nil {
		return err
	}
	title := fmt.Sprintf("hook %s, which undoes %s,", s.With.Title(), s.Of)
	began := w.clock.Now()
	wake := time.AfterFunc(long, func() {
		w.mu.Lock()
		w.u.is.Now, w.u.is.Began = title, began
		w.mu.Unlock()
		w.call(w.record.Group)
	})
	err := w.hooks.Runner.Undo(ctx, s.With, fmt.Sprintf("%s/undo/%s/%d", w.record.Attempt, s.Of, began.UnixNano()))
	wake.Stop()
	w.mu.Lock()
	w.u.is.Now = ""
	w.mu.Unlock()
	switch {
	case hooks.Gone(err):
	case !hooks.Absent(err):
		w.missing[s.Of] = 0
		return err //nolint:wrapcheck // the caller names the hook
	default:
		if w.missing[s.Of]++; w.missing[s.Of] < absences {
			return err //nolint:wrapcheck // the caller names the hook
		}
	}
	w.stay(ctx, s.Of, err)
	return nil
}

// may reports whether an operation may be run now. If not, and without an error, it need not be run any more.
func (w *unwinding) may(ctx context.Context, s steps.Undo) (bool, error) {
	if !starts(s.With) {
		return true, nil
	}
	place, err := w.hooks.Place(ctx, w.record.Group)
	switch {
	case err != nil:
		return false, fmt.Errorf("find out whether the application is to run here: %w", err)
	case place == Elsewhere && !w.record.Away:
		w.record.Away = true // the next process is to know, too, even if the group is gone then
		return false, errors.Join(errElsewhere, w.write(ctx, w.record))
	case place == Elsewhere:
		return false, errElsewhere
	case place == Unprotected && w.record.Away:
		w.stay(ctx, s.Of, errors.New("the application left this cluster, and is not protected any more"))
		return false, nil
	default:
		w.record.Away = false
		return true, nil
	}
}

// stay notes that something is not undone, and why not.
func (w *unwinding) stay(ctx context.Context, of string, why error) {
	log.FromContext(ctx).Info("What a hook did stays", "hook", of, "reason", why.Error())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stays[w.record.Group] = fmt.Sprintf("what %s did was not undone: %s. If it lies on a volume, undo it by hand", of, oneLine(why))
}
