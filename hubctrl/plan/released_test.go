// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// Some storages never call a Secondary in sync while its peer is Primary, and release a replica only while it is. So a
// cluster that was demoted for good is a target, whatever it still lacks; and only the data of the side that was Primary
// decides whether a promotion loses anything.

// relocating are facts of an application whose first cluster was demoted for a relocate to the second one.
func relocating() plan.Facts {
	f := home()
	f.Ask, f.Target = plan.Relocate, plan.Second
	f.At(plan.First).Decision, f.At(plan.First).Wish = plan.Gone, plan.Wish{Role: plan.Secondary, For: plan.Relocate, Epoch: 1}
	f.At(plan.First).Report = plan.Report{View: plan.Present, Answered: true, State: plan.IsSecondary, Level: true}
	return f
}

func TestASecondaryThatFollowsItsPeerIsATarget(t *testing.T) {
	follows := func(f *plan.Facts) { f.At(plan.Second).Report.Level = false }
	for name, tc := range map[string]struct {
		facts plan.Facts
		edit  func(*plan.Facts)
		write *plan.Write
		wait  plan.Wait
	}{
		"all is done, though it is never called in sync": {home(), follows, nil, plan.Wait{}},
		"a failover goes to it": {home(), func(f *plan.Facts) {
			follows(f)
			f.Ask, f.Target = plan.Failover, plan.Second
		}, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}}, plan.Wait{}},
		"a relocate to it begins": {home(), func(f *plan.Facts) {
			follows(f)
			f.Ask, f.Target = plan.Relocate, plan.Second
		}, &plan.Write{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary, FinalSync: plan.Prepare, For: plan.Relocate}, plan.Wait{}},
		"a relocate to it first tells it that its peer does not stay Primary": {home(), func(f *plan.Facts) {
			follows(f)
			f.Ask, f.Target, f.At(plan.Second).Wish.Serves = plan.Relocate, plan.Second, true
		}, &plan.Write{Kind: plan.PutWish, Side: plan.Second, Role: plan.Secondary, For: plan.Relocate}, plan.Wait{}},
		"a source that lacks nothing is followed by the promotion": {relocating(), func(*plan.Facts) {},
			&plan.Write{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary, For: plan.Relocate, Promote: true}, plan.Wait{}},
		"a source whose data is on its way is waited for": {relocating(), func(f *plan.Facts) { f.At(plan.First).Report.Level = false }, nil, plan.Wait{plan.BeingSecondary, plan.First}},
		"a target that lacks something is waited for":     {relocating(), follows, nil, plan.Wait{plan.BeingSecondary, plan.Second}},
		"a relocate can be taken back by a failover, whatever is on its way": {relocating(), func(f *plan.Facts) {
			f.Ask, f.Target, f.At(plan.First).Report.Level, f.At(plan.Second).Live = plan.Failover, plan.First, false, false
		}, &plan.Write{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary, For: plan.Failover, Promote: true}, plan.Wait{}},
		"claims that wait for the takeover keep the operation from its end": {home(), func(f *plan.Facts) { f.At(plan.Second).Report.Ready = false }, nil, plan.Wait{plan.BeingSecondary, plan.Second}},
		"but no failover to where they wait": {home(), func(f *plan.Facts) {
			f.Ask, f.Target, f.At(plan.Second).Report.Ready = plan.Failover, plan.Second, false
		}, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}}, plan.Wait{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := tc.facts
			tc.edit(&f)
			p := plan.Decide(f)
			assert.Equal(t, tc.wait, p.Wait)
			if tc.write == nil {
				assert.Empty(t, p.Writes)
			} else if assert.NotEmpty(t, p.Writes) {
				assert.Equal(t, *tc.write, p.Writes[0])
			}
		})
	}
}
