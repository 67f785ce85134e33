// SPDX-License-Identifier: Apache-2.0

package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// Record is what is written down of an attempt.
type Record struct {
	Group capsule.Group `json:"group"`
	// Attempt is its name, which no other one has.
	Attempt string `json:"attempt"`
	Restore bool   `json:"restore,omitempty"` // not a capture
	Epoch   int64  `json:"epoch"`
	// Title is the step that was begun last, number Step of Of, and Since when that was.
	Title string    `json:"title,omitempty"`
	Step  int       `json:"step,omitempty"`
	Of    int       `json:"of,omitempty"`
	Since time.Time `json:"since"`
	// Away says that the application was to run elsewhere since.
	Away bool `json:"away,omitempty"`
	// Undo is what is to be undone, oldest first.
	Undo []Undo `json:"undo,omitempty"`
}

// Undo is an operation that is to be undone.
type Undo struct {
	Of   string       `json:"of"`   // its title
	With *recipe.Hook `json:"with"` // what undoes it
}

// Attempt is what one needs.
type Attempt struct {
	Workflow recipe.Workflow
	Now      func() time.Time
	// Write writes a record down.
	Write func(context.Context, Record) error
	// Do makes a step. An error goes with Tolerated and Failed.
	Do func(context.Context, int, recipe.Step) (Result, error)
}

// Outcome is what became of an attempt.
type Outcome struct {
	Err    error   // why it failed; nil: it did not
	Lacks  []error // the steps that failed all the same
	Hook   error   // the first failure of a hook, whatever that meant for the attempt
	Spared error   // the first failure that its onError takes for a success
	Record Record  // with what is to be undone now
	// Past is what became of the steps that were made.
	Past []Result
}

// Follow makes the steps of a workflow. A workflow without hooks is written down nowhere.
func (a *Attempt) Follow(ctx context.Context, r Record) Outcome {
	out := Outcome{Record: r}
	out.Record.Of = len(a.Workflow.Steps)
	var failed []error
	for {
		next := Decide(&a.Workflow, out.Past)
		if next.Over {
			out.Record.Undo = a.undo(next.Owed)
			if next.Fails {
				out.Err = errors.Join(failed...)
				return out
			}
			out.Lacks = failed
			return out
		}
		step := a.Workflow.Steps[next.Step]
		if out.Err = ctx.Err(); out.Err != nil {
			return out
		}
		begun := out.Record
		begun.Title, begun.Step, begun.Since, begun.Undo = step.Title(), next.Step+1, a.Now(), a.undo(next.Owed)
		if a.Workflow.Hooks() {
			if err := a.Write(ctx, begun); err != nil {
				out.Err = fmt.Errorf("%s was not begun, since it could not be written down: %w", step.Title(), err)
				return out
			}
		}
		out.Record = begun
		is, err := a.Do(ctx, next.Step, step)
		out.Past = append(out.Past, is)
		if err != nil && step.Title() != allOf {
			err = fmt.Errorf("%s: %w", step.Title(), err)
		}
		if is == Failed {
			failed = append(failed, err)
		}
		if step.Hook != nil && is == Failed && out.Hook == nil {
			out.Hook = err
		}
		if is == Tolerated && out.Spared == nil {
			out.Spared = err
		}
		// Were the attempt to end before the next step begins, this one would be over.
		out.Record.Undo = a.undo(after(&a.Workflow, out.Past))
	}
}

// allOf is the title of the only step where no Recipe says what is captured.
const allOf = "group "

// after is what is to be undone if nothing follows.
func after(w *recipe.Workflow, past []Result) []int {
	var owed []int
	for i, is := range past {
		owed = owing(w, owed, i, is)
	}
	return owed
}

// undo is what undoes steps. An operation that undoes several stands once, in the place of the last one.
func (a *Attempt) undo(owed []int) []Undo {
	var out []Undo
	for _, i := range owed {
		h := a.Workflow.Steps[i].Hook
		with := a.Workflow.Inverses[h.Inverse]
		out = append(slices.DeleteFunc(out, func(u Undo) bool { return u.With == with }), Undo{Of: h.Title(), With: with})
	}
	return out
}

// Unwind undoes what an attempt left, the last one first, and goes on where that fails. It returns what is left to be undone, and
// may be called with that again. What is left is written down; that nothing is left is for the caller to note.
func Unwind(ctx context.Context, r Record, write func(context.Context, Record) error, do func(context.Context, Undo) error) (Record, error) {
	var errs []error
	for _, u := range slices.Backward(r.Undo) {
		same := func(o Undo) bool { return o.With.Title() == u.With.Title() }
		if !slices.ContainsFunc(r.Undo, same) {
			continue // it undid several
		}
		if err := ctx.Err(); err != nil {
			return r, errors.Join(append(errs, err)...)
		}
		if err := do(ctx, u); err != nil {
			errs = append(errs, fmt.Errorf("hook %s, which undoes %s: %w", u.With.Title(), u.Of, err))
			continue
		}
		if r.Undo = slices.DeleteFunc(slices.Clone(r.Undo), same); len(r.Undo) == 0 {
			break
		}
		if err := write(ctx, r); err != nil {
			errs = append(errs, fmt.Errorf("write down that %s is undone: %w", u.Of, err))
		}
	}
	return r, errors.Join(errs...)
}
