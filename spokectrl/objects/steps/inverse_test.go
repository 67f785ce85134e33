// SPDX-License-Identifier: Apache-2.0

package steps_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

func hook(op, inverse string) recipe.Step {
	return recipe.Step{Hook: &recipe.Hook{Name: "h", Op: op, Inverse: "h/" + inverse, Essential: true}}
}

// Of operations that undo each other, the one that takes the other one back is not taken back itself.
func TestWhatUndoesAStepIsNotUndone(t *testing.T) {
	w := recipe.Workflow{FailOn: v1alpha1.FailOnAny, Steps: []recipe.Step{hook("quiesce", "unquiesce"), hook("unquiesce", "quiesce"), {Group: &recipe.Group{Name: "g", Essential: true}}}}
	d := steps.Decide(&w, []steps.Result{steps.Done, steps.Done, steps.Failed})
	assert.True(t, d.Fails)
	assert.Empty(t, d.Owed, "it would be quiesced again")
	assert.Equal(t, []int{0}, steps.Decide(&w, []steps.Result{steps.Done}).Owed)
	assert.Equal(t, []int{0}, steps.Decide(&w, []steps.Result{steps.Done, steps.Failed}).Owed)
}

func TestAnOperationThatUndoesSeveralIsTriedOnce(t *testing.T) {
	a := steps.Attempt{Now: time.Time{}.UTC, Write: func(context.Context, steps.Record) error { return nil }}
	a.Workflow = recipe.Workflow{
		FailOn: v1alpha1.FailOnAny, Steps: []recipe.Step{hook("a", "thaw"), hook("b", "thaw"), hook("c", "thaw")},
		Inverses: map[string]*recipe.Hook{"h/thaw": {Name: "h", Op: "thaw"}},
	}
	a.Do = func(_ context.Context, i int, _ recipe.Step) (steps.Result, error) {
		if i < 2 {
			return steps.Done, nil
		}
		return steps.Failed, errors.New("it failed")
	}
	left := a.Follow(t.Context(), steps.Record{}).Record
	require.Len(t, left.Undo, 1)
	assert.Equal(t, "h/c", left.Undo[0].Of)
	tries := 0
	_, err := steps.Unwind(t.Context(), left, a.Write, func(context.Context, steps.Undo) error {
		tries++
		return errors.New("it is locked")
	})
	require.Error(t, err)
	assert.Equal(t, 1, tries)
}
