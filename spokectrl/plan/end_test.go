// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// having is a group after changes.
func having(g plan.Facts, change ...func(*plan.Facts)) plan.Facts {
	for _, f := range change {
		f(&g)
	}
	return g
}

func ending(g *plan.Facts)      { g.Ending = true }
func interrupted(g *plan.Facts) { g.Ending, g.Interrupted = true, true }
func pruned(g *plan.Facts)      { g.Pruned = true }

// TestEnds : what becomes of a group and of one volume when the group ends, is interrupted, or loses a namespace.
func TestEnds(t *testing.T) {
	marked := func(m plan.Marks) func(*plan.Volume) { return func(v *plan.Volume) { v.Marks = m } }
	claim := func(c plan.Claim) func(*plan.Volume) { return func(v *plan.Volume) { v.Claim = c } }
	unkept := func(v *plan.Volume) { v.Kept = plan.KeptNone }
	foreign := func(v *plan.Volume) { v.Foreign = true }
	replica := func(r plan.Replica) func(*plan.Volume) { return func(v *plan.Volume) { v.Replica = r } }
	session := func(v *plan.Volume) { v.Session = true }
	copies := func(c ...plan.Copy) func(*plan.Facts) { return func(g *plan.Facts) { g.Copies = c } }
	restore := func(r plan.Restore) func(*plan.Facts) { return func(g *plan.Facts) { g.Restore = r } }
	group := func(k plan.Kind) plan.Write { return plan.Write{Kind: k, Volume: plan.GroupWrite} }
	first := func(k plan.Kind) plan.Write { return plan.Write{Kind: k} }

	for name, tc := range map[string]struct {
		group plan.Facts
		steps []plan.Write
		want  plan.Verdict
	}{
		"an interruption lets the claim go, and nothing else": {
			having(primary(healthy()), interrupted), []plan.Write{first(plan.RemoveClaimFinalizer), group(plan.RemoveFinalizer)},
			plan.Verdict{State: plan.AtPrimary, Why: plan.WhyInterrupted},
		},
		"its volume is retained first": {
			having(primary(healthy(unkept)), interrupted), []plan.Write{first(plan.Retain), first(plan.RemoveClaimFinalizer), group(plan.RemoveFinalizer)},
			plan.Verdict{State: plan.AtPrimary, Why: plan.WhyInterrupted},
		},
		"a claim of another group is not touched": {
			having(primary(healthy(foreign, unkept, marked(plan.MarksSome))), interrupted), []plan.Write{group(plan.RemoveFinalizer)},
			plan.Verdict{State: plan.AtPrimary, Why: plan.WhyInterrupted},
		},
		"nor one that carries nothing of ours": {
			having(primary(healthy(unkept, marked(plan.MarksNone))), interrupted), []plan.Write{group(plan.RemoveFinalizer)},
			plan.Verdict{State: plan.AtPrimary, Why: plan.WhyInterrupted},
		},
		"nor one that is gone": {
			having(primary(healthy(unkept, claim(plan.ClaimAbsent))), interrupted), []plan.Write{group(plan.RemoveFinalizer)},
			plan.Verdict{State: plan.AtPrimary, Why: plan.WhyInterrupted},
		},
		"a group that was let go does nothing more": {
			having(primary(healthy(unkept)), interrupted, func(g *plan.Facts) { g.Held = false }), nil, plan.Verdict{},
		},
		"a claim that goes with its namespace is let go": {
			having(primary(healthy(claim(plan.ClaimLeaving))), pruned), []plan.Write{group(plan.ClearRestored), first(plan.RemoveClaimFinalizer)},
			plan.Verdict{State: plan.AtPrimary, Why: plan.WhyInterrupted},
		},
		"one of another namespace stays": {
			having(primary(healthy()), pruned), []plan.Write{group(plan.ClearRestored)}, plan.Verdict{State: plan.AtPrimary, Why: plan.WhyInterrupted},
		},
		"one that is not held goes without us": {
			having(primary(healthy(claim(plan.ClaimLeaving), unkept, marked(plan.MarksSome))), pruned), []plan.Write{group(plan.ClearRestored)},
			plan.Verdict{State: plan.AtPrimary, Why: plan.WhyInterrupted},
		},
		"a group without a note of a restore has none to remove": {
			having(primary(healthy()), pruned, restore(plan.RestoreMissing)), nil, plan.Verdict{State: plan.AtPrimary, Why: plan.WhyInterrupted},
		},
		"a secondary that was severed waits for a person": {
			having(secondary(released(unkept)), func(g *plan.Facts) { g.Severed = true }), nil, plan.Verdict{State: plan.AtSecondary, Why: plan.WhyInterrupted},
		},
		"a volume of another group is no part of an end": {
			having(primary(healthy(foreign)), ending), []plan.Write{group(plan.DeleteStored), group(plan.RemoveFinalizer)}, plan.Verdict{State: plan.Gone, Why: plan.WhyForeign},
		},
		"the end of a secondary leaves the stores": {
			having(secondary(healthy(foreign)), ending), []plan.Write{group(plan.RemoveFinalizer)}, plan.Verdict{State: plan.Gone, Why: plan.WhyForeign},
		},
		"a replica goes before the marks": {
			having(primary(healthy()), ending), []plan.Write{first(plan.DeleteReplica)}, plan.Verdict{State: plan.Releasing, Why: plan.WhyReplica},
		},
		"the policy comes back after it": {
			having(primary(healthy(replica(plan.ReplicaAbsent))), ending),
			[]plan.Write{first(plan.RestoreReclaimPolicy), first(plan.Unmark), group(plan.DeleteStored), group(plan.RemoveFinalizer)}, plan.Verdict{State: plan.Gone},
		},
		"a secondary's claim that leaves takes no data along": {
			having(secondary(released(replica(plan.ReplicaAbsent), claim(plan.ClaimLeaving), unkept)), ending),
			[]plan.Write{first(plan.LeaveRetained), first(plan.Unmark), group(plan.RemoveFinalizer)}, plan.Verdict{State: plan.Gone},
		},
		"the policy comes back to a volume that does not remember all it should": {
			having(primary(healthy(replica(plan.ReplicaAbsent), func(v *plan.Volume) { v.Kept = plan.KeptSome })), ending),
			[]plan.Write{first(plan.RestoreReclaimPolicy), first(plan.Unmark), group(plan.DeleteStored), group(plan.RemoveFinalizer)}, plan.Verdict{State: plan.Gone},
		},
		"what remains of volumes is given up first": {
			having(secondary(), ending, func(g *plan.Facts) { g.Remains = []plan.Remain{{}} }), []plan.Write{first(plan.Abandon)}, plan.Verdict{},
		},
		"a group waits for a replica that leaves": {
			having(secondary(released(replica(plan.ReplicaLeaving))), ending), nil, plan.Verdict{State: plan.Releasing, Why: plan.WhyLeaving},
		},
		"not for that of a session, which goes after the primary's": {
			having(secondary(released(replica(plan.ReplicaLeaving), session)), ending),
			[]plan.Write{first(plan.RestoreReclaimPolicy), first(plan.Unmark), group(plan.RemoveFinalizer)}, plan.Verdict{State: plan.Gone},
		},
		"a primary waits for it": {
			having(primary(healthy(replica(plan.ReplicaLeaving), session)), ending), nil, plan.Verdict{State: plan.Releasing, Why: plan.WhyLeaving},
		},
		"what received a copy goes with the group": {
			having(primary(healthy(foreign)), ending, copies(plan.Copy{There: true})), []plan.Write{first(plan.Dismiss)}, plan.Verdict{State: plan.Gone, Why: plan.WhyForeign},
		},
		"unless it was not made a claim yet": {
			having(primary(healthy(foreign)), ending, restore(plan.RestoreMissing), copies(plan.Copy{There: true})), []plan.Write{first(plan.Leave)},
			plan.Verdict{State: plan.Gone, Why: plan.WhyForeign},
		},
		"on a secondary it goes": {
			having(secondary(healthy(foreign)), ending, copies(plan.Copy{There: true})), []plan.Write{first(plan.Dismiss)}, plan.Verdict{State: plan.Gone, Why: plan.WhyForeign},
		},
		"what is not there holds nothing up": {
			having(secondary(healthy(foreign)), ending, copies(plan.Copy{Wanted: true})), []plan.Write{group(plan.RemoveFinalizer)}, plan.Verdict{State: plan.Gone, Why: plan.WhyForeign},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := plan.Decide(tc.group)
			assert.Equal(t, tc.steps, got.Writes)
			if len(tc.group.Volumes) > 0 {
				assert.Equal(t, []plan.Verdict{tc.want}, got.Verdicts)
			}
		})
	}
}

// TestAGroupEndsWithItsLastVolume, in whatever order they are.
func TestAGroupEndsWithItsLastVolume(t *testing.T) {
	done, held := unprotected(), healthy(func(v *plan.Volume) { v.Replica = plan.ReplicaLeaving })
	for _, volumes := range [][]plan.Volume{{held, done}, {done, held}} {
		assert.Empty(t, plan.Decide(having(primary(volumes...), ending)).Writes)
	}
}

// TestAStandbyIsNotSeveredByWhatCanNotBeRead : a claim that is none of ours leaves with its namespace, and the storage does not answer
// for a moment. The note would stay until the next failover.
func TestAStandbyIsNotSeveredByWhatCanNotBeRead(t *testing.T) {
	unmarked := healthy(func(v *plan.Volume) {
		v.Marks, v.Replica, v.Claim = plan.MarksNone, plan.ReplicaUnknown, plan.ClaimLeaving
	})
	for name, tc := range map[string]struct {
		volume plan.Volume
		severs bool
	}{
		"nothing of ours is on it":        {unmarked, false},
		"it has a replica":                {func() plan.Volume { v := unmarked; v.Replica = plan.ReplicaPresent; return v }(), true},
		"it is marked, and can't be read": {func() plan.Volume { v := unmarked; v.Marks = plan.MarksAll; return v }(), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan.Decide(having(secondary(tc.volume), pruned))
			assert.Equal(t, tc.severs, slices.ContainsFunc(p.Writes, func(w plan.Write) bool { return w.Kind == plan.Sever }))
		})
	}
}
