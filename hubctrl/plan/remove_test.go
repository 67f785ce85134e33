// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// TestAProtectionThatEndsInTheMiddleOfAMove: where neither side is Primary, some storages let go of no volume.
func TestAProtectionThatEndsInTheMiddleOfAMove(t *testing.T) {
	amid := func() plan.Facts {
		f := home()
		f.Deleting, f.Ask, f.Target = true, plan.Relocate, plan.Second
		for _, s := range []plan.Side{plan.First, plan.Second} {
			c := f.At(s)
			c.Wish.Role, c.Decision, c.Report.State, c.Report.Level = plan.Secondary, plan.Gone, plan.IsSecondary, true
		}
		return f
	}
	removed := []plan.Write{{Kind: plan.RemoveWish, Side: plan.First}}
	for name, tc := range map[string]struct {
		edit   func(*plan.Facts)
		writes []plan.Write
		wait   plan.Wait
	}{
		"the move is finished first": {func(*plan.Facts) {}, []plan.Write{{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary, For: plan.Relocate, Promote: true}}, plan.Wait{}},
		"when the source is demoted": {func(f *plan.Facts) { f.At(plan.First).Report.State = plan.Between }, nil, plan.Wait{plan.BeingSecondary, plan.First}},
		"when the target has not answered yet": {func(f *plan.Facts) {
			f.At(plan.Second).Wish.Role, f.At(plan.Second).Report.Answered = plan.Primary, false
		}, nil, plan.Wait{plan.Answer, plan.Second}},
		"when the target is not Primary yet": {func(f *plan.Facts) {
			f.At(plan.Second).Wish.Role, f.At(plan.Second).Report.State = plan.Primary, plan.Between
		}, nil, plan.Wait{plan.BeingPrimary, plan.Second}},
		"but not when the source sends its last writes: that is not needed": {func(f *plan.Facts) {
			f.At(plan.First).Wish.Role, f.At(plan.First).Wish.FinalSync, f.At(plan.First).Report.State = plan.Primary, plan.Run, plan.Between
		}, []plan.Write{{Kind: plan.RemoveWish, Side: plan.Second}}, plan.Wait{}},
		"then the secondary goes": {func(f *plan.Facts) {
			f.At(plan.Second).Wish.Role, f.At(plan.Second).Report.State = plan.Primary, plan.IsPrimary
		}, removed, plan.Wait{}},
		"not where a cluster is given up":            {func(f *plan.Facts) { f.At(plan.Second).Abandon = true }, removed, plan.Wait{}},
		"nor where a wish is on its way out already": {func(f *plan.Facts) { f.At(plan.First).Wish.Deleting = true }, nil, plan.Wait{plan.ObjectGone, plan.First}},
		"nor before anything was moved": {func(f *plan.Facts) {
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold
		}, removed, plan.Wait{}},
		"nor where nobody says where to": {func(f *plan.Facts) { f.Target = plan.Nowhere }, removed, plan.Wait{}},
		"nor where its volumes are lost": {func(f *plan.Facts) { f.At(plan.First).Report.Lost = true }, removed, plan.Wait{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := amid()
			tc.edit(&f)
			p := plan.Decide(f)
			assert.Equal(t, tc.writes, p.Writes)
			assert.Equal(t, tc.wait, p.Wait)
			assert.Empty(t, unexplained(f))
		})
	}
}
