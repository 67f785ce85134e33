// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestWhatWasLetGoIsNotProtectedAgain: a hub comes from a backup, and clusters have seen wishes end that it shows again.
func TestWhatWasLetGoIsNotProtectedAgain(t *testing.T) {
	untold := []Write{{Kind: Publish}}
	ended := func(sides ...Side) func(*Facts) {
		return func(f *Facts) {
			for _, s := range sides {
				f.At(s).Wish.Ended, f.At(s).Report = true, Report{View: Absent}
			}
		}
	}
	for name, tc := range map[string]struct {
		edit   func(*Facts)
		writes []Write
		wait   Wait
	}{
		"on both clusters: the decisions are as old as the backup": {ended(First, Second), untold, Wait{}},
		"and where they were withdrawn, the user is asked": {func(f *Facts) {
			ended(First, Second)(f)
			f.At(First).Decision, f.At(Second).Decision = Untold, Untold
		}, nil, Wait{ProtectionEnded, First}},
		"nor is the workload sent away where the backup was made during a move": {func(f *Facts) {
			ended(First, Second)(f)
			f.At(First).Decision = Gone
		}, untold, Wait{}},
		"on the home only": {ended(First), untold, Wait{}},
		"on the peer only: the workload stays where it is": {ended(Second), nil, Wait{ProtectionEnded, Second}},
		"on the peer only, in the middle of a move": {func(f *Facts) {
			ended(Second)(f)
			f.At(First).Decision = Gone
		}, nil, Wait{ProtectionEnded, Second}},
		"it can be deleted": {func(f *Facts) { ended(First, Second)(f); f.Deleting = true }, []Write{{Kind: RemoveWish, Side: Second}}, Wait{}},
		"it can be deleted though a wish once took an object over, which is gone": {func(f *Facts) {
			ended(First, Second)(f)
			f.Deleting, f.At(Second).Wish.Adopting = true, true
		}, []Write{{Kind: RemoveWish, Side: Second}}, Wait{}},
		"a failover to where it is can't bring the peer back": {func(f *Facts) {
			ended(Second)(f)
			f.Ask, f.Target = Failover, First
		}, nil, Wait{ProtectionEnded, Second}},
		"a failover away from there goes first": {func(f *Facts) {
			ended(First)(f)
			f.Ask, f.Target = Failover, Second
		}, []Write{
			{Kind: Publish, Decisions: [2]Decision{Retain, Gone}},
			{Kind: PutWish, Side: Second, Role: Primary, For: Failover, Promote: true},
		}, Wait{}},
		"a failover away from there waits for its target only": {func(f *Facts) {
			ended(First)(f)
			f.Ask, f.Target, f.At(Second).Live = Failover, Second, false
		}, nil, Wait{LinkIsLive, Second}},
		"a failover to a cluster that has seen the end, too, does not": {func(f *Facts) {
			ended(First, Second)(f)
			f.Ask, f.Target, f.At(First).Decision, f.At(Second).Decision = Failover, Second, Untold, Untold
		}, nil, Wait{ProtectionEnded, First}},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			tc.edit(&f)
			p := Decide(f)
			assert.Equal(t, tc.writes, p.Writes)
			assert.Equal(t, tc.wait, p.Wait)
			assert.Empty(t, unexplained(f))
		})
	}
}
