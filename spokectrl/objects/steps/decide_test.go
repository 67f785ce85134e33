// SPDX-License-Identifier: Apache-2.0

package steps_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// TestWhichFailingStepsEndAWorkflow : e stands for an essential step, n for one that is not; an upper case letter fails. Groups and
// hooks count alike.
func TestWhichFailingStepsEndAWorkflow(t *testing.T) {
	const anyway, essential, full = v1alpha1.FailOnAny, v1alpha1.FailOnEssential, v1alpha1.FailOnFull
	for name, tc := range map[string]struct {
		failOn v1alpha1.FailOn
		steps  string
		runs   int
		fails  bool
		lacks  int
	}{
		"nothing fails":                               {anyway, "een", 3, false, 0},
		"the first failure ends it":                   {anyway, "eNe", 2, true, 0},
		"an essential failure ends it":                {essential, "nEe", 2, true, 0},
		"one that is not essential does not":          {essential, "eNe", 3, false, 1},
		"several that are not essential do not":       {essential, "NeN", 3, false, 2},
		"all run, and an essential one may fail":      {full, "Een", 3, false, 1},
		"all run, and all essential ones have failed": {full, "EnE", 3, true, 0},
		"without essential ones it never fails":       {full, "NN", 2, false, 2},
	} {
		for kind, step := range map[string]func(string, bool) recipe.Step{
			"groups": func(name string, essential bool) recipe.Step {
				return recipe.Step{Group: &recipe.Group{Name: name, Essential: essential}}
			},
			"hooks": func(name string, essential bool) recipe.Step {
				return recipe.Step{Hook: &recipe.Hook{Name: name, Op: "o", Essential: essential}}
			},
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				a := steps.Attempt{Now: time.Time{}.UTC, Write: func(context.Context, steps.Record) error { return nil }}
				a.Workflow.FailOn = tc.failOn
				for _, c := range tc.steps {
					a.Workflow.Steps = append(a.Workflow.Steps, step(string(c), strings.ContainsRune("eE", c)))
				}
				runs := 0
				a.Do = func(_ context.Context, i int, _ recipe.Step) (steps.Result, error) {
					assert.Equal(t, runs, i)
					runs++
					if c := tc.steps[i : i+1]; strings.ToUpper(c) == c {
						return steps.Failed, errors.New("it failed")
					}
					return steps.Done, nil
				}
				out := a.Follow(t.Context(), steps.Record{})
				assert.Equal(t, tc.runs, runs)
				assert.Equal(t, tc.fails, out.Err != nil, "%v", out.Err)
				assert.Len(t, out.Lacks, tc.lacks)
			})
		}
	}
}

func TestAStepThatCanNotBeWrittenDownIsNotBegun(t *testing.T) {
	a := steps.Attempt{Now: time.Time{}.UTC, Workflow: recipe.Workflow{Steps: []recipe.Step{{Hook: &recipe.Hook{Name: "h", Op: "o"}}}}}
	a.Write = func(context.Context, steps.Record) error { return errors.New("there is no API server") }
	a.Do = func(context.Context, int, recipe.Step) (steps.Result, error) {
		assert.Fail(t, "it was begun")
		return steps.Done, nil
	}
	out := a.Follow(t.Context(), steps.Record{})
	assert.ErrorContains(t, out.Err, "hook h/o was not begun, since it could not be written down: there is no API server")
	assert.Empty(t, out.Record.Undo)
}
