// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// healthy is a volume that is primary, and all is well.
func healthy(change ...func(*plan.Volume)) plan.Volume {
	v := plan.Volume{
		Selected: true, Claim: plan.ClaimBound, Marks: plan.MarksAll, Sealed: true, Kept: plan.KeptAll, Able: true,
		Use: plan.UseFree, Replica: plan.ReplicaPresent, Told: plan.Primary, Reached: plan.Primary, Exact: true, Settled: true,
	}
	for _, f := range change {
		f(&v)
	}
	return v
}

// released is a volume that was demoted for good.
func released(change ...func(*plan.Volume)) plan.Volume {
	v := healthy(func(v *plan.Volume) { v.Told, v.Reached, v.Released = plan.Secondary, plan.Secondary, true })
	for _, f := range change {
		f(&v)
	}
	return v
}

// restored is v, of which the claim was made from what is stored.
func restored(v plan.Volume) plan.Volume {
	v.Restored = true
	return v
}

// taken says that the peer has taken over.
func taken(g plan.Facts) plan.Facts {
	g.Taken = true
	return g
}

func primary(volumes ...plan.Volume) plan.Facts {
	return plan.Facts{Role: plan.Primary, Held: true, Restore: plan.RestoreDone, Unprotect: true, Archived: true, Volumes: volumes}
}

func secondary(volumes ...plan.Volume) plan.Facts {
	return plan.Facts{Role: plan.Secondary, Held: true, Released: true, Unprotect: true, Volumes: volumes}
}

func TestDecide(t *testing.T) {
	fresh := healthy(func(v *plan.Volume) {
		v.Marks, v.Sealed, v.Kept, v.Replica, v.Told, v.Exact, v.Settled = plan.MarksNone, false, plan.KeptNone, plan.ReplicaAbsent, plan.NoRole, false, false
	})
	for name, tc := range map[string]struct {
		group plan.Facts
		steps []plan.Write
		want  plan.Verdict
	}{
		"a healthy primary needs nothing": {group: primary(healthy()), want: plan.Verdict{State: plan.AtPrimary}},
		"a secondary asks the storage about a claim that was restored and never promoted": {
			group: secondary(restored(fresh)),
			steps: []plan.Write{{plan.Retain, 0}, {plan.Mark, 0}, {plan.Demote, 0}},
			want:  plan.Verdict{State: plan.Demoting, Why: plan.WhyReplica},
		},
		"but not after a failover, when the peer has newer data": {
			group: func() plan.Facts { g := secondary(restored(fresh)); g.Discard = true; return g }(),
			want:  plan.Verdict{State: plan.Discovered, Why: plan.WhyUnprotected},
		},
		"a new claim: mark, retain, store, replicate": {
			group: func() plan.Facts { g := primary(fresh); g.Archived = false; return g }(),
			steps: []plan.Write{{plan.Mark, 0}, {plan.Retain, 0}, {plan.Upload, plan.GroupWrite}, {plan.Promote, 0}},
			want:  plan.Verdict{State: plan.Protecting, Why: plan.WhyReplica},
		},
		"a store that does not answer holds the restore, and all after it": {
			group: func() plan.Facts { g := primary(fresh); g.Restore = plan.RestoreUnknown; return g }(),
			want:  plan.Verdict{State: plan.Discovered, Why: plan.WhyRestore},
		},
		"a claim that is bound when a Pod first uses it is as ready as it can be": {
			group: primary(healthy(func(v *plan.Volume) { *v = fresh; v.Claim, v.Idle = plan.ClaimPending, true })),
			want:  plan.Verdict{State: plan.Discovered, Why: plan.WhyIdle},
		},
		"a claim that waits for something else is not": {
			group: primary(healthy(func(v *plan.Volume) { *v = fresh; v.Claim = plan.ClaimPending })),
			want:  plan.Verdict{State: plan.Discovered, Why: plan.WhyUnbound},
		},
		"a claim without class is refused": {
			group: primary(healthy(func(v *plan.Volume) { *v = fresh; v.Able = false })),
			want:  plan.Verdict{State: plan.Discovered, Why: plan.WhyUnable},
		},
		"a volume whose old claim has a replica gets no second one": {
			group: primary(healthy(func(v *plan.Volume) { *v = fresh; v.Contested = true })),
			steps: []plan.Write{{plan.Mark, 0}, {plan.Retain, 0}}, want: plan.Verdict{State: plan.Protecting, Why: plan.WhyContested},
		},
		"a claim that gave its volume away is let go, even where single volumes never are": {
			group: func() plan.Facts {
				g := primary(healthy(func(v *plan.Volume) {
					v.Claim, v.Selected, v.Ceded, v.Kept = plan.ClaimLost, false, true, plan.KeptNone
				}))
				g.Unprotect = false
				return g
			}(),
			steps: []plan.Write{{plan.Retain, 0}, {plan.DeleteReplica, 0}}, want: plan.Verdict{State: plan.Releasing, Why: plan.WhyReplica},
		},
		"a class that vanished later stops nothing": {
			group: primary(healthy(func(v *plan.Volume) { v.Able = false })), want: plan.Verdict{State: plan.AtPrimary},
		},
		"a demotion waits for the Pod": {
			group: secondary(healthy(func(v *plan.Volume) { v.Use, v.Exact = plan.UseBusy, false })),
			want:  plan.Verdict{State: plan.Releasing, Why: plan.WhyUse},
		},
		"not knowing is waiting": {
			group: secondary(healthy(func(v *plan.Volume) { v.Use, v.Exact = plan.UseUnknown, false })),
			want:  plan.Verdict{State: plan.Releasing, Why: plan.WhyUse},
		},
		"a free volume is demoted": {
			group: secondary(healthy(func(v *plan.Volume) { v.Exact = false })),
			steps: []plan.Write{{plan.Demote, 0}}, want: plan.Verdict{State: plan.Demoting, Why: plan.WhyReplica},
		},
		"a replica that is not in sync is kept": {
			group: secondary(healthy(func(v *plan.Volume) { v.Told, v.Settled = plan.Secondary, false })),
			want:  plan.Verdict{State: plan.Demoting, Why: plan.WhyReplica},
		},
		"a replica in sync is kept, and its claim remembers": {
			group: secondary(released(func(v *plan.Volume) { v.Released = false })),
			steps: []plan.Write{{plan.Release, 0}}, want: plan.Verdict{State: plan.AtSecondary},
		},
		"a replica that the storage never calls in sync while the peer is primary is as far as it comes": {
			group: taken(secondary(released(func(v *plan.Volume) { v.Settled, v.Following, v.Released = false, true, false }))),
			steps: []plan.Write{{plan.Release, 0}}, want: plan.Verdict{State: plan.AtSecondary, Why: plan.WhyFollowing},
		},
		"what is said to be brought in line before the peer has taken over is not demoted for good": {
			group: secondary(released(func(v *plan.Volume) { v.Settled, v.Following, v.Released = false, true, false })),
			want:  plan.Verdict{State: plan.Demoting, Why: plan.WhyReplica},
		},
		"a primary whose session was taken apart by force is joined again": {
			group: primary(healthy(func(v *plan.Volume) { v.Session, v.Apart = true, true })),
			steps: []plan.Write{{plan.Rejoin, 0}}, want: plan.Verdict{State: plan.AtPrimary},
		},
		"not while its application is sent away": {
			group: func() plan.Facts {
				g := primary(healthy(func(v *plan.Volume) { v.Session, v.Apart = true, true }))
				g.FinalSync, g.SentAway = true, true
				return g
			}(),
			want: plan.Verdict{State: plan.AtPrimary},
		},
		"a claim that is deleted stays with its replica, as long as the storage can't let go of it": {
			group: taken(secondary(released(func(v *plan.Volume) { v.Session, v.Claim = true, plan.ClaimLeaving }))),
			want:  plan.Verdict{State: plan.AtSecondary, Why: plan.WhySession},
		},
		"what waits for a volume that the peer's demotion makes primary here has to stop": {
			group: secondary(released(func(v *plan.Volume) { v.Session, v.Use = true, plan.UseBusy })),
			want:  plan.Verdict{State: plan.Releasing, Why: plan.WhyUse},
		},
		"on other storage it waits until the volume is promoted": {
			group: secondary(released(func(v *plan.Volume) { v.Use = plan.UseBusy })),
			want:  plan.Verdict{State: plan.AtSecondary},
		},
		"a demotion that was completed is not doubted when the peer has taken over": {
			group: secondary(released(func(v *plan.Volume) { v.Settled, v.Following = false, true })),
			want:  plan.Verdict{State: plan.AtSecondary, Why: plan.WhyFollowing},
		},
		"the replica of a claim that leaves is kept until the peer has taken over": {
			group: secondary(released(func(v *plan.Volume) { v.Claim = plan.ClaimLeaving })),
			want:  plan.Verdict{State: plan.AtSecondary, Why: plan.WhyTakeover},
		},
		"once the peer has taken over, a claim that leaves is let go": {
			group: taken(secondary(released(func(v *plan.Volume) { v.Claim = plan.ClaimLeaving }))),
			steps: []plan.Write{{plan.DeleteReplica, 0}}, want: plan.Verdict{State: plan.Releasing, Why: plan.WhyReplica},
		},
		"a replica that leaves can't be promoted again": {
			group: taken(secondary(released(func(v *plan.Volume) { v.Replica = plan.ReplicaLeaving }))),
			want:  plan.Verdict{State: plan.Releasing, Why: plan.WhyLeaving},
		},
		"a replica that somebody deleted before its demotion was completed": {
			group: secondary(healthy(func(v *plan.Volume) { v.Replica, v.Exact, v.Settled = plan.ReplicaLeaving, false, false })),
			want:  plan.Verdict{State: plan.Releasing, Why: plan.WhyLeaving},
		},
		"the same, when it is gone: the storage is asked again": {
			group: secondary(healthy(func(v *plan.Volume) {
				v.Replica, v.Told, v.Exact, v.Settled = plan.ReplicaAbsent, plan.NoRole, false, false
			})),
			steps: []plan.Write{{plan.Demote, 0}}, want: plan.Verdict{State: plan.Demoting, Why: plan.WhyReplica},
		},
		"the same, while a Pod uses the volume": {
			group: secondary(healthy(func(v *plan.Volume) {
				v.Replica, v.Told, v.Exact, v.Settled, v.Use = plan.ReplicaAbsent, plan.NoRole, false, false, plan.UseBusy
			})),
			want: plan.Verdict{State: plan.Releasing, Why: plan.WhyUse},
		},
		"a source that somebody deleted before everything was sent": {
			group: secondary(healthy(func(v *plan.Volume) {
				v.Replica, v.Told, v.Exact, v.Settled, v.Copied = plan.ReplicaAbsent, plan.NoRole, false, false, true
			})),
			want: plan.Verdict{State: plan.Releasing, Why: plan.WhyUnsent},
		},
		"a replica that somebody deleted after its demotion is not missed": {
			group: secondary(released(func(v *plan.Volume) {
				v.Replica, v.Told, v.Exact, v.Settled = plan.ReplicaAbsent, plan.NoRole, false, false
			})),
			want: plan.Verdict{State: plan.AtSecondary},
		},
		"a claim that leaves while a relocate is taken back: the storage lets go of a primary only": {
			group: func() plan.Facts {
				g := primary(released(func(v *plan.Volume) { v.Claim, v.Exact = plan.ClaimLeaving, false }))
				g.Restore = plan.RestoreComplete
				return g
			}(),
			steps: []plan.Write{{plan.Mark, 0}, {plan.Promote, 0}}, want: plan.Verdict{State: plan.Releasing, Why: plan.WhyHandover},
		},
		"the same, while a store may tell that the peer was promoted": {
			group: func() plan.Facts {
				g := primary(released(func(v *plan.Volume) { v.Claim, v.Exact = plan.ClaimLeaving, false }))
				g.Restore = plan.RestoreUnknown
				return g
			}(),
			want: plan.Verdict{State: plan.AtSecondary, Why: plan.WhyRestore},
		},
		"a volume that is promoted where it is forgets its demotion first": {
			group: primary(released(func(v *plan.Volume) { v.Exact, v.Settled = false, false })),
			steps: []plan.Write{{plan.Mark, 0}, {plan.Promote, 0}}, want: plan.Verdict{State: plan.Protecting, Why: plan.WhyReplica},
		},
		"a replica that the storage never carried out is not demoted": {
			group: secondary(healthy(func(v *plan.Volume) { v.Reached, v.Sealed, v.Exact, v.Settled = plan.NoRole, false, false, false })),
			want:  plan.Verdict{State: plan.Releasing, Why: plan.WhyUnprotected},
		},
		"a replica of a lost claim is not dropped": {
			group: secondary(healthy(func(v *plan.Volume) { v.Claim, v.Exact = plan.ClaimAbsent, false })),
			want:  plan.Verdict{State: plan.Releasing, Why: plan.WhyClaimLost},
		},
		"a claim of somebody on a secondary is not touched": {
			group: secondary(fresh), want: plan.Verdict{State: plan.Discovered, Why: plan.WhyUnprotected},
		},
		"another group's claim is not touched": {
			group: primary(healthy(func(v *plan.Volume) { v.Foreign = true })), want: plan.Verdict{State: plan.Discovered, Why: plan.WhyForeign},
		},
		"a replica that can't be read is left alone": {
			group: primary(healthy(func(v *plan.Volume) { v.Replica = plan.ReplicaUnknown })), want: plan.Verdict{State: plan.Protecting, Why: plan.WhyUnread},
		},
		"a claim that leaves stays while unprotection is switched off": {
			group: func() plan.Facts {
				g := primary(healthy(func(v *plan.Volume) { v.Claim = plan.ClaimLeaving }))
				g.Unprotect = false
				return g
			}(),
			want: plan.Verdict{State: plan.AtPrimary, Why: plan.WhyLeaving},
		},
		"the end of a primary: policy, marks, stores, finalizer": {
			group: func() plan.Facts {
				g := primary(healthy(func(v *plan.Volume) { v.Replica = plan.ReplicaAbsent }))
				g.Ending = true
				return g
			}(),
			steps: []plan.Write{{plan.RestoreReclaimPolicy, 0}, {plan.Unmark, 0}, {plan.DeleteStored, plan.GroupWrite}, {plan.RemoveFinalizer, plan.GroupWrite}},
			want:  plan.Verdict{State: plan.Gone},
		},
		"the end of a secondary keeps the volume of a claim that leaves": {
			group: func() plan.Facts {
				g := secondary(healthy(func(v *plan.Volume) { v.Replica, v.Claim = plan.ReplicaAbsent, plan.ClaimLeaving }))
				g.Ending = true
				return g
			}(),
			steps: []plan.Write{{plan.LeaveRetained, 0}, {plan.Unmark, 0}, {plan.RemoveFinalizer, plan.GroupWrite}},
			want:  plan.Verdict{State: plan.Gone},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan.Decide(tc.group)
			assert.Equal(t, tc.steps, p.Writes)
			assert.Equal(t, tc.want, p.Verdicts[0])
		})
	}
}

// TestOneVolumeNeverStopsAnother : whatever another volume is like, a healthy one gets the same verdict and steps.
func TestOneVolumeNeverStopsAnother(t *testing.T) {
	mine := healthy(func(v *plan.Volume) { v.Sealed = false })
	of := func(g plan.Facts) (steps []plan.Write, verdict plan.Verdict) {
		p := plan.Decide(g)
		for _, s := range p.Writes {
			if s.Volume == 0 {
				steps = append(steps, s)
			}
		}
		return steps, p.Verdicts[0]
	}
	wantSteps, wantVerdict := of(primary(mine))
	for claim := range plan.ClaimLeaving + 1 {
		for replica := range plan.ReplicaForeign + 1 {
			for bits := range 1 << 5 {
				other := plan.Volume{
					Selected: bits&1 == 0, Foreign: bits&2 == 0, Able: bits&4 == 0, Kept: kept(bits&8 == 0), Exact: bits&16 == 0,
					Claim: claim, Replica: replica, Told: plan.Secondary,
				}
				steps, verdict := of(primary(mine, other))
				assert.Equal(t, wantSteps, steps, "%+v", other)
				assert.Equal(t, wantVerdict, verdict, "%+v", other)
			}
		}
	}
}
