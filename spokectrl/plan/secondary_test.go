// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// without is a volume of an earlier term as primary that has no replica any more.
func without(change ...func(*plan.Volume)) plan.Volume {
	v := healthy(func(v *plan.Volume) {
		v.Replica, v.Told, v.Reached, v.Exact, v.Settled = plan.ReplicaAbsent, plan.NoRole, plan.NoRole, false, false
	})
	for _, f := range change {
		f(&v)
	}
	return v
}

// TestASecondary : each thing that a secondary does, or leaves undone, for one volume.
func TestASecondary(t *testing.T) {
	discard := func(g *plan.Facts) { g.Discard, g.Taken = true, true }
	over := func(g *plan.Facts) { g.Taken = true }
	first := func(k plan.Kind) plan.Write { return plan.Write{Kind: k} }
	waits := func(s plan.VolumeState, w plan.Why) plan.Verdict { return plan.Verdict{State: s, Why: w} }
	rows := map[string]struct {
		group plan.Facts
		steps []plan.Write
		want  plan.Verdict
	}{
		"another group's claim": {secondary(released(func(v *plan.Volume) { v.Foreign = true })), nil, waits(plan.Discovered, plan.WhyForeign)},
		"a replica that can't be read": {
			secondary(released(func(v *plan.Volume) { v.Replica = plan.ReplicaUnknown })), nil, waits(plan.Releasing, plan.WhyUnread),
		},
		"another group's replica": {secondary(released(func(v *plan.Volume) { v.Replica = plan.ReplicaForeign })), nil, waits(plan.Discovered, plan.WhyForeign)},

		"a replica that somebody deletes after its demotion may go with the peer's promotion": {
			secondary(released(func(v *plan.Volume) { v.Replica = plan.ReplicaLeaving })), nil, waits(plan.AtSecondary, plan.WhyLeaving),
		},
		"one that sends a copy, too": {
			having(secondary(released(func(v *plan.Volume) { v.Replica, v.Copied = plan.ReplicaLeaving, true })), over), nil, waits(plan.AtSecondary, plan.WhyLeaving),
		},
		"one that sends what was given up, too": {
			having(secondary(healthy(func(v *plan.Volume) { v.Replica, v.Copied = plan.ReplicaLeaving, true })), discard), nil, waits(plan.AtSecondary, plan.WhyLeaving),
		},
		"not one that sends what was not given up": {
			having(secondary(healthy(func(v *plan.Volume) { v.Replica, v.Copied = plan.ReplicaLeaving, true })), over), nil, waits(plan.Releasing, plan.WhyLeaving),
		},
		"no demotion is believed whose replica is told primary": {
			secondary(healthy(func(v *plan.Volume) { v.Replica, v.Released = plan.ReplicaLeaving, true })), []plan.Write{first(plan.Mark)}, waits(plan.Releasing, plan.WhyLeaving),
		},
		"a replica of a role, though its volume was given up": {
			having(secondary(healthy(func(v *plan.Volume) { v.Replica = plan.ReplicaLeaving })), discard), nil, waits(plan.Releasing, plan.WhyLeaving),
		},

		"the replica of a claim that is gone, once demoted, is no loss": {
			secondary(released(func(v *plan.Volume) { v.Claim = plan.ClaimAbsent })), nil, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"what was replicated once is demoted, whatever the storage says": {
			secondary(healthy(func(v *plan.Volume) { v.Reached, v.Exact = plan.NoRole, false })), []plan.Write{first(plan.Demote)}, waits(plan.Demoting, plan.WhyReplica),
		},
		"what the storage made primary is demoted, though nobody noted it": {
			secondary(healthy(func(v *plan.Volume) { v.Sealed, v.Exact = false, false })), []plan.Write{first(plan.Demote)}, waits(plan.Demoting, plan.WhyReplica),
		},
		"what sends copies has no role to reach": {
			secondary(healthy(func(v *plan.Volume) { v.Reached, v.Sealed, v.Copied, v.Exact = plan.NoRole, false, true, false })),
			[]plan.Write{first(plan.Demote)}, waits(plan.Demoting, plan.WhyReplica),
		},
		"the demotion of one that the storage says nothing of is awaited": {
			secondary(healthy(func(v *plan.Volume) {
				v.Told, v.Reached, v.Sealed, v.Settled = plan.Secondary, plan.NoRole, false, false
			})), nil,
			waits(plan.Demoting, plan.WhyReplica),
		},
		"a volume is retained before its demotion": {
			secondary(healthy(func(v *plan.Volume) { v.Kept, v.Exact = plan.KeptNone, false })), []plan.Write{first(plan.Retain), first(plan.Demote)}, waits(plan.Demoting, plan.WhyReplica),
		},
		"not one that is another claim's": {
			secondary(healthy(func(v *plan.Volume) { v.Kept, v.Ceded, v.Exact = plan.KeptNone, true, false })), []plan.Write{first(plan.Demote)}, waits(plan.Demoting, plan.WhyReplica),
		},
		"not one that is lost": {
			secondary(healthy(func(v *plan.Volume) { v.Kept, v.Claim, v.Exact = plan.KeptNone, plan.ClaimLost, false })), []plan.Write{first(plan.Demote)},
			waits(plan.Demoting, plan.WhyReplica),
		},
		"nor one whose claim is gone": {
			secondary(released(func(v *plan.Volume) { v.Kept, v.Claim, v.Exact = plan.KeptNone, plan.ClaimAbsent, false })), []plan.Write{first(plan.Demote)},
			waits(plan.Demoting, plan.WhyReplica),
		},

		"what waits for a session's volume that is not demoted yet does not hold that up": {
			secondary(healthy(func(v *plan.Volume) { v.Session, v.Told, v.Settled, v.Use = true, plan.Secondary, false, plan.UseBusy })), nil,
			waits(plan.Demoting, plan.WhyReplica),
		},
		"what was demoted, and is told primary, is in use as any other": {
			secondary(released(func(v *plan.Volume) { v.Session, v.Told, v.Use = true, plan.Primary, plan.UseUnknown })), []plan.Write{first(plan.Mark)}, waits(plan.Releasing, plan.WhyUse),
		},
		"what waits for a session's volume without a replica has to stop": {
			secondary(without(func(v *plan.Volume) { v.Session, v.Released, v.Use = true, true, plan.UseBusy })), nil, waits(plan.Releasing, plan.WhyUse),
		},
		"not if it was never demoted": {
			secondary(without(func(v *plan.Volume) {
				v.Session, v.Marks, v.Kept, v.Use = true, plan.MarksNone, plan.KeptNone, plan.UseBusy
			})), nil,
			waits(plan.Discovered, plan.WhyUnprotected),
		},
		"nor on other storage": {
			secondary(without(func(v *plan.Volume) { v.Released, v.Use = true, plan.UseBusy })), nil, waits(plan.AtSecondary, plan.WhyNothing),
		},

		"nor what leaves, told primary again": {
			secondary(released(func(v *plan.Volume) {
				v.Session, v.Told, v.Replica, v.Use = true, plan.Primary, plan.ReplicaLeaving, plan.UseBusy
			})), []plan.Write{first(plan.Mark)},
			waits(plan.Releasing, plan.WhyLeaving), // not AtSecondary: it was never told so
		},
		"nor what the storage has not made secondary yet": {
			secondary(released(func(v *plan.Volume) { v.Session, v.Reached, v.Settled, v.Use = true, plan.Primary, false, plan.UseBusy })), nil,
			waits(plan.Demoting, plan.WhyReplica),
		},

		"a demotion that the storage doubts is no demotion": {
			secondary(released(func(v *plan.Volume) { v.Settled, v.Reached = false, plan.Primary })), nil, waits(plan.Demoting, plan.WhyReplica),
		},
		"a volume that stays secondary while the storage sees no peer": {
			secondary(released(func(v *plan.Volume) { v.Settled = false })), nil, waits(plan.AtSecondary, plan.WhyUnsure),
		},
		"a demoted volume is retained": {
			secondary(released(func(v *plan.Volume) { v.Kept = plan.KeptNone })), []plan.Write{first(plan.Retain)}, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"a claim that carries nothing of ours is given no note": {
			secondary(released(func(v *plan.Volume) { v.Released, v.Marks = false, plan.MarksNone })), nil, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"nor one that is gone": {
			secondary(released(func(v *plan.Volume) { v.Released, v.Claim = false, plan.ClaimAbsent })), nil, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"what sent copies goes": {
			secondary(released(func(v *plan.Volume) { v.Copied = true })), []plan.Write{first(plan.DeleteReplica)}, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"a session's replica stays with a claim that stays": {
			having(secondary(released(func(v *plan.Volume) { v.Session = true })), over), nil, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"a session's claim that leaves waits for the peer first": {
			secondary(released(func(v *plan.Volume) { v.Session, v.Claim = true, plan.ClaimLeaving })), nil, waits(plan.AtSecondary, plan.WhyTakeover),
		},

		"a claim that gave its volume away is let go": {
			secondary(without(func(v *plan.Volume) { v.Ceded, v.Selected, v.Claim = true, false, plan.ClaimLost })), []plan.Write{first(plan.Unmark)}, waits(plan.Gone, plan.WhyNothing),
		},
		"once": {
			secondary(without(func(v *plan.Volume) {
				v.Ceded, v.Selected, v.Claim, v.Marks = true, false, plan.ClaimLost, plan.MarksNone
			})), nil, waits(plan.Gone, plan.WhyNothing),
		},
		"a claim that was marked and never replicated is held": {
			secondary(without(func(v *plan.Volume) { v.Sealed = false })), nil, waits(plan.Releasing, plan.WhyUnprotected),
		},
		"unless it was demoted": {
			secondary(without(func(v *plan.Volume) { v.Sealed, v.Released = false, true })), nil, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"or given up": {
			having(secondary(without(func(v *plan.Volume) { v.Sealed = false })), discard), []plan.Write{first(plan.Unmark)}, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"or is not bound": {
			secondary(without(func(v *plan.Volume) { v.Sealed, v.Claim, v.Kept = false, plan.ClaimPending, plan.KeptNone })), []plan.Write{first(plan.Unmark)},
			waits(plan.AtSecondary, plan.WhyNothing),
		},
		"a volume that is lost is asked about": {
			secondary(without(func(v *plan.Volume) { v.Claim = plan.ClaimLost })), []plan.Write{first(plan.Demote)}, waits(plan.Demoting, plan.WhyReplica),
		},
		"a claim that leaves without a replica may take what was written along": {
			secondary(without(func(v *plan.Volume) { v.Claim = plan.ClaimLeaving })), nil, waits(plan.Releasing, plan.WhyUnsent),
		},
		"after a failover it is let go, as the storage holds no claim any more that is being deleted": {
			having(secondary(without(func(v *plan.Volume) { v.Claim = plan.ClaimLeaving })), discard), []plan.Write{first(plan.Unmark)}, waits(plan.Releasing, plan.WhyLeaving),
		},
		"its volume remembers that it was not demoted": {
			having(secondary(without(func(v *plan.Volume) { v.Claim, v.Kept = plan.ClaimLeaving, plan.KeptSome })), discard),
			[]plan.Write{first(plan.Retain), first(plan.Unmark)}, waits(plan.Releasing, plan.WhyLeaving),
		},
		"where there is a class for it": {
			secondary(without(func(v *plan.Volume) { v.Able = false })), nil, waits(plan.Releasing, plan.WhyUnable),
		},
		"a copy that was given up is let go": {
			having(secondary(without(func(v *plan.Volume) { v.Copied = true })), discard), []plan.Write{first(plan.Unmark)}, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"a copy that was sent is let go": {
			secondary(without(func(v *plan.Volume) { v.Copied, v.Released = true, true })), []plan.Write{first(plan.Unmark)}, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"its volume is retained first": {
			secondary(without(func(v *plan.Volume) { v.Copied, v.Released, v.Kept = true, true, plan.KeptNone })), []plan.Write{first(plan.Retain), first(plan.Unmark)},
			waits(plan.AtSecondary, plan.WhyNothing),
		},
		"a claim that leaves after its demotion is let go": {
			secondary(without(func(v *plan.Volume) { v.Released, v.Claim = true, plan.ClaimLeaving })), []plan.Write{first(plan.Unmark)}, waits(plan.AtSecondary, plan.WhyNothing),
		},

		"a claim that is not bound has nothing to lose, used or not": {
			secondary(without(func(v *plan.Volume) { v.Claim, v.Kept, v.Use = plan.ClaimPending, plan.KeptNone, plan.UseBusy })), []plan.Write{first(plan.Unmark)},
			waits(plan.AtSecondary, plan.WhyNothing),
		},
		"nor is its storage asked": {
			secondary(without(func(v *plan.Volume) { v.Claim, v.Kept = plan.ClaimPending, plan.KeptNone })), []plan.Write{first(plan.Unmark)}, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"a claim that is gone carries nothing": {
			secondary(without(func(v *plan.Volume) { v.Claim, v.Released = plan.ClaimAbsent, true })), nil, waits(plan.Gone, plan.WhyNothing),
		},
		"a note without our marks is somebody's": {
			secondary(without(func(v *plan.Volume) { v.Marks, v.Released, v.Kept = plan.MarksNone, true, plan.KeptNone })), nil, waits(plan.Discovered, plan.WhyUnprotected),
		},
		"a claim that is not bound is nothing": {
			secondary(without(func(v *plan.Volume) { v.Marks, v.Claim = plan.MarksNone, plan.ClaimPending })), nil, waits(plan.Gone, plan.WhyNothing),
		},
		"nor is one that leaves": {
			secondary(without(func(v *plan.Volume) { v.Marks, v.Claim = plan.MarksNone, plan.ClaimLeaving })), nil, waits(plan.Gone, plan.WhyNothing),
		},
		"nor one that is not selected": {
			secondary(without(func(v *plan.Volume) { v.Marks, v.Selected = plan.MarksNone, false })), nil, waits(plan.Gone, plan.WhyNothing),
		},
		"a restored claim is not demoted while it is in use": {
			secondary(without(func(v *plan.Volume) { v.Marks, v.Restored, v.Use = plan.MarksNone, true, plan.UseBusy })), nil, waits(plan.Releasing, plan.WhyUse),
		},
		"a restored copy has no role": {
			secondary(without(func(v *plan.Volume) { v.Marks, v.Restored, v.Copied = plan.MarksNone, true, true })), nil, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"a volume of an earlier term stands by": {
			secondary(without(func(v *plan.Volume) { v.Marks = plan.MarksNone })), nil, waits(plan.AtSecondary, plan.WhyNothing),
		},
		"unless something uses it": {
			secondary(without(func(v *plan.Volume) { v.Marks, v.Use = plan.MarksNone, plan.UseBusy })), nil, waits(plan.Releasing, plan.WhyUse),
		},
		"somebody's claim is not touched, used or not": {
			secondary(without(func(v *plan.Volume) { v.Marks, v.Kept, v.Use = plan.MarksNone, plan.KeptNone, plan.UseBusy })), nil, waits(plan.Discovered, plan.WhyUnprotected),
		},
	}
	for name, tc := range rows {
		t.Run(name, func(t *testing.T) {
			got := plan.Decide(tc.group)
			assert.Equal(t, tc.steps, got.Writes)
			assert.Equal(t, []plan.Verdict{tc.want}, got.Verdicts)
		})
	}
}

// TestASecondaryReceives : what receives copies is made, and goes, with the wish for it.
func TestASecondaryReceives(t *testing.T) {
	for name, tc := range map[string]struct {
		copy  plan.Copy
		steps []plan.Write
	}{
		"what is asked for":                      {plan.Copy{Wanted: true, Able: true}, []plan.Write{{Kind: plan.Receive}}},
		"once":                                   {plan.Copy{Wanted: true, Able: true, There: true, Exact: true}, nil},
		"not where something is missing for it":  {plan.Copy{Wanted: true}, nil},
		"not beside what still sends the volume": {plan.Copy{Wanted: true, Able: true, Sending: true}, nil},
		"what is not asked for":                  {plan.Copy{Able: true}, nil},
		"what is not asked for any more":         {plan.Copy{There: true, Able: true}, []plan.Write{{Kind: plan.Dismiss}}},
		"what was stopped for a promotion":       {plan.Copy{Wanted: true, There: true, Able: true, Stale: true}, []plan.Write{{Kind: plan.Dismiss}}},
		"what is to be changed":                  {plan.Copy{Wanted: true, There: true, Able: true}, []plan.Write{{Kind: plan.Receive}}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.steps, plan.Decide(having(secondary(), func(g *plan.Facts) { g.Copies = []plan.Copy{tc.copy} })).Writes)
		})
	}
}

// TestASecondaryBegins : its notes and its finalizer come first, and what an interruption loosened is held again.
func TestASecondaryBegins(t *testing.T) {
	loose := func(change ...func(*plan.Volume)) plan.Volume {
		return released(append([]func(*plan.Volume){func(v *plan.Volume) { v.Marks = plan.MarksSome }}, change...)...)
	}
	note, hold := plan.Write{Kind: plan.ClearRestored, Volume: plan.GroupWrite}, plan.Write{Kind: plan.AddFinalizer, Volume: plan.GroupWrite}
	for name, tc := range map[string]struct {
		group plan.Facts
		steps []plan.Write
	}{
		"a new one, whose note holds it":               {plan.Facts{Role: plan.Secondary}, []plan.Write{note}},
		"one with the note and without our finalizer":  {plan.Facts{Role: plan.Secondary, Released: true}, []plan.Write{hold}},
		"one that is told nothing":                     {plan.Facts{}, []plan.Write{hold}},
		"one whose claim was loosened, held first":     {plan.Facts{Role: plan.Secondary, Volumes: []plan.Volume{loose()}}, []plan.Write{hold, {Kind: plan.Mark}}},
		"the same, when it is held":                    {plan.Facts{Role: plan.Secondary, Held: true, Volumes: []plan.Volume{loose()}}, []plan.Write{{Kind: plan.Mark}}},
		"a loosened claim that leaves is not held":     {plan.Facts{Role: plan.Secondary, Held: true, Volumes: []plan.Volume{loose(func(v *plan.Volume) { v.Claim = plan.ClaimLeaving })}}, nil},
		"one of another group is not loosened":         {plan.Facts{Role: plan.Secondary, Held: true, Volumes: []plan.Volume{loose(func(v *plan.Volume) { v.Foreign = true })}}, []plan.Write{note}},
		"nor one that is gone":                         {plan.Facts{Role: plan.Secondary, Held: true, Volumes: []plan.Volume{loose(func(v *plan.Volume) { v.Claim = plan.ClaimAbsent })}}, []plan.Write{note}},
		"nor one without a replica":                    {plan.Facts{Role: plan.Secondary, Held: true, Volumes: []plan.Volume{without(func(v *plan.Volume) { v.Marks, v.Released, v.Kept = plan.MarksSome, true, plan.KeptAll })}}, []plan.Write{note}},
		"a namespace that goes takes its claims along": {having(secondary(released(func(v *plan.Volume) { v.Claim = plan.ClaimLeaving })), pruned), []plan.Write{{Kind: plan.RemoveClaimFinalizer}}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.steps, plan.Decide(tc.group).Writes) })
	}
}
