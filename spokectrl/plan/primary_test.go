// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// unprotected is a claim that nothing was done for yet.
func unprotected(change ...func(*plan.Volume)) plan.Volume {
	v := without(func(v *plan.Volume) { v.Marks, v.Sealed, v.Kept = plan.MarksNone, false, plan.KeptNone })
	for _, f := range change {
		f(&v)
	}
	return v
}

// TestAPrimary : each thing that a primary does, or leaves undone, for one volume and around it.
func TestAPrimary(t *testing.T) {
	type change = func(*plan.Volume)
	final := func(g *plan.Facts) { g.FinalSync, g.SentAway = true, true }
	leaves := func(g *plan.Facts) { g.FinalSync = true }
	sent := func(g *plan.Facts) { g.SentAway = true }
	restore := func(r plan.Restore) func(*plan.Facts) { return func(g *plan.Facts) { g.Restore = r } }
	unstored := func(g *plan.Facts) { g.Archived = false }
	kept := func(g *plan.Facts) { g.Unprotect = false }
	claim := func(c plan.Claim) change { return func(v *plan.Volume) { v.Claim = c } }
	replica := func(r plan.Replica) change { return func(v *plan.Volume) { v.Replica = r } }
	leaving := claim(plan.ClaimLeaving)
	busy := func(v *plan.Volume) { v.Use = plan.UseBusy }
	copied := func(v *plan.Volume) { v.Copied = true }
	inexact := func(v *plan.Volume) { v.Exact, v.Settled = false, false }
	unkept := func(v *plan.Volume) { v.Kept = plan.KeptNone }
	foreign := func(v *plan.Volume) { v.Foreign = true }
	unselected := func(v *plan.Volume) { v.Selected = false }
	marked := func(m plan.Marks) change { return func(v *plan.Volume) { v.Marks = m } }
	told := func(r plan.Role) change { return func(v *plan.Volume) { v.Told = r } }
	reached := func(r plan.Role) change { return func(v *plan.Volume) { v.Reached = r } }
	was := func(v *plan.Volume) { v.Restored = true }
	group := func(k plan.Kind) plan.Write { return plan.Write{Kind: k, Volume: plan.GroupWrite} }
	first := func(k plan.Kind) plan.Write { return plan.Write{Kind: k} }
	steps := func(w ...plan.Write) []plan.Write { return w }
	waits := func(s plan.VolumeState, w plan.Why) plan.Verdict { return plan.Verdict{State: s, Why: w} }
	dropped := steps(first(plan.DeleteReplica))
	done := []plan.Write{group(plan.DeleteStored), group(plan.RemoveFinalizer)}

	for name, tc := range map[string]struct {
		group plan.Facts
		steps []plan.Write
		want  plan.Verdict
	}{
		"another group's replica":                         {primary(healthy(replica(plan.ReplicaForeign))), nil, waits(plan.Discovered, plan.WhyForeign)},
		"a copy is sent of a claim that leaves for good":  {having(primary(healthy(copied, leaving, inexact, unkept)), final), steps(first(plan.Retain), first(plan.Promote)), waits(plan.Protecting, plan.WhyLeaving)},
		"and of one that is retained":                     {having(primary(healthy(copied, leaving, inexact)), final), steps(first(plan.Promote)), waits(plan.Protecting, plan.WhyLeaving)},
		"once nothing uses it":                            {having(primary(healthy(copied, leaving, inexact, busy)), final), nil, waits(plan.Protecting, plan.WhyUse)},
		"once":                                            {having(primary(healthy(copied, leaving, unkept)), final), nil, waits(plan.AtPrimary, plan.WhyLeaving)},
		"not of one that its user deleted":                {primary(healthy(copied, leaving, inexact)), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"nothing is sent without a role for that":         {having(primary(healthy(leaving, inexact)), final), nil, waits(plan.Protecting, plan.WhyLeaving)},
		"a claim that stays is kept in line":              {having(primary(healthy(copied, inexact)), final), steps(first(plan.Promote)), waits(plan.Protecting, plan.WhyReplica)},
		"nothing is sent without what sends":              {having(primary(without(copied, leaving)), final), nil, waits(plan.Protecting, plan.WhyLeaving)},
		"no selection ends while the application leaves":  {having(primary(healthy(unselected)), final), nil, waits(plan.AtPrimary, plan.WhyLeaving)},
		"nor where single volumes stay protected":         {having(primary(healthy(unselected)), kept), nil, waits(plan.AtPrimary, plan.WhyLeaving)},
		"a claim that leaves is still written to":         {primary(healthy(leaving, busy)), nil, waits(plan.Releasing, plan.WhyUse)},
		"one that is not selected is let go, used or not": {primary(healthy(unselected, busy)), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"one that leaves is let go":                       {primary(healthy(leaving)), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"one that is gone is let go":                      {primary(healthy(claim(plan.ClaimAbsent), unkept)), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"one that has lost its volume keeps its replica":  {primary(healthy(claim(plan.ClaimLost))), nil, waits(plan.AtPrimary, plan.WhyVolumeLost)},
		"one that is bound is not idle, whatever it says": {primary(healthy(func(v *plan.Volume) { v.Idle = true })), nil, waits(plan.AtPrimary, plan.WhyNothing)},
		"a replica that leaves is awaited":                {primary(healthy(replica(plan.ReplicaLeaving))), nil, waits(plan.Protecting, plan.WhyLeaving)},
		"a side that still receives does not send":        {primary(unprotected(func(v *plan.Volume) { v.Receiving = true })), steps(first(plan.Mark), first(plan.Retain)), waits(plan.Protecting, plan.WhyReceiving)},
		"but goes on": {primary(healthy(func(v *plan.Volume) { v.Receiving = true })), nil, waits(plan.AtPrimary, plan.WhyNothing)},
		"a volume that another claim had keeps its own":    {primary(healthy(func(v *plan.Volume) { v.Contested = true })), nil, waits(plan.AtPrimary, plan.WhyNothing)},
		"the peer says first where it receives":            {primary(unprotected(func(v *plan.Volume) { v.Early = true })), steps(first(plan.Mark), first(plan.Retain)), waits(plan.Protecting, plan.WhyPeer)},
		"a replica is made, whatever one would say":        {primary(unprotected(func(v *plan.Volume) { v.Exact = true })), steps(first(plan.Mark), first(plan.Retain), first(plan.Promote)), waits(plan.Protecting, plan.WhyReplica)},
		"a replica that says something else is told":       {primary(healthy(inexact)), steps(first(plan.Promote)), waits(plan.Protecting, plan.WhyReplica)},
		"a role that is not reached is awaited":            {primary(healthy(func(v *plan.Volume) { v.Settled = false })), nil, waits(plan.Protecting, plan.WhyReplica)},
		"a role that is reached is noted":                  {primary(healthy(func(v *plan.Volume) { v.Sealed = false })), steps(first(plan.Seal)), waits(plan.AtPrimary, plan.WhyNothing)},
		"a note that an application left, without another": {having(primary(healthy()), pruned, restore(plan.RestoreMissing), sent), steps(group(plan.ClearRestored)), waits(plan.AtPrimary, plan.WhyInterrupted)},

		"an application leaves whose claims are held":     {having(primary(healthy()), leaves), steps(group(plan.SendAway)), waits(plan.AtPrimary, plan.WhyNothing)},
		"not before they are":                             {having(primary(unprotected()), leaves), steps(first(plan.Mark), first(plan.Retain), first(plan.Promote)), waits(plan.Protecting, plan.WhyReplica)},
		"all of them":                                     {having(primary(healthy(marked(plan.MarksSome))), leaves), steps(first(plan.Mark)), waits(plan.AtPrimary, plan.WhyNothing)},
		"those that are not selected are not held":        {having(primary(unprotected(unselected)), leaves), steps(group(plan.SendAway)), waits(plan.Discovered, plan.WhyLeaving)},
		"nor another group's":                             {having(primary(unprotected(foreign)), leaves), steps(group(plan.SendAway)), waits(plan.Discovered, plan.WhyForeign)},
		"one that is being bound will be":                 {having(primary(unprotected(claim(plan.ClaimPending))), leaves), nil, waits(plan.Discovered, plan.WhyUnbound)},
		"one that waits for its Pod will not":             {having(primary(unprotected(claim(plan.ClaimPending), func(v *plan.Volume) { v.Idle = true })), leaves), steps(group(plan.SendAway)), waits(plan.Discovered, plan.WhyIdle)},
		"nor one that can't be protected":                 {having(primary(unprotected(func(v *plan.Volume) { v.Able = false })), leaves), steps(group(plan.SendAway)), waits(plan.Discovered, plan.WhyUnable)},
		"one that has lost its volume will be":            {having(primary(unprotected(claim(plan.ClaimLost))), leaves), nil, waits(plan.Discovered, plan.WhyVolumeLost)},
		"and is":                                          {having(primary(healthy(claim(plan.ClaimLost))), leaves), steps(group(plan.SendAway)), waits(plan.AtPrimary, plan.WhyVolumeLost)},
		"while it leaves nothing is taken out of a store": {having(primary(healthy()), final, unstored), steps(group(plan.Add)), waits(plan.AtPrimary, plan.WhyNothing)},
		"else a store is brought up to date":              {having(primary(healthy()), unstored), steps(group(plan.Upload)), waits(plan.AtPrimary, plan.WhyNothing)},
		"what left is not restored":                       {having(primary(healthy()), final, restore(plan.RestoreMissing)), nil, waits(plan.AtPrimary, plan.WhyNothing)},
		"what is to leave is restored first":              {having(primary(healthy()), leaves, restore(plan.RestoreMissing)), steps(group(plan.RestoreClaims)), waits(plan.AtPrimary, plan.WhyRestore)},
		"unless it stays after all": {
			having(primary(healthy()), sent, restore(plan.RestoreMissing)), steps(group(plan.ClearRestored), group(plan.RestoreClaims)), waits(plan.AtPrimary, plan.WhyRestore),
		},
		"a claim that begins a new term":             {having(primary(unprotected()), restore(plan.RestoreComplete)), steps(group(plan.MarkRestored), first(plan.Mark), first(plan.Retain), first(plan.Promote)), waits(plan.Protecting, plan.WhyReplica)},
		"one that remembers a demotion forgets it":   {having(primary(released(inexact)), restore(plan.RestoreComplete)), steps(first(plan.Mark), group(plan.MarkRestored), first(plan.Promote)), waits(plan.Protecting, plan.WhyReplica)},
		"after it left, too":                         {having(primary(released(inexact)), restore(plan.RestoreComplete), final), steps(first(plan.Mark), first(plan.Promote)), waits(plan.Protecting, plan.WhyReplica)},
		"one that carries nothing of ours later":     {having(primary(released(inexact, marked(plan.MarksNone))), restore(plan.RestoreComplete)), steps(group(plan.MarkRestored), first(plan.Mark), first(plan.Promote)), waits(plan.Protecting, plan.WhyReplica)},
		"one that was never demoted has no such":     {having(primary(healthy()), restore(plan.RestoreComplete)), steps(group(plan.MarkRestored)), waits(plan.AtPrimary, plan.WhyNothing)},
		"one that is not bound is not written to":    {having(primary(released(claim(plan.ClaimPending))), restore(plan.RestoreComplete)), steps(group(plan.MarkRestored)), waits(plan.Discovered, plan.WhyUnbound)},
		"nor another group's, demoted":               {having(primary(released(foreign)), restore(plan.RestoreComplete)), steps(group(plan.MarkRestored)), waits(plan.Discovered, plan.WhyForeign)},
		"another group's claim that leaves, neither": {having(primary(healthy(foreign, leaving)), restore(plan.RestoreComplete)), steps(group(plan.MarkRestored)), waits(plan.Discovered, plan.WhyForeign)},

		"a restore waits for nothing that is here":     {having(primary(healthy()), restore(plan.RestoreMissing)), steps(group(plan.RestoreClaims)), waits(plan.AtPrimary, plan.WhyRestore)},
		"one that leaves makes room":                   {having(primary(healthy(leaving)), restore(plan.RestoreUnknown)), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"a secondary's goes by way of a promotion":     {having(primary(released(leaving, inexact)), restore(plan.RestoreMissing)), steps(group(plan.RestoreClaims), first(plan.Mark), first(plan.Promote)), waits(plan.Releasing, plan.WhyHandover)},
		"not against what the stores say":              {having(primary(released(leaving, inexact)), restore(plan.RestoreConflict)), nil, waits(plan.Demoting, plan.WhyRestore)},
		"told secondary, and silent, may be one":       {having(primary(healthy(leaving, told(plan.Secondary), reached(plan.NoRole))), restore(plan.RestoreUnknown)), nil, waits(plan.AtSecondary, plan.WhyRestore)},
		"restored, and silent, too":                    {having(primary(healthy(leaving, was, reached(plan.NoRole))), restore(plan.RestoreUnknown)), nil, waits(plan.AtPrimary, plan.WhyRestore)},
		"silent alone is not":                          {having(primary(healthy(leaving, reached(plan.NoRole))), restore(plan.RestoreUnknown)), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"nor is one that is primary, told what it may": {having(primary(healthy(leaving, told(plan.Secondary))), restore(plan.RestoreUnknown)), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"or restored":        {having(primary(healthy(leaving, was)), restore(plan.RestoreUnknown)), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"a copy has no role": {having(primary(released(leaving, copied)), restore(plan.RestoreUnknown)), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"without a replica there is nothing to promote": {having(primary(released(leaving, replica(plan.ReplicaAbsent))), restore(plan.RestoreUnknown)), steps(first(plan.Unmark)), waits(plan.Gone, plan.WhyNothing)},
		"what another claim had is no matter then":      {having(primary(without(leaving, func(v *plan.Volume) { v.Contested = true })), restore(plan.RestoreUnknown)), steps(first(plan.Unmark)), waits(plan.Gone, plan.WhyNothing)},
		"a role that is not reached while it waits":     {having(primary(healthy(func(v *plan.Volume) { v.Settled = false })), restore(plan.RestoreUnknown)), nil, waits(plan.Protecting, plan.WhyRestore)},
		"secondary while it waits":                      {having(primary(released()), restore(plan.RestoreUnknown)), nil, waits(plan.AtSecondary, plan.WhyRestore)},
		"not in sync while it waits":                    {having(primary(released(inexact)), restore(plan.RestoreUnknown)), nil, waits(plan.Demoting, plan.WhyRestore)},
		"told nothing while it waits":                   {having(primary(healthy(told(plan.NoRole))), restore(plan.RestoreUnknown)), nil, waits(plan.Protecting, plan.WhyRestore)},
		"told nothing, not reached, while it waits":     {having(primary(healthy(told(plan.NoRole), inexact)), restore(plan.RestoreUnknown)), nil, waits(plan.Protecting, plan.WhyRestore)},
		"without a replica while it waits":              {having(primary(without(told(plan.Secondary))), restore(plan.RestoreUnknown)), nil, waits(plan.Protecting, plan.WhyRestore)},
		"the same, whatever it would have reached":      {having(primary(without(told(plan.Secondary), func(v *plan.Volume) { v.Settled = true })), restore(plan.RestoreUnknown)), nil, waits(plan.Protecting, plan.WhyRestore)},

		"the end of a secondary promotes nothing":         {having(secondary(released()), ending), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"the end waits for what another claim had":        {having(primary(without(func(v *plan.Volume) { v.Contested = true })), ending), nil, waits(plan.Releasing, plan.WhyContested)},
		"a policy that was never changed stays":           {having(primary(without(unkept)), ending), append(steps(first(plan.Unmark)), done...), waits(plan.Gone, plan.WhyNothing)},
		"so it does when its claim leaves":                {having(primary(without(unkept, leaving)), ending), append(steps(first(plan.Unmark)), done...), waits(plan.Gone, plan.WhyNothing)},
		"a secondary's claim that is not bound":           {having(secondary(without(unkept, claim(plan.ClaimPending))), ending), steps(first(plan.Unmark), group(plan.RemoveFinalizer)), waits(plan.Gone, plan.WhyNothing)},
		"a secondary's claim that leaves, and is no mark": {having(secondary(without(unkept, leaving, marked(plan.MarksNone))), ending), steps(group(plan.RemoveFinalizer)), waits(plan.Gone, plan.WhyNothing)},
		"a claim without marks has none to lose":          {having(primary(without(marked(plan.MarksNone))), ending), append(steps(first(plan.RestoreReclaimPolicy)), done...), waits(plan.Gone, plan.WhyNothing)},
		"nor has one that is gone":                        {having(primary(without(claim(plan.ClaimAbsent))), ending), append(steps(first(plan.RestoreReclaimPolicy)), done...), waits(plan.Gone, plan.WhyNothing)},
		"a replica of a claim that is gone goes":          {having(primary(released(claim(plan.ClaimAbsent))), ending), dropped, waits(plan.Releasing, plan.WhyReplica)},
		"a demoted one is promoted first":                 {having(primary(released()), ending), steps(first(plan.Mark), first(plan.Promote)), waits(plan.Releasing, plan.WhyHandover)},
		"once it is bound":                                {having(primary(released(claim(plan.ClaimPending))), ending), nil, waits(plan.Releasing, plan.WhyHandover)},
		"it is told once":                                 {having(primary(healthy(reached(plan.Secondary))), ending), nil, waits(plan.Releasing, plan.WhyHandover)},
		"and held":                                        {having(primary(healthy(reached(plan.Secondary), marked(plan.MarksSome))), ending), steps(first(plan.Mark)), waits(plan.Releasing, plan.WhyHandover)},
		"unless it leaves":                                {having(primary(healthy(reached(plan.Secondary), marked(plan.MarksSome), leaving)), ending), nil, waits(plan.Releasing, plan.WhyHandover)},
		"and retained":                                    {having(primary(healthy(reached(plan.Secondary), unkept)), ending), steps(first(plan.Retain)), waits(plan.Releasing, plan.WhyHandover)},
	} {
		t.Run(name, func(t *testing.T) {
			got := plan.Decide(tc.group)
			assert.Equal(t, tc.steps, got.Writes)
			assert.Equal(t, []plan.Verdict{tc.want}, got.Verdicts)
		})
	}
}

// TestAPrimaryLetsGoOfWhatItReceived : once claims were made of it, and newer data took the place of what remained.
func TestAPrimaryLetsGoOfWhatItReceived(t *testing.T) {
	final := func(g *plan.Facts) { g.FinalSync, g.SentAway = true, true }
	copied := func(c plan.Copy) func(*plan.Facts) { return func(g *plan.Facts) { g.Copies = []plan.Copy{c} } }
	remains := func(outdated bool) func(*plan.Facts) {
		return func(g *plan.Facts) { g.Remains = []plan.Remain{{Outdated: outdated}} }
	}
	complete := func(g *plan.Facts) { g.Restore = plan.RestoreComplete }
	for name, tc := range map[string]struct {
		group plan.Facts
		steps []plan.Write
	}{
		"a copy that is a claim":              {having(primary(), copied(plan.Copy{There: true})), []plan.Write{{Kind: plan.Dismiss}}},
		"not one that a claim is filled from": {having(primary(), copied(plan.Copy{There: true, Needed: true})), nil},
		"not one that is gone":                {having(primary(), copied(plan.Copy{Wanted: true})), nil},
		"not before the restore is noted":     {having(primary(), copied(plan.Copy{There: true}), complete), []plan.Write{{Kind: plan.MarkRestored, Volume: plan.GroupWrite}}},
		"not while the application leaves":    {having(primary(), copied(plan.Copy{There: true}), final), nil},
		"a volume that is outdated":           {having(primary(), remains(true)), []plan.Write{{Kind: plan.Abandon}}},
		"not one that may be wanted":          {having(primary(), remains(false)), nil},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.steps, plan.Decide(tc.group).Writes) })
	}
}
