// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// TestWhatWasLetGoIsNotProtectedAgain: a hub comes from a backup, and clusters have seen wishes end that it shows again.
func TestWhatWasLetGoIsNotProtectedAgain(t *testing.T) {
	untold := []plan.Write{{Kind: plan.Publish}}
	ended := func(sides ...plan.Side) func(*plan.Facts) {
		return func(f *plan.Facts) {
			for _, s := range sides {
				f.At(s).Wish.Ended, f.At(s).Report = true, plan.Report{View: plan.Absent}
			}
		}
	}
	for name, tc := range map[string]struct {
		edit   func(*plan.Facts)
		writes []plan.Write
		wait   plan.Wait
	}{
		"on both clusters: the decisions are as old as the backup": {ended(plan.First, plan.Second), untold, plan.Wait{}},
		"and where they were withdrawn, the user is asked": {func(f *plan.Facts) {
			ended(plan.First, plan.Second)(f)
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold
		}, nil, plan.Wait{plan.ProtectionEnded, plan.First}},
		"nor is the workload sent away where the backup was made during a move": {func(f *plan.Facts) {
			ended(plan.First, plan.Second)(f)
			f.At(plan.First).Decision = plan.Gone
		}, untold, plan.Wait{}},
		"on the home only": {ended(plan.First), untold, plan.Wait{}},
		"on the peer only: the workload stays where it is": {ended(plan.Second), nil, plan.Wait{plan.ProtectionEnded, plan.Second}},
		"on the peer only, in the middle of a move": {func(f *plan.Facts) {
			ended(plan.Second)(f)
			f.At(plan.First).Decision = plan.Gone
		}, nil, plan.Wait{plan.ProtectionEnded, plan.Second}},
		"it can be deleted": {func(f *plan.Facts) { ended(plan.First, plan.Second)(f); f.Deleting = true }, []plan.Write{{Kind: plan.RemoveWish, Side: plan.Second}}, plan.Wait{}},
		"it can be deleted though a wish once took an object over, which is gone": {func(f *plan.Facts) {
			ended(plan.First, plan.Second)(f)
			f.Deleting, f.At(plan.Second).Wish.Adopting = true, true
		}, []plan.Write{{Kind: plan.RemoveWish, Side: plan.Second}}, plan.Wait{}},
		"a failover to where it is can't bring the peer back": {func(f *plan.Facts) {
			ended(plan.Second)(f)
			f.Ask, f.Target = plan.Failover, plan.First
		}, nil, plan.Wait{plan.ProtectionEnded, plan.Second}},
		"a failover away from there goes first": {func(f *plan.Facts) {
			ended(plan.First)(f)
			f.Ask, f.Target = plan.Failover, plan.Second
		}, []plan.Write{
			{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}},
			{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary, For: plan.Failover, Promote: true},
		}, plan.Wait{}},
		"a failover away from there waits for its target only": {func(f *plan.Facts) {
			ended(plan.First)(f)
			f.Ask, f.Target, f.At(plan.Second).Live = plan.Failover, plan.Second, false
		}, nil, plan.Wait{plan.LinkIsLive, plan.Second}},
		"a failover to a cluster that has seen the end, too, does not": {func(f *plan.Facts) {
			ended(plan.First, plan.Second)(f)
			f.Ask, f.Target, f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Failover, plan.Second, plan.Untold, plan.Untold
		}, nil, plan.Wait{plan.ProtectionEnded, plan.First}},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			tc.edit(&f)
			p := plan.Decide(f)
			assert.Equal(t, tc.writes, p.Writes)
			assert.Equal(t, tc.wait, p.Wait)
			assert.Empty(t, unexplained(f))
		})
	}
}
