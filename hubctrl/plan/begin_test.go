// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// TestWhatBeginsAProtection : only what nobody is Primary of, and this hub has told nobody where to run; or what nobody has a role for.
func TestWhatBeginsAProtection(t *testing.T) {
	untold := func(f *plan.Facts) { f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold }
	f := home()
	f.At(plan.Second).Wish.Role = plan.Primary
	untold(&f)
	assert.Equal(t, plan.Wait{Fact: plan.ConflictSolved}, plan.Decide(f).Wait, "two Primaries of one epoch are no beginning, even if no cluster was told")

	for name, edit := range map[string]func(*plan.Facts){
		"a new one": func(*plan.Facts) {},
		"one whose wishes are gone, and whose workload was sent away": func(f *plan.Facts) {
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Gone, plan.Gone
		},
	} {
		f := both()
		edit(&f)
		got := plan.Decide(f)
		if assert.NotEmpty(t, got.Writes, name) {
			assert.Equal(t, plan.Second, got.Writes[0].Side, "%s: the peer first", name)
			assert.Equal(t, plan.Deploying, got.Phase, name)
		}
	}

	f = both()
	f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Gone, plan.Gone
	f.At(plan.First).Live, f.At(plan.First).Report.View = false, plan.Unknown
	f.Target = plan.Second
	got := plan.Decide(f)
	assert.Empty(t, got.Writes, "nobody knows what runs there")
	assert.Equal(t, plan.First, got.Wait.On)

	f = both()
	f.Ask, f.Target = plan.Failover, plan.Second
	f.At(plan.First).Wish.Former, f.At(plan.First).Live, f.At(plan.First).Report.View = true, false, plan.Unknown
	assert.Equal(t, plan.Second, plan.Decide(f).Writes[0].Side, "the peer was given up for an earlier protection, and is lost")
	f.At(plan.Second).Report = plan.Report{View: plan.Present, Foreign: true}
	assert.Empty(t, plan.Decide(f).Writes, "not where the survivor lacks something")
	f.At(plan.Second).Report = plan.Report{View: plan.Present}
	assert.Empty(t, plan.Decide(f).Writes, "as when something of an earlier life is there")
}
