// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// Runner runs operations of hooks.
type Runner interface {
	// Run runs one, for at most its timeout. No two runs have the same name. It says by hooks.Absent that there was nothing to
	// act on.
	Run(ctx context.Context, h *recipe.Hook, name string) error
	// Note is what is to be told of one that succeeded; empty: nothing.
	Note(ctx context.Context, h *recipe.Hook) string
	// Undo runs one that undoes another one. It says by hooks.Absent that nothing is there in which anything could be undone, and
	// by hooks.Gone that nothing will be.
	Undo(ctx context.Context, h *recipe.Hook, name string) error
}

// Journal keeps records of attempts, one for each group, beyond the end of a process.
type Journal interface {
	Load(ctx context.Context) ([]steps.Record, error)
	Write(ctx context.Context, r steps.Record) error
	// Drop forgets what is written of a group.
	Drop(ctx context.Context, g capsule.Group) error
	// Holds reports whether an attempt is still written down: who removes it by hand has it given up.
	Holds(ctx context.Context, r steps.Record) (bool, error)
}

// Hooks are what workflows with hooks need.
type Hooks struct {
	Runner  Runner
	Journal Journal
	// Place says whether an application is to run here, as the API server knows it now.
	Place func(context.Context, capsule.Group) (Place, error)
}

// HooksRun is what became of the hooks of the last attempt that had some.
type HooksRun struct {
	Task Task // Nothing: there was none
	At   time.Time
	// Err is why a hook failed, and Spared why one did whose onError takes that for a success; nil: none.
	Err, Spared error
	Notes       []string // what is to be told of hooks that succeeded
}

// hooks reports whether a task has hooks, as far as the Recipe here says. Where that can't be followed the captured one is, which may
// have some.
func (w *Want) hooks(task Task) bool {
	r, err := w.Resolved()
	if err != nil && !r.Stopped {
		return task == Restoring
	}
	if task == Restoring {
		return r.Restore.Hooks()
	}
	return r.Backup.Hooks()
}

// follow carries out a workflow. What hooks did is undone when it returns, if that is called for and succeeds at once.
func (w *Worker) follow(ctx context.Context, want Want, task Task, name string, flow recipe.Workflow, is *Standing, group func(i int, g *recipe.Group) error) steps.Outcome {
	var notes []string
	a := steps.Attempt{
		Workflow: flow,
		Now:      w.clock.Now,
		Write: func(ctx context.Context, r steps.Record) error {
			err := w.hooks.Journal.Write(ctx, r)
			if err == nil {
				w.show(want.Group, &r)
			}
			return err
		},
		Do: func(ctx context.Context, i int, s recipe.Step) (steps.Result, error) {
			if s.Hook != nil {
				result, err := w.hook(ctx, want.Group, s.Hook, fmt.Sprintf("%s/%d", name, i))
				if note := w.hooks.Runner.Note(ctx, s.Hook); result == steps.Done && note != "" {
					notes = append(notes, note)
				}
				return result, err
			}
			if err := group(i, s.Group); err != nil {
				return steps.Failed, err
			}
			return steps.Done, nil
		},
	}
	out := a.Follow(ctx, steps.Record{Group: want.Group, Attempt: name, Restore: task == Restoring, Epoch: want.Term.Epoch})
	if flow.Hooks() {
		w.show(want.Group, nil)
		is.Hooks = HooksRun{Task: task, At: w.clock.Now(), Err: out.Hook, Spared: out.Spared, Notes: notes}
		<-w.undoer.undo(out.Record).first
	}
	return out
}

// show keeps which step is under way.
func (w *Worker) show(g capsule.Group, r *steps.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r == nil {
		delete(w.steps, g)
		return
	}
	w.steps[g] = r
}

// hook runs one operation of a step.
func (w *Worker) hook(ctx context.Context, g capsule.Group, h *recipe.Hook, name string) (steps.Result, error) {
	wake := time.AfterFunc(long, func() { w.call(g) })
	defer wake.Stop()
	switch err := w.hooks.Runner.Run(ctx, h, name); {
	case err == nil:
		return steps.Done, nil
	case hooks.Absent(err) && h.SkipAbsent:
		return steps.Absent, nil
	case h.Continue && ctx.Err() == nil:
		return steps.Tolerated, err
	default:
		return steps.Failed, err
	}
}

// call wakes a group.
func (w *Worker) call(g capsule.Group) {
	w.mu.Lock()
	wake := w.wake
	w.mu.Unlock()
	wake(g)
}

// Reasons of condition HooksReady.
const (
	ReasonHookExecuted = "HookExecuted"
	ReasonHookFailed   = "HookFailed"
	ReasonInitializing = "Initializing"
)

// AnnotationSkipUndo on a group, with the name of an attempt, says that what its hooks did stays.
const AnnotationSkipUndo = "objects.ramendr.openshift.io/skip-undo"

// NotUndone begins what is said while something could not be undone.
const NotUndone = "what a hook did is not undone yet: "

// OfHooks is what condition HooksReady says; nil: no hook is asked for, and none is to be undone.
func OfHooks(w *Want, s *Standing) *Finding {
	if u := s.Undo; u != nil && u.Err != nil {
		return new(no(ReasonHookFailed, fmt.Sprintf(NotUndone+"%s. It is tried since %s and again, at the latest after %s, and nothing is captured or restored before. If it can't succeed, undo it by hand, and continue with: kubectl -n %s annotate vrg %s %s=%s%s",
			bounded.Text(oneLine(u.Err), bounded.Message/2), moment(u.Since), longestPause, w.Group.Namespace, w.Group.Name, AnnotationSkipUndo, u.Record.Attempt, s.Waiting())))
	}
	r, err := w.Resolved()
	switch {
	case s.Undo != nil && s.Undo.Now != "":
	case w.Mode == Off || err != nil:
		return nil
	case s.Hooks.Task == Nothing && !r.Backup.Hooks() && !r.Restore.Hooks():
		return nil
	}
	out := Finding{Status: "Unknown", Reason: ReasonInitializing, Message: "no hook has run yet"}
	which, again := "Capture", "; the hooks run again with the next capture"
	if s.Hooks.Task == Restoring {
		which, again = "Recovery", ""
	}
	switch {
	case s.Hooks.Task == Nothing:
	case s.Hooks.Err != nil:
		out = no(ReasonHookFailed, fmt.Sprintf("%s hooks failed at %s: %s%s", which, moment(s.Hooks.At), bounded.Text(oneLine(s.Hooks.Err), bounded.Message/2), again))
	default:
		out = yes(ReasonHookExecuted, fmt.Sprintf("%s hooks executed successfully, at %s", which, moment(s.Hooks.At)))
		if s.Hooks.Spared != nil {
			out.Message += "; one failed, which its onError takes for a success: " + bounded.Text(oneLine(s.Hooks.Spared), bounded.Quote)
		}
	}
	if out.Status == metav1.ConditionTrue && len(s.Hooks.Notes) > 0 {
		out.Message += "; " + bounded.Text(strings.Join(s.Hooks.Notes, "; "), bounded.Quote)
	}
	if s.Stays != "" {
		out.Message += "; " + bounded.Text(s.Stays, bounded.Quote)
	}
	out.Message += s.Waiting()
	return &out
}
