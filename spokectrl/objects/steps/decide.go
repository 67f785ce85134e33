// SPDX-License-Identifier: Apache-2.0

package steps

import (
	"slices"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// Result is what became of a step.
type Result uint8

// Results.
const (
	Done      Result = iota
	Absent           // it had nothing to act on, and that is no failure
	Tolerated        // it failed, which its onError takes for a success
	Failed
)

// Decision is what comes next in an attempt.
type Decision struct {
	// Over says that the attempt has ended, and Fails how.
	Over, Fails bool
	// Step is the next one, unless the attempt is over.
	Step int
	// Owed are the steps that are to be undone, oldest first: now if the attempt is over, else should it end while Step is under
	// way.
	Owed []int
}

// Decide says what comes after the steps that were made in an attempt.
func Decide(w *recipe.Workflow, past []Result) Decision {
	var owed []int
	essential, lost := 0, 0
	for i, s := range w.Steps {
		if isEssential(s) {
			essential++
		}
		if i >= len(past) {
			continue
		}
		owed = owing(w, owed, i, past[i])
		switch {
		case past[i] != Failed:
		case w.FailOn == v1alpha1.FailOnAny || w.FailOn == v1alpha1.FailOnEssential && isEssential(s):
			return Decision{Over: true, Fails: true, Owed: owed}
		case isEssential(s):
			lost++
		}
	}
	switch {
	case len(past) < len(w.Steps):
		return Decision{Step: len(past), Owed: begun(w, owed, len(past))}
	case w.FailOn == v1alpha1.FailOnFull && essential > 0 && lost == essential:
		return Decision{Over: true, Fails: true, Owed: owed}
	default:
		return Decision{Over: true, Owed: lasting(w, owed, past)}
	}
}

func isEssential(s recipe.Step) bool {
	if s.Hook != nil {
		return s.Hook.Essential
	}
	return s.Group.Essential
}

// begun adds a step that is under way: nobody knows what it did already.
func begun(w *recipe.Workflow, owed []int, i int) []int {
	h := w.Steps[i].Hook
	if h == nil || h.Inverse == "" || slices.ContainsFunc(owed, undoneBy(w, h)) {
		return owed // what takes something back is not to be taken back
	}
	return append(slices.Clone(owed), i)
}

// owing are the steps that are to be undone after one more was made. One that failed may have done a part of what it does.
func owing(w *recipe.Workflow, owed []int, i int, is Result) []int {
	h := w.Steps[i].Hook
	if h == nil {
		return owed
	}
	left := owed
	if is != Absent {
		left = begun(w, owed, i)
	}
	if is == Done && slices.ContainsFunc(owed, undoneBy(w, h)) {
		left = slices.DeleteFunc(slices.Clone(owed), undoneBy(w, h))
	}
	return left
}

// undoneBy tells which steps an operation undoes.
func undoneBy(w *recipe.Workflow, h *recipe.Hook) func(int) bool {
	return func(i int) bool { return w.Steps[i].Hook.Inverse == h.Title() }
}

// lasting leaves out what an attempt that succeeded may leave as it is: what was done, and is not undone by a later step.
func lasting(w *recipe.Workflow, owed []int, past []Result) []int {
	var out []int
	for _, i := range owed {
		undoes := func(s recipe.Step) bool { return s.Hook != nil && s.Hook.Title() == w.Steps[i].Hook.Inverse }
		if past[i] == Failed || slices.ContainsFunc(w.Steps[i+1:], undoes) {
			out = append(out, i)
		}
	}
	return out
}
