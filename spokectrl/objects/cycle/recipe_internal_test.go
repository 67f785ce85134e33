// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// TestWhichFailingGroupsEndAWorkflow : e stands for an essential group, n for one that is not; an upper case letter fails.
func TestWhichFailingGroupsEndAWorkflow(t *testing.T) {
	const anyway, essential, full = v1alpha1.FailOnAny, v1alpha1.FailOnEssential, v1alpha1.FailOnFull
	for name, tc := range map[string]struct {
		failOn v1alpha1.FailOn
		groups string
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
		t.Run(name, func(t *testing.T) {
			w := recipe.Workflow{FailOn: tc.failOn}
			for _, g := range tc.groups {
				w.Steps = append(w.Steps, recipe.Step{Group: &recipe.Group{Name: string(g), Essential: strings.ContainsRune("eE", g)}})
			}
			runs := 0
			failed, err := follow(w, func(i int, g *recipe.Group) error {
				assert.Equal(t, runs, i)
				runs++
				if strings.ToUpper(g.Name) == g.Name {
					return errors.New("it failed")
				}
				return nil
			})
			assert.Equal(t, tc.runs, runs)
			assert.Equal(t, tc.fails, err != nil, "%v", err)
			assert.Len(t, failed, tc.lacks)
		})
	}
}
