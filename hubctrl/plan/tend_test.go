// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestContentFollowsReportsExactlyWhereRolesAreSettled(t *testing.T) {
	relocating := func(edit func(*Facts)) func(*Facts) {
		return func(f *Facts) {
			f.Ask, f.Target = Relocate, Second
			edit(f)
		}
	}
	for name, tc := range map[string]struct {
		edit func(*Facts)
		want bool
	}{
		"an application at rest":         {func(*Facts) {}, true},
		"a peer that has not answered":   {func(f *Facts) { f.At(Second).Report.Answered = false }, true},
		"a peer that is out of reach":    {func(f *Facts) { f.At(Second).Live = false }, true},
		"a home that has not answered":   {func(f *Facts) { f.At(First).Report.Answered = false }, true},
		"a home that is not ready yet":   {func(f *Facts) { f.At(First).Decision, f.At(First).Report.Ready = Gone, false }, true},
		"a relocate of what is unready":  {relocating(func(f *Facts) { f.At(First).Report.Ready = false }), true},
		"a relocate of what is unstored": {relocating(func(f *Facts) { f.At(First).Report.Protected = false }), true},
		"a source that prepares":         {relocating(func(f *Facts) { f.At(First).Wish.FinalSync = Prepare }), false},
		"a source whose workload leaves": {relocating(func(f *Facts) {
			f.At(First).Wish.FinalSync, f.At(First).Decision, f.At(First).Report.InUse = Run, Gone, true
		}), false},
		"a source that is demoted": {relocating(func(f *Facts) {
			f.At(First).Wish.Role, f.At(First).Decision, f.At(First).Report.State = Secondary, Gone, Between
		}), false},
		"a failover that waits for its target": {func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(Second).Report.Answered = false
		}, false},
		"the end of the protection": {func(f *Facts) {
			f.Deleting = true
			f.At(Second).Wish.Deleting = true
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			tc.edit(&f)
			p := Decide(f)
			assert.Empty(t, p.Writes, "a plan that writes tends nothing")
			assert.Equal(t, tc.want, p.Tend)
		})
	}
}
