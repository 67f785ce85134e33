// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAProtectionThatEndsInTheMiddleOfAMove: where neither side is Primary, some storages let go of no volume.
func TestAProtectionThatEndsInTheMiddleOfAMove(t *testing.T) {
	amid := func() Facts {
		f := home()
		f.Deleting, f.Ask, f.Target = true, Relocate, Second
		for _, s := range []Side{First, Second} {
			c := f.At(s)
			c.Wish.Role, c.Decision, c.Report.State, c.Report.Level = Secondary, Gone, IsSecondary, true
		}
		return f
	}
	removed := []Write{{Kind: RemoveWish, Side: First}}
	for name, tc := range map[string]struct {
		edit   func(*Facts)
		writes []Write
		wait   Wait
	}{
		"the move is finished first": {func(*Facts) {}, []Write{{Kind: PutWish, Side: Second, Role: Primary, For: Relocate, Promote: true}}, Wait{}},
		"when the source is demoted": {func(f *Facts) { f.At(First).Report.State = Between }, nil, Wait{BeingSecondary, First}},
		"when the target has not answered yet": {func(f *Facts) {
			f.At(Second).Wish.Role, f.At(Second).Report.Answered = Primary, false
		}, nil, Wait{Answer, Second}},
		"when the target is not Primary yet": {func(f *Facts) {
			f.At(Second).Wish.Role, f.At(Second).Report.State = Primary, Between
		}, nil, Wait{BeingPrimary, Second}},
		"but not when the source sends its last writes: that is not needed": {func(f *Facts) {
			f.At(First).Wish.Role, f.At(First).Wish.FinalSync, f.At(First).Report.State = Primary, Run, Between
		}, []Write{{Kind: RemoveWish, Side: Second}}, Wait{}},
		"then the secondary goes": {func(f *Facts) {
			f.At(Second).Wish.Role, f.At(Second).Report.State = Primary, IsPrimary
		}, removed, Wait{}},
		"not where a cluster is given up":            {func(f *Facts) { f.At(Second).Abandon = true }, removed, Wait{}},
		"nor where a wish is on its way out already": {func(f *Facts) { f.At(First).Wish.Deleting = true }, nil, Wait{ObjectGone, First}},
		"nor before anything was moved": {func(f *Facts) {
			f.At(First).Decision, f.At(Second).Decision = Untold, Untold
		}, removed, Wait{}},
		"nor where nobody says where to": {func(f *Facts) { f.Target = Nowhere }, removed, Wait{}},
		"nor where its volumes are lost": {func(f *Facts) { f.At(First).Report.Lost = true }, removed, Wait{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := amid()
			tc.edit(&f)
			p := Decide(f)
			assert.Equal(t, tc.writes, p.Writes)
			assert.Equal(t, tc.wait, p.Wait)
			assert.Empty(t, unexplained(f))
		})
	}
}
