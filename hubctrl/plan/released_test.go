// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Some storages never call a Secondary in sync while its peer is Primary, and release a replica only while it is. So a
// cluster that was demoted for good is a target, whatever it still lacks; and only the data of the side that was Primary
// decides whether a promotion loses anything.

// relocating are facts of an application whose first cluster was demoted for a relocate to the second one.
func relocating() Facts {
	f := home()
	f.Ask, f.Target = Relocate, Second
	f.At(First).Decision, f.At(First).Wish = Gone, Wish{Role: Secondary, For: Relocate, Epoch: 1}
	f.At(First).Report = Report{View: Present, Answered: true, State: IsSecondary, Level: true}
	return f
}

func TestASecondaryThatFollowsItsPeerIsATarget(t *testing.T) {
	follows := func(f *Facts) { f.At(Second).Report.Level = false }
	for name, tc := range map[string]struct {
		facts Facts
		edit  func(*Facts)
		write *Write
		wait  Wait
	}{
		"all is done, though it is never called in sync": {home(), follows, nil, Wait{}},
		"a failover goes to it": {home(), func(f *Facts) {
			follows(f)
			f.Ask, f.Target = Failover, Second
		}, &Write{Kind: Publish, Decisions: [2]Decision{Retain, Gone}}, Wait{}},
		"a relocate to it begins": {home(), func(f *Facts) {
			follows(f)
			f.Ask, f.Target = Relocate, Second
		}, &Write{Kind: PutWish, Side: First, Role: Primary, FinalSync: Prepare, For: Relocate}, Wait{}},
		"a relocate to it first tells it that its peer does not stay Primary": {home(), func(f *Facts) {
			follows(f)
			f.Ask, f.Target, f.At(Second).Wish.Serves = Relocate, Second, true
		}, &Write{Kind: PutWish, Side: Second, Role: Secondary, For: Relocate}, Wait{}},
		"a source that lacks nothing is followed by the promotion": {relocating(), func(*Facts) {},
			&Write{Kind: PutWish, Side: Second, Role: Primary, For: Relocate, Promote: true}, Wait{}},
		"a source whose data is on its way is waited for": {relocating(), func(f *Facts) { f.At(First).Report.Level = false }, nil, Wait{BeingSecondary, First}},
		"a target that lacks something is waited for":     {relocating(), follows, nil, Wait{BeingSecondary, Second}},
		"a relocate can be taken back by a failover, whatever is on its way": {relocating(), func(f *Facts) {
			f.Ask, f.Target, f.At(First).Report.Level, f.At(Second).Live = Failover, First, false, false
		}, &Write{Kind: PutWish, Side: First, Role: Primary, For: Failover, Promote: true}, Wait{}},
		"claims that wait for the takeover keep the operation from its end": {home(), func(f *Facts) { f.At(Second).Report.Ready = false }, nil, Wait{BeingSecondary, Second}},
		"but no failover to where they wait": {home(), func(f *Facts) {
			f.Ask, f.Target, f.At(Second).Report.Ready = Failover, Second, false
		}, &Write{Kind: Publish, Decisions: [2]Decision{Retain, Gone}}, Wait{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := tc.facts
			tc.edit(&f)
			p := Decide(f)
			assert.Equal(t, tc.wait, p.Wait)
			if tc.write == nil {
				assert.Empty(t, p.Writes)
			} else if assert.NotEmpty(t, p.Writes) {
				assert.Equal(t, *tc.write, p.Writes[0])
			}
		})
	}
}
