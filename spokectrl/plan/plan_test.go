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
		Selected: true, Claim: plan.ClaimBound, Marks: plan.MarksAll, Sealed: true, Kept: true, Able: true,
		Use: plan.UseFree, Replica: plan.ReplicaPresent, Told: plan.Primary, Exact: true, Settled: true,
	}
	for _, f := range change {
		f(&v)
	}
	return v
}

func primary(volumes ...plan.Volume) plan.Group {
	return plan.Group{Role: plan.Primary, Held: true, Restore: plan.RestoreDone, Unprotect: true, Archived: true, Volumes: volumes}
}

func secondary(volumes ...plan.Volume) plan.Group {
	return plan.Group{Role: plan.Secondary, Held: true, Released: true, Unprotect: true, Volumes: volumes}
}

func TestDecide(t *testing.T) {
	fresh := healthy(func(v *plan.Volume) {
		v.Marks, v.Sealed, v.Kept, v.Replica, v.Told, v.Exact, v.Settled = plan.MarksNone, false, false, plan.ReplicaAbsent, plan.NoRole, false, false
	})
	for name, tc := range map[string]struct {
		group plan.Group
		steps []plan.Step
		want  plan.Verdict
	}{
		"a healthy primary needs nothing": {group: primary(healthy()), want: plan.Verdict{Phase: plan.AtPrimary}},
		"a new claim: retain, mark, store, replicate": {
			group: func() plan.Group { g := primary(fresh); g.Archived = false; return g }(),
			steps: []plan.Step{{plan.Retain, 0}, {plan.Mark, 0}, {plan.Upload, plan.GroupStep}, {plan.Promote, 0}},
			want:  plan.Verdict{Phase: plan.Protecting, Why: plan.WhyReplica},
		},
		"a store that does not answer holds the restore, and all after it": {
			group: func() plan.Group { g := primary(fresh); g.Restore = plan.RestoreUnknown; return g }(),
			want:  plan.Verdict{Phase: plan.Discovered, Why: plan.WhyRestore},
		},
		"a claim without class is refused": {
			group: primary(healthy(func(v *plan.Volume) { *v = fresh; v.Able = false })),
			want:  plan.Verdict{Phase: plan.Discovered, Why: plan.WhyUnable},
		},
		"a class that vanished later stops nothing": {
			group: primary(healthy(func(v *plan.Volume) { v.Able = false })), want: plan.Verdict{Phase: plan.AtPrimary},
		},
		"a demotion waits for the Pod": {
			group: secondary(healthy(func(v *plan.Volume) { v.Use, v.Exact = plan.UseBusy, false })),
			want:  plan.Verdict{Phase: plan.Releasing, Why: plan.WhyUse},
		},
		"not knowing is waiting": {
			group: secondary(healthy(func(v *plan.Volume) { v.Use, v.Exact = plan.UseUnknown, false })),
			want:  plan.Verdict{Phase: plan.Releasing, Why: plan.WhyUse},
		},
		"a free volume is demoted": {
			group: secondary(healthy(func(v *plan.Volume) { v.Exact = false })),
			steps: []plan.Step{{plan.Demote, 0}}, want: plan.Verdict{Phase: plan.Demoting, Why: plan.WhyReplica},
		},
		"a replica that is not in sync is kept": {
			group: secondary(healthy(func(v *plan.Volume) { v.Told, v.Settled = plan.Secondary, false })),
			want:  plan.Verdict{Phase: plan.Demoting, Why: plan.WhyReplica},
		},
		"a replica in sync is dropped": {
			group: secondary(healthy(func(v *plan.Volume) { v.Told = plan.Secondary })),
			steps: []plan.Step{{plan.Drop, 0}}, want: plan.Verdict{Phase: plan.AtSecondary},
		},
		"a replica of a lost claim is not dropped": {
			group: secondary(healthy(func(v *plan.Volume) { v.Claim, v.Exact = plan.ClaimAbsent, false })),
			want:  plan.Verdict{Phase: plan.Releasing, Why: plan.WhyClaimLost},
		},
		"a claim of somebody on a secondary is not touched": {
			group: secondary(fresh), want: plan.Verdict{Phase: plan.Discovered, Why: plan.WhyUnprotected},
		},
		"another group's claim is not touched": {
			group: primary(healthy(func(v *plan.Volume) { v.Foreign = true })), want: plan.Verdict{Phase: plan.Discovered, Why: plan.WhyForeign},
		},
		"a replica that can't be read is left alone": {
			group: primary(healthy(func(v *plan.Volume) { v.Replica = plan.ReplicaUnknown })), want: plan.Verdict{Phase: plan.Protecting, Why: plan.WhyUnread},
		},
		"a claim that leaves stays while unprotection is switched off": {
			group: func() plan.Group {
				g := primary(healthy(func(v *plan.Volume) { v.Claim = plan.ClaimLeaving }))
				g.Unprotect = false
				return g
			}(),
			want: plan.Verdict{Phase: plan.AtPrimary, Why: plan.WhyLeaving},
		},
		"the end of a primary: policy, marks, stores, finalizer": {
			group: func() plan.Group {
				g := primary(healthy(func(v *plan.Volume) { v.Replica = plan.ReplicaAbsent }))
				g.Ending = true
				return g
			}(),
			steps: []plan.Step{{plan.GiveUp, 0}, {plan.Unmark, 0}, {plan.Empty, plan.GroupStep}, {plan.Unhold, plan.GroupStep}},
			want:  plan.Verdict{Phase: plan.Gone},
		},
		"the end of a secondary keeps the volume of a claim that leaves": {
			group: func() plan.Group {
				g := secondary(healthy(func(v *plan.Volume) { v.Replica, v.Claim = plan.ReplicaAbsent, plan.ClaimLeaving }))
				g.Ending = true
				return g
			}(),
			steps: []plan.Step{{plan.Unmark, 0}, {plan.Unhold, plan.GroupStep}},
			want:  plan.Verdict{Phase: plan.Gone},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan.Decide(tc.group)
			assert.Equal(t, tc.steps, p.Steps)
			assert.Equal(t, tc.want, p.Verdicts[0])
		})
	}
}

// TestOneVolumeNeverStopsAnother : whatever another volume is like, a healthy one gets the same verdict and steps.
func TestOneVolumeNeverStopsAnother(t *testing.T) {
	mine := healthy(func(v *plan.Volume) { v.Sealed = false })
	of := func(g plan.Group) (steps []plan.Step, verdict plan.Verdict) {
		p := plan.Decide(g)
		for _, s := range p.Steps {
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
					Selected: bits&1 == 0, Foreign: bits&2 == 0, Able: bits&4 == 0, Kept: bits&8 == 0, Exact: bits&16 == 0,
					Claim: claim, Replica: replica, Told: plan.Secondary,
				}
				steps, verdict := of(primary(mine, other))
				assert.Equal(t, wantSteps, steps, "%+v", other)
				assert.Equal(t, wantVerdict, verdict, "%+v", other)
			}
		}
	}
}
