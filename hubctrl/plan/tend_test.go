// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

func TestContentFollowsReportsExactlyWhereRolesAreSettled(t *testing.T) {
	relocating := func(edit func(*plan.Facts)) func(*plan.Facts) {
		return func(f *plan.Facts) {
			f.Ask, f.Target = plan.Relocate, plan.Second
			edit(f)
		}
	}
	for name, tc := range map[string]struct {
		edit func(*plan.Facts)
		want bool
	}{
		"an application at rest":         {func(*plan.Facts) {}, true},
		"a peer that has not answered":   {func(f *plan.Facts) { f.At(plan.Second).Report.Answered = false }, true},
		"a peer that is out of reach":    {func(f *plan.Facts) { f.At(plan.Second).Live = false }, true},
		"a home that has not answered":   {func(f *plan.Facts) { f.At(plan.First).Report.Answered = false }, true},
		"a home that is not ready yet":   {func(f *plan.Facts) { f.At(plan.First).Decision, f.At(plan.First).Report.Ready = plan.Gone, false }, true},
		"a relocate of what is unready":  {relocating(func(f *plan.Facts) { f.At(plan.First).Report.Ready = false }), true},
		"a relocate of what is unstored": {relocating(func(f *plan.Facts) { f.At(plan.First).Report.Protected = false }), true},
		"a source that prepares":         {relocating(func(f *plan.Facts) { f.At(plan.First).Wish.FinalSync = plan.Prepare }), false},
		"a source whose workload leaves": {relocating(func(f *plan.Facts) {
			f.At(plan.First).Wish.FinalSync, f.At(plan.First).Decision, f.At(plan.First).Report.InUse = plan.Run, plan.Gone, true
		}), false},
		"a source that is demoted": {relocating(func(f *plan.Facts) {
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision, f.At(plan.First).Report.State = plan.Secondary, plan.Gone, plan.Between
		}), false},
		"a failover that waits for its target": {func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.Second).Report.Answered = false
		}, false},
		"the end of the protection": {func(f *plan.Facts) {
			f.Deleting = true
			f.At(plan.Second).Wish.Deleting = true
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			tc.edit(&f)
			p := plan.Decide(f)
			assert.Empty(t, p.Writes, "a plan that writes tends nothing")
			assert.Equal(t, tc.want, p.Tend)
		})
	}
}
