// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWhatBelongsIntoTheStores(t *testing.T) {
	protected := Volume{Selected: true, Claim: ClaimBound, Marks: MarksAll, Kept: KeptAll, Able: true, Use: UseFree,
		Replica: ReplicaPresent, Told: Primary, Exact: true, Settled: true}
	for name, tc := range map[string]struct {
		edit func(v *Volume)
		want bool
	}{
		"it is protected":                             {func(*Volume) {}, true},
		"it is copied":                                {func(v *Volume) { v.Copied = true }, false},
		"another group has it":                        {func(v *Volume) { v.Foreign = true }, false},
		"it is not selected any more":                 {func(v *Volume) { v.Selected = false }, false},
		"it is new":                                   {func(v *Volume) { v.Marks, v.Kept, v.Replica, v.Told = MarksNone, KeptNone, ReplicaAbsent, NoRole }, true},
		"it waits for its volume":                     {func(v *Volume) { v.Claim, v.Marks = ClaimPending, MarksNone }, true},
		"its PersistentVolume is lost":                {func(v *Volume) { v.Claim = ClaimLost }, true},
		"its user deletes it":                         {func(v *Volume) { v.Claim = ClaimLeaving }, false},
		"its user deletes it, and a Pod writes":       {func(v *Volume) { v.Claim, v.Use = ClaimLeaving, UseBusy }, true},
		"its user deletes it, and who knows who uses": {func(v *Volume) { v.Claim, v.Use = ClaimLeaving, UseUnknown }, true},
		"the same before it was marked":               {func(v *Volume) { v.Claim, v.Use, v.Marks = ClaimLeaving, UseBusy, MarksNone }, true},
		"it is let go":                                {func(v *Volume) { v.Claim, v.Replica = ClaimLeaving, ReplicaAbsent }, false},
		"its claim is gone, and something uses it":    {func(v *Volume) { v.Claim, v.Use = ClaimAbsent, UseBusy }, false},
		"it was lost before it was marked":            {func(v *Volume) { v.Claim, v.Marks, v.Replica = ClaimLost, MarksNone, ReplicaAbsent }, true},
		"its class went with its replica":             {func(v *Volume) { v.Able, v.Replica = false, ReplicaAbsent }, true},
		"somebody took our marks off it":              {func(v *Volume) { v.Marks = MarksNone }, true},
		"the same, of another group":                  {func(v *Volume) { v.Claim, v.Use, v.Foreign = ClaimLeaving, UseBusy, true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := protected
			tc.edit(&v)
			g := Facts{Role: Primary, Held: true, Restore: RestoreDone, Unprotect: true, Archived: true, Volumes: []Volume{v}}
			assert.Equal(t, []bool{tc.want}, Stored(g))
			g.Archived = false
			assert.Equal(t, []bool{tc.want}, Stored(g), "whatever the stores hold now")
		})
	}
}

func TestWhatMayNotBeReleasedStaysInTheStores(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(v *Volume)
		want bool
	}{
		"it is not selected any more":                   {func(*Volume) {}, true},
		"the same, and it belongs to another claim":     {func(v *Volume) { v.Ceded = true }, false},
		"the same, and another group has it":            {func(v *Volume) { v.Foreign = true }, false},
		"the same, and its replica can't be read":       {func(v *Volume) { v.Replica = ReplicaUnknown }, true},
		"the same, and its claim is deleted and in use": {func(v *Volume) { v.Claim, v.Use = ClaimLeaving, UseBusy }, true},
	} {
		t.Run(name, func(t *testing.T) {
			v := Volume{Claim: ClaimBound, Marks: MarksAll, Kept: KeptAll, Able: true, Use: UseFree, Replica: ReplicaPresent, Told: Primary, Exact: true, Settled: true}
			tc.edit(&v)
			g := Facts{Role: Primary, Held: true, Restore: RestoreDone, Archived: true, Volumes: []Volume{v}}
			assert.Equal(t, []bool{tc.want}, Stored(g))
			g.FinalSync, g.SentAway = true, true
			assert.Equal(t, []bool{tc.want}, Stored(g), "while the application leaves")
		})
	}
}
