// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// both are facts of an application that no cluster knows, with both links live.
func both() plan.Facts {
	f := plan.Facts{Target: plan.First, Usable: true}
	for i := range f.Clusters {
		f.Clusters[i] = plan.Cluster{Live: true, Report: plan.Report{View: plan.Absent}}
	}
	return f
}

// home are facts of an application that runs on the first cluster, healthy.
func home() plan.Facts {
	f := both()
	f.Clusters[0] = plan.Cluster{Live: true, Decision: plan.RunHere, Wish: plan.Wish{Role: plan.Primary, Epoch: 1},
		Report: plan.Report{View: plan.Present, Answered: true, State: plan.IsPrimary, Ready: true, Protected: true, Volumes: true}}
	f.Clusters[1] = plan.Cluster{Live: true, Decision: plan.Gone, Wish: plan.Wish{Role: plan.Secondary, Epoch: 1},
		Report: plan.Report{View: plan.Present, Answered: true, State: plan.IsSecondary, Level: true, Ready: true}}
	return f
}

func TestDecideWaitsForTheUser(t *testing.T) {
	for name, tc := range map[string]struct {
		facts plan.Facts
		edit  func(*plan.Facts)
		want  plan.Wait
	}{
		"a new application whose preferred cluster is not in the policy": {both(), func(f *plan.Facts) { f.Target = plan.Elsewhere }, plan.Wait{Fact: plan.TargetNamed}},
		"a new application without a preferred cluster":                  {both(), func(f *plan.Facts) { f.Target = plan.Nowhere }, plan.Wait{Fact: plan.TargetNamed}},
		"a new application with an invalid policy":                       {both(), func(f *plan.Facts) { f.Usable = false }, plan.Wait{Fact: plan.PolicyValid}},
		"a foreign object in the way of a new application":               {both(), func(f *plan.Facts) { f.At(plan.Second).Report = plan.Report{View: plan.Present, Foreign: true} }, plan.Wait{Fact: plan.ForeignRemoved, On: plan.Second}},
		"a failover to a cluster that is not in the policy":              {home(), func(f *plan.Facts) { f.Ask, f.Target = plan.Failover, plan.Elsewhere }, plan.Wait{Fact: plan.TargetNamed}},
		"a relocate to a cluster that is not in the policy":              {home(), func(f *plan.Facts) { f.Ask, f.Target = plan.Relocate, plan.Elsewhere }, plan.Wait{Fact: plan.TargetNamed}},
		"a foreign object on the target of a failover": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.Second).Report = plan.Report{View: plan.Present, Foreign: true}
		}, plan.Wait{Fact: plan.ForeignRemoved, On: plan.Second}},
		"a Secondary whose Primary is nowhere": {both(), func(f *plan.Facts) {
			f.At(plan.Second).Report = plan.Report{View: plan.Present, Orphan: true, Claim: plan.Secondary}
		}, plan.Wait{Fact: plan.PrimaryFound, On: plan.Second}},
		"and so it is on the other side": {both(), func(f *plan.Facts) {
			f.At(plan.First).Report = plan.Report{View: plan.Present, Orphan: true, Claim: plan.Secondary}
		}, plan.Wait{Fact: plan.PrimaryFound, On: plan.First}},
		"a Primary on a cluster that is none of the two": {home(), func(f *plan.Facts) {
			f.Elsewhere = true
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision = plan.Secondary, plan.Gone
		}, plan.Wait{Fact: plan.PrimaryFound}},
		"an earlier protection that its cluster did not end, and that can't be reached": {both(), func(f *plan.Facts) {
			f.At(plan.Second).Wish.Former, f.At(plan.Second).Live = true, false
		}, plan.Wait{Fact: plan.LinkIsLive, On: plan.Second}},
		"an earlier protection whose object is known to be gone, though nobody said that its end was obeyed": {both(), func(f *plan.Facts) {
			f.At(plan.First).Wish.Former = true
		}, plan.Wait{Fact: plan.ObjectGone, On: plan.First}},
		"two primaries of one epoch": {home(), func(f *plan.Facts) { f.At(plan.Second).Wish.Role = plan.Primary }, plan.Wait{Fact: plan.ConflictSolved}},
		"two primaries of one epoch and a relocate": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Relocate, plan.Second
			f.At(plan.Second).Wish.Role = plan.Primary
		}, plan.Wait{Fact: plan.ConflictSolved}},
		"a failover without a named target while nobody is Primary": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Nowhere
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision = plan.Secondary, plan.Gone
		}, plan.Wait{Fact: plan.TargetNamed}},
		"nobody is Primary and no cluster is preferred": {home(), func(f *plan.Facts) {
			f.Target = plan.Nowhere
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision = plan.Secondary, plan.Gone
		}, plan.Wait{Fact: plan.TargetNamed}},
		"an object that is still going away stops a new deployment": {both(), func(f *plan.Facts) { f.At(plan.First).Report.View = plan.Present }, plan.Wait{Fact: plan.ObjectGone, On: plan.First}},
		"and so it does on the peer":                                {both(), func(f *plan.Facts) { f.At(plan.Second).Report.View = plan.Present }, plan.Wait{Fact: plan.ObjectGone, On: plan.Second}},
		"an orphan behind a lost link is not adopted": {both(), func(f *plan.Facts) {
			f.At(plan.First).Live, f.At(plan.First).Report = false, plan.Report{View: plan.Present, Orphan: true}
		}, plan.Wait{Fact: plan.InboxComplete, On: plan.First}},
		"an orphan behind a lost link stops the end of the protection": {both(), func(f *plan.Facts) {
			f.Deleting = true
			f.At(plan.First).Live, f.At(plan.First).Report = false, plan.Report{View: plan.Present, Orphan: true}
		}, plan.Wait{Fact: plan.InboxComplete, On: plan.First}},
		"a peer that has a wish and no object yet gets no second one": {home(), func(f *plan.Facts) {
			f.At(plan.Second).Report = plan.Report{View: plan.Absent}
		}, plan.Wait{Fact: plan.Answer, On: plan.Second}},
		"a target whose storage does not follow the source is not relocated to": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Relocate, plan.Second
			f.At(plan.Second).Report.Ready = false
		}, plan.Wait{Fact: plan.BeingSecondary, On: plan.Second}},
		"a source that is not ready is not relocated": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Relocate, plan.Second
			f.At(plan.First).Report.Ready = false
		}, plan.Wait{Fact: plan.BeingPrimary, On: plan.First}},
		"nobody is Primary, and nothing is known of the other side": {home(), func(f *plan.Facts) {
			f.Target = plan.Second
			f.At(plan.First).Wish, f.At(plan.First).Report, f.At(plan.First).Decision = plan.Wish{}, plan.Report{}, plan.Gone
		}, plan.Wait{Fact: plan.InboxComplete, On: plan.First}},
		"nobody is Primary, and nothing is known of the target": {home(), func(f *plan.Facts) {
			f.At(plan.First).Wish, f.At(plan.First).Report, f.At(plan.First).Decision = plan.Wish{}, plan.Report{}, plan.Gone
		}, plan.Wait{Fact: plan.InboxComplete, On: plan.First}},
		"a failover to a cluster of which nothing is known": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.Second).Wish, f.At(plan.Second).Report = plan.Wish{}, plan.Report{}
		}, plan.Wait{Fact: plan.InboxComplete, On: plan.Second}},
		"a failover to a side that its workload has to leave": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.Second).Report.State, f.At(plan.Second).Report.InUse = plan.IsPrimary, true
		}, plan.Wait{Fact: plan.WorkloadGone, On: plan.Second}},
		"a relocate to a side that its workload has to leave": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Relocate, plan.Second
			f.At(plan.First).Decision = plan.Gone
			f.At(plan.Second).Report.State, f.At(plan.Second).Report.InUse = plan.IsPrimary, true
		}, plan.Wait{Fact: plan.WorkloadGone, On: plan.Second}},
		"nobody is Primary, and the other side is out of reach": {home(), func(f *plan.Facts) {
			f.Target = plan.Second
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision, f.At(plan.First).Live = plan.Secondary, plan.Gone, false
		}, plan.Wait{Fact: plan.LinkIsLive, On: plan.First}},
		"nobody is Primary, and the target is out of reach": {home(), func(f *plan.Facts) {
			f.Target = plan.Second
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision, f.At(plan.First).Report.State = plan.Secondary, plan.Gone, plan.IsSecondary
			f.At(plan.Second).Live = false
		}, plan.Wait{Fact: plan.LinkIsLive, On: plan.Second}},
		"a peer of which nothing is known": {home(), func(f *plan.Facts) {
			f.At(plan.Second).Wish, f.At(plan.Second).Report = plan.Wish{}, plan.Report{}
		}, plan.Wait{Fact: plan.InboxComplete, On: plan.Second}},
		"a failover that only a backup remembers": {home(), func(f *plan.Facts) {
			f.Ask, f.Target, f.Stale = plan.Failover, plan.Second, true
		}, plan.Wait{Fact: plan.SpecConfirmed}},
		"a failover that only a backup remembers, while the other cluster was not heard": {home(), func(f *plan.Facts) {
			f.Ask, f.Target, f.Stale = plan.Failover, plan.First, true
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision = plan.Secondary, plan.Retain
			f.At(plan.Second).Report.Answered = false
		}, plan.Wait{Fact: plan.SpecConfirmed, On: plan.Second}},
		"a relocate that only a backup remembers": {home(), func(f *plan.Facts) {
			f.Ask, f.Target, f.Stale = plan.Relocate, plan.Second, true
		}, plan.Wait{Fact: plan.SpecConfirmed}},
		"a failover to a cluster that was replaced, and has nothing": {home(), func(f *plan.Facts) {
			f.Ask, f.Target, f.At(plan.Second).Wish.Replaced = plan.Failover, plan.Second, true
		}, plan.Wait{Fact: plan.VolumesLost, On: plan.Second}},
		"a failover to what is accepted of a replaced cluster, while its wish is being deleted": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.Second).Wish.Replaced, f.At(plan.Second).Wish.Deleting, f.At(plan.Second).Accepted = true, true, true
		}, plan.Wait{Fact: plan.ObjectGone, On: plan.Second}},
		"a recalled wish that is not answered yet": {home(), func(f *plan.Facts) {
			f.At(plan.Second).Report.Answered, f.At(plan.Second).Report.Memory = false, plan.Recalled
		}, plan.Wait{Fact: plan.Answer, On: plan.Second}},
		"a failover whose target recalls": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.Second).Report.Answered, f.At(plan.Second).Report.Memory = false, plan.Recalled
		}, plan.Wait{Fact: plan.Answer, On: plan.Second}},
		"a removal while a cluster recalls": {home(), func(f *plan.Facts) {
			f.Deleting, f.Ask, f.Target = true, plan.Failover, plan.Second
			f.At(plan.First).Report.Answered, f.At(plan.First).Report.Memory = false, plan.Recalled
		}, plan.Wait{Fact: plan.Answer, On: plan.First}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.edit(&tc.facts)
			p := plan.Decide(tc.facts)
			assert.Empty(t, p.Writes)
			assert.Equal(t, tc.want, p.Wait)
			assert.Empty(t, unexplained(tc.facts))
		})
	}
}

func TestWhatIsNotOfThisProtectionIsLeftAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		facts plan.Facts
		edit  func(*plan.Facts)
		want  []plan.Write
	}{
		"DR is disabled though the object belongs to another hub": {home(), func(f *plan.Facts) {
			f.Deleting = true
			f.At(plan.First).Report = plan.Report{View: plan.Present, Foreign: true}
			f.At(plan.Second).Report = plan.Report{View: plan.Present, Foreign: true}
		}, []plan.Write{{Kind: plan.RemoveWish, Side: plan.Second}}},
		"and the wishes go without their objects": {home(), func(f *plan.Facts) {
			f.Deleting = true
			for _, s := range []plan.Side{plan.First, plan.Second} {
				f.At(s).Wish.Deleting, f.At(s).Report = true, plan.Report{View: plan.Present, Foreign: true}
			}
		}, []plan.Write{{Kind: plan.DropWish, Side: plan.First}, {Kind: plan.DropWish, Side: plan.Second}, {Kind: plan.Finish}}},
		"an object that no hub made does not keep DR enabled": {both(), func(f *plan.Facts) {
			f.Deleting = true
			f.At(plan.Second).Report = plan.Report{View: plan.Present, Foreign: true}
		}, []plan.Write{{Kind: plan.Finish}}},
		"what an earlier protection left is dropped when it was obeyed": {both(), func(f *plan.Facts) {
			f.At(plan.Second).Wish.Former, f.At(plan.Second).Report = true, plan.Report{View: plan.Absent, Removed: true}
		}, []plan.Write{{Kind: plan.DropWish, Side: plan.Second}}},
		"a failover begins without the cluster that was given up": {both(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.First
			f.At(plan.Second).Wish.Former, f.At(plan.Second).Live, f.At(plan.Second).Report = true, false, plan.Report{}
		}, []plan.Write{{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary, For: plan.Failover, Promote: true}}},
		"DR is disabled without the cluster that was given up": {both(), func(f *plan.Facts) {
			f.Deleting = true
			f.At(plan.Second).Wish.Former, f.At(plan.Second).Live, f.At(plan.Second).Report = true, false, plan.Report{}
		}, []plan.Write{{Kind: plan.Finish}}},
		"a copy whose Primary is nowhere is adopted for a failover to it": {both(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.Second).Report = plan.Report{View: plan.Present, Orphan: true, Claim: plan.Secondary}
		}, []plan.Write{{Kind: plan.AdoptWish, Side: plan.Second}}},
		"and to be removed": {both(), func(f *plan.Facts) {
			f.Deleting = true
			f.At(plan.Second).Report = plan.Report{View: plan.Present, Orphan: true, Claim: plan.Secondary}
		}, []plan.Write{{Kind: plan.AdoptWish, Side: plan.Second}}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.edit(&tc.facts)
			assert.Equal(t, tc.want, plan.Decide(tc.facts).Writes)
		})
	}
}

func TestOnlyAFailoverGivesUpWhatAPeerHas(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*plan.Facts)
		want plan.Wait
	}{
		"no failover":                    {func(f *plan.Facts) { f.Ask, f.At(plan.First).Wish.For = plan.Stay, plan.Stay }, plan.Wait{plan.BeingSecondary, plan.Second}},
		"a failover that was told it":    {func(f *plan.Facts) { f.At(plan.Second).Wish.For = plan.Failover }, plan.Wait{plan.BeingSecondary, plan.Second}},
		"a workload that is there still": {func(f *plan.Facts) { f.At(plan.Second).Report.InUse = true }, plan.Wait{plan.WorkloadGone, plan.Second}},
		"a peer that has not answered":   {func(f *plan.Facts) { f.At(plan.Second).Report.Answered = false }, plan.Wait{plan.Answer, plan.Second}},
		"a peer that can't be reached":   {func(f *plan.Facts) { f.At(plan.Second).Live = false }, plan.Wait{plan.LinkIsLive, plan.Second}},
		"a peer that is in sync by now":  {func(f *plan.Facts) { f.At(plan.Second).Report.State = plan.IsSecondary }, plan.Wait{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			f.Ask, f.At(plan.First).Wish.For = plan.Failover, plan.Failover
			f.At(plan.Second).Wish.For, f.At(plan.Second).Report.State = plan.Relocate, plan.Between
			tc.edit(&f)
			p := plan.Decide(f)
			assert.Empty(t, p.Writes)
			assert.Equal(t, tc.want, p.Wait)
		})
	}
}

func TestDecideGoesOn(t *testing.T) {
	for name, tc := range map[string]struct {
		facts plan.Facts
		edit  func(*plan.Facts)
		want  []plan.Write
	}{
		"a healthy application needs nothing": {home(), func(*plan.Facts) {}, nil},
		"a failover to what is accepted of a replaced cluster first has that make a copy": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.Second).Wish.Replaced, f.At(plan.Second).Accepted = true, true
		}, []plan.Write{{Kind: plan.PutWish, Side: plan.Second, Role: plan.Secondary}}},
		"a failover to what was made again in the middle of its demotion needs no proof that it is Secondary": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.Second).Report.State, f.At(plan.Second).Report.Level, f.At(plan.Second).Report.Severed = plan.Between, false, true
		}, []plan.Write{
			{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}},
			{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary, For: plan.Failover, Promote: true},
		}},
		"a policy that became invalid stops no failover": {home(), func(f *plan.Facts) { f.Ask, f.Target, f.Usable = plan.Failover, plan.Second, false }, []plan.Write{
			{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}},
			{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary, For: plan.Failover, Promote: true},
		}},
		"a foreign object on the failed side stops no failover": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.First).Report = plan.Report{View: plan.Present, Foreign: true}
		}, []plan.Write{
			{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}},
			{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary, For: plan.Failover, Promote: true},
		}},
		"a failover without a named target goes to the other cluster": {home(), func(f *plan.Facts) { f.Ask, f.Target = plan.Failover, plan.Nowhere }, []plan.Write{
			{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}},
			{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary, For: plan.Failover, Promote: true},
		}},
		"a preferred cluster that is not in the policy moves nothing that runs": {home(), func(f *plan.Facts) { f.Target = plan.Elsewhere }, nil},
		"a preferred cluster that changed moves nothing that runs":              {home(), func(f *plan.Facts) { f.Target = plan.Second }, nil},
		"a failover to where the workload runs moves nothing": {home(), func(f *plan.Facts) {
			f.Ask, f.At(plan.First).Wish.For = plan.Failover, plan.Failover
		}, nil},
		"a failover to where the workload runs gives up what keeps the peer from being in sync": {home(), func(f *plan.Facts) {
			f.Ask, f.At(plan.First).Wish.For = plan.Failover, plan.Failover
			f.At(plan.Second).Wish.For, f.At(plan.Second).Report.State = plan.Relocate, plan.Between
		}, []plan.Write{{Kind: plan.PutWish, Side: plan.Second, Role: plan.Secondary, For: plan.Failover}}},
		"a relocate to where the workload runs moves nothing": {home(), func(f *plan.Facts) {
			f.Ask, f.At(plan.First).Wish.For = plan.Relocate, plan.Relocate
		}, nil},
		"a failover that stays in the spec without a target does not swing back": {home(), func(f *plan.Facts) {
			f.Ask, f.Target, f.At(plan.First).Wish.For = plan.Failover, plan.Nowhere, plan.Failover
		}, nil},
		"an orphan is adopted though the home is out of reach, once the home has a wish": {home(), func(f *plan.Facts) {
			f.At(plan.First).Live = false
			f.At(plan.Second).Wish, f.At(plan.Second).Report = plan.Wish{}, plan.Report{View: plan.Present, Orphan: true}
		}, []plan.Write{{Kind: plan.AdoptWish, Side: plan.Second}}},
		"the old side is demoted though the new home is out of reach": {home(), func(f *plan.Facts) {
			f.At(plan.First).Live, f.At(plan.First).Wish.Epoch = false, 2
			f.At(plan.Second).Wish.Role = plan.Primary
		}, []plan.Write{{Kind: plan.PutWish, Side: plan.Second, Role: plan.Secondary, For: plan.Failover}}},
		"a finished failover leaves no mark once its action is cleared, so that the next one moves": {home(), func(f *plan.Facts) {
			f.At(plan.First).Wish.For = plan.Failover
		}, []plan.Write{{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary}}},
		"a stray Pod that can't use its volume on the peer changes nothing": {home(), func(f *plan.Facts) { f.At(plan.Second).Report.InUse = true }, nil},
		"a new hub sends the workload away from the target of a failover, and nowhere else": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold
			f.At(plan.Second).Report.State, f.At(plan.Second).Report.InUse = plan.IsPrimary, true
		}, []plan.Write{{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}}}},
		"a new hub fails over at once to a target without a workload": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold
		}, []plan.Write{{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary, For: plan.Failover, Promote: true}}},
		"a new hub relocates at once to a target without a workload": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Relocate, plan.Second
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold
		}, []plan.Write{{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary, FinalSync: plan.Prepare, For: plan.Relocate}}},
		"a new hub leaves a peer alone that can't be reached": {home(), func(f *plan.Facts) {
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold
			f.At(plan.Second).Live = false
		}, []plan.Write{{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.RunHere, plan.Retain}}}},
		"a new hub leaves a peer alone that is Primary still": {home(), func(f *plan.Facts) {
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold
			f.At(plan.First).Wish.Epoch, f.At(plan.Second).Wish.Role = 2, plan.Primary
		}, []plan.Write{{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.RunHere, plan.Retain}}}},
		"decisions that only a backup remembers are corrected before the user is asked": {home(), func(f *plan.Facts) {
			f.Ask, f.Target, f.Stale = plan.Failover, plan.Second, true
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Gone, plan.Retain
		}, []plan.Write{{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.RunHere, plan.Retain}}}},
		"a decision of a backup sends nobody to a Secondary, whatever else is known": {home(), func(f *plan.Facts) {
			f.At(plan.First).Wish.Role, f.At(plan.First).Report.Answered, f.At(plan.First).Live = plan.Secondary, false, false
			f.At(plan.Second).Live = false
		}, []plan.Write{{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Untold, plan.Untold}}}},
		"a forgotten wish is re-created": {home(), func(f *plan.Facts) {
			f.At(plan.Second).Report = plan.Report{View: plan.Present, Memory: plan.Forgotten}
		}, []plan.Write{{Kind: plan.AdoptWish, Side: plan.Second}}},
		"a failed side that recalls stops no failover": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.First).Report.Answered, f.At(plan.First).Report.Memory = false, plan.Recalled
		}, []plan.Write{
			{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}},
			{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary, For: plan.Failover, Promote: true},
		}},
		"a cluster out of reach that recalls stops nothing": {home(), func(f *plan.Facts) {
			f.At(plan.First).Wish.For = plan.Failover
			f.At(plan.Second).Live, f.At(plan.Second).Decision = false, plan.Gone
			f.At(plan.Second).Wish.Role = plan.Primary
			f.At(plan.Second).Report.Answered, f.At(plan.Second).Report.Memory = false, plan.Recalled
			f.At(plan.First).Wish.Epoch = 2
		}, []plan.Write{{Kind: plan.PutWish, Side: plan.Second, Role: plan.Secondary, For: plan.Failover}}},
		"a final synchronization that a restored hub finds while the workload may run is prepared again": {home(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Relocate, plan.Second
			f.At(plan.First).Wish.FinalSync, f.At(plan.First).Report.Synced = plan.Run, true
		}, []plan.Write{{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary, FinalSync: plan.Prepare, For: plan.Relocate}}},
		"a cluster that is given up is not waited for while its object is adopted": {home(), func(f *plan.Facts) {
			f.Deleting = true
			f.At(plan.Second).Live, f.At(plan.Second).Abandon, f.At(plan.Second).Wish.Adopting = false, true, true
		}, []plan.Write{{Kind: plan.RemoveWish, Side: plan.Second}}},
		"a cluster that is given up lets the application go": {both(), func(f *plan.Facts) {
			f.Deleting = true
			f.At(plan.Second).Live, f.At(plan.Second).Report, f.At(plan.Second).Abandon = false, plan.Report{}, true
		}, []plan.Write{{Kind: plan.Finish}}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.edit(&tc.facts)
			p := plan.Decide(tc.facts)
			assert.Equal(t, tc.want, p.Writes)
			assert.Equal(t, plan.Nothing, p.Wait.Fact)
		})
	}
}
