// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// both are facts of an application that no cluster knows, with both links live.
func both() Facts {
	f := Facts{Target: First, Usable: true}
	for i := range f.Clusters {
		f.Clusters[i] = Cluster{Live: true, Report: Report{View: Absent}}
	}
	return f
}

// home are facts of an application that runs on the first cluster, healthy.
func home() Facts {
	f := both()
	f.Clusters[0] = Cluster{Live: true, Decision: RunHere, Wish: Wish{Role: Primary, Epoch: 1},
		Report: Report{View: Present, Answered: true, State: IsPrimary, Ready: true, Protected: true, Volumes: true}}
	f.Clusters[1] = Cluster{Live: true, Decision: Gone, Wish: Wish{Role: Secondary, Epoch: 1},
		Report: Report{View: Present, Answered: true, State: IsSecondary, Level: true, Ready: true}}
	return f
}

func TestDecideWaitsForTheUser(t *testing.T) {
	for name, tc := range map[string]struct {
		facts Facts
		edit  func(*Facts)
		want  Wait
	}{
		"a new application whose preferred cluster is not in the policy": {both(), func(f *Facts) { f.Target = Elsewhere }, Wait{Fact: TargetNamed}},
		"a new application without a preferred cluster":                  {both(), func(f *Facts) { f.Target = Nowhere }, Wait{Fact: TargetNamed}},
		"a new application with an invalid policy":                       {both(), func(f *Facts) { f.Usable = false }, Wait{Fact: PolicyValid}},
		"a foreign object in the way of a new application":               {both(), func(f *Facts) { f.At(Second).Report = Report{View: Present, Foreign: true} }, Wait{Fact: ForeignRemoved, On: Second}},
		"a failover to a cluster that is not in the policy":              {home(), func(f *Facts) { f.Ask, f.Target = Failover, Elsewhere }, Wait{Fact: TargetNamed}},
		"a relocate to a cluster that is not in the policy":              {home(), func(f *Facts) { f.Ask, f.Target = Relocate, Elsewhere }, Wait{Fact: TargetNamed}},
		"a foreign object on the target of a failover": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(Second).Report = Report{View: Present, Foreign: true}
		}, Wait{Fact: ForeignRemoved, On: Second}},
		"a Secondary whose Primary is nowhere": {both(), func(f *Facts) {
			f.At(Second).Report = Report{View: Present, Orphan: true, Claim: Secondary}
		}, Wait{Fact: PrimaryFound, On: Second}},
		"and so it is on the other side": {both(), func(f *Facts) {
			f.At(First).Report = Report{View: Present, Orphan: true, Claim: Secondary}
		}, Wait{Fact: PrimaryFound, On: First}},
		"a Primary on a cluster that is none of the two": {home(), func(f *Facts) {
			f.Elsewhere = true
			f.At(First).Wish.Role, f.At(First).Decision = Secondary, Gone
		}, Wait{Fact: PrimaryFound}},
		"an earlier protection that its cluster did not end, and that can't be reached": {both(), func(f *Facts) {
			f.At(Second).Wish.Former, f.At(Second).Live = true, false
		}, Wait{Fact: LinkIsLive, On: Second}},
		"an earlier protection whose object is known to be gone, though nobody said that its end was obeyed": {both(), func(f *Facts) {
			f.At(First).Wish.Former = true
		}, Wait{Fact: ObjectGone, On: First}},
		"two primaries of one epoch": {home(), func(f *Facts) { f.At(Second).Wish.Role = Primary }, Wait{Fact: ConflictSolved}},
		"two primaries of one epoch and a relocate": {home(), func(f *Facts) {
			f.Ask, f.Target = Relocate, Second
			f.At(Second).Wish.Role = Primary
		}, Wait{Fact: ConflictSolved}},
		"a failover without a named target while nobody is Primary": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Nowhere
			f.At(First).Wish.Role, f.At(First).Decision = Secondary, Gone
		}, Wait{Fact: TargetNamed}},
		"nobody is Primary and no cluster is preferred": {home(), func(f *Facts) {
			f.Target = Nowhere
			f.At(First).Wish.Role, f.At(First).Decision = Secondary, Gone
		}, Wait{Fact: TargetNamed}},
		"an object that is still going away stops a new deployment": {both(), func(f *Facts) { f.At(First).Report.View = Present }, Wait{Fact: ObjectGone, On: First}},
		"and so it does on the peer":                                {both(), func(f *Facts) { f.At(Second).Report.View = Present }, Wait{Fact: ObjectGone, On: Second}},
		"an orphan behind a lost link is not adopted": {both(), func(f *Facts) {
			f.At(First).Live, f.At(First).Report = false, Report{View: Present, Orphan: true}
		}, Wait{Fact: InboxComplete, On: First}},
		"an orphan behind a lost link stops the end of the protection": {both(), func(f *Facts) {
			f.Deleting = true
			f.At(First).Live, f.At(First).Report = false, Report{View: Present, Orphan: true}
		}, Wait{Fact: InboxComplete, On: First}},
		"a peer that has a wish and no object yet gets no second one": {home(), func(f *Facts) {
			f.At(Second).Report = Report{View: Absent}
		}, Wait{Fact: Answer, On: Second}},
		"a target whose storage does not follow the source is not relocated to": {home(), func(f *Facts) {
			f.Ask, f.Target = Relocate, Second
			f.At(Second).Report.Ready = false
		}, Wait{Fact: BeingSecondary, On: Second}},
		"a source that is not ready is not relocated": {home(), func(f *Facts) {
			f.Ask, f.Target = Relocate, Second
			f.At(First).Report.Ready = false
		}, Wait{Fact: BeingPrimary, On: First}},
		"nobody is Primary, and nothing is known of the other side": {home(), func(f *Facts) {
			f.Target = Second
			f.At(First).Wish, f.At(First).Report, f.At(First).Decision = Wish{}, Report{}, Gone
		}, Wait{Fact: InboxComplete, On: First}},
		"nobody is Primary, and nothing is known of the target": {home(), func(f *Facts) {
			f.At(First).Wish, f.At(First).Report, f.At(First).Decision = Wish{}, Report{}, Gone
		}, Wait{Fact: InboxComplete, On: First}},
		"a failover to a cluster of which nothing is known": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(Second).Wish, f.At(Second).Report = Wish{}, Report{}
		}, Wait{Fact: InboxComplete, On: Second}},
		"a failover to a side that its workload has to leave": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(Second).Report.State, f.At(Second).Report.InUse = IsPrimary, true
		}, Wait{Fact: WorkloadGone, On: Second}},
		"a relocate to a side that its workload has to leave": {home(), func(f *Facts) {
			f.Ask, f.Target = Relocate, Second
			f.At(First).Decision = Gone
			f.At(Second).Report.State, f.At(Second).Report.InUse = IsPrimary, true
		}, Wait{Fact: WorkloadGone, On: Second}},
		"nobody is Primary, and the other side is out of reach": {home(), func(f *Facts) {
			f.Target = Second
			f.At(First).Wish.Role, f.At(First).Decision, f.At(First).Live = Secondary, Gone, false
		}, Wait{Fact: LinkIsLive, On: First}},
		"nobody is Primary, and the target is out of reach": {home(), func(f *Facts) {
			f.Target = Second
			f.At(First).Wish.Role, f.At(First).Decision, f.At(First).Report.State = Secondary, Gone, IsSecondary
			f.At(Second).Live = false
		}, Wait{Fact: LinkIsLive, On: Second}},
		"a peer of which nothing is known": {home(), func(f *Facts) {
			f.At(Second).Wish, f.At(Second).Report = Wish{}, Report{}
		}, Wait{Fact: InboxComplete, On: Second}},
		"a failover that only a backup remembers": {home(), func(f *Facts) {
			f.Ask, f.Target, f.Stale = Failover, Second, true
		}, Wait{Fact: SpecConfirmed}},
		"a failover that only a backup remembers, while the other cluster was not heard": {home(), func(f *Facts) {
			f.Ask, f.Target, f.Stale = Failover, First, true
			f.At(First).Wish.Role, f.At(First).Decision = Secondary, Retain
			f.At(Second).Report.Answered = false
		}, Wait{Fact: SpecConfirmed, On: Second}},
		"a relocate that only a backup remembers": {home(), func(f *Facts) {
			f.Ask, f.Target, f.Stale = Relocate, Second, true
		}, Wait{Fact: SpecConfirmed}},
		"a failover to a cluster that was replaced, and has nothing": {home(), func(f *Facts) {
			f.Ask, f.Target, f.At(Second).Wish.Replaced = Failover, Second, true
		}, Wait{Fact: VolumesLost, On: Second}},
		"a failover to what is accepted of a replaced cluster, while its wish is being deleted": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(Second).Wish.Replaced, f.At(Second).Wish.Deleting, f.At(Second).Accepted = true, true, true
		}, Wait{Fact: ObjectGone, On: Second}},
		"a recalled wish that is not answered yet": {home(), func(f *Facts) {
			f.At(Second).Report.Answered, f.At(Second).Report.Memory = false, Recalled
		}, Wait{Fact: Answer, On: Second}},
		"a failover whose target recalls": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(Second).Report.Answered, f.At(Second).Report.Memory = false, Recalled
		}, Wait{Fact: Answer, On: Second}},
		"a removal while a cluster recalls": {home(), func(f *Facts) {
			f.Deleting, f.Ask, f.Target = true, Failover, Second
			f.At(First).Report.Answered, f.At(First).Report.Memory = false, Recalled
		}, Wait{Fact: Answer, On: First}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.edit(&tc.facts)
			p := Decide(tc.facts)
			assert.Empty(t, p.Writes)
			assert.Equal(t, tc.want, p.Wait)
			assert.Empty(t, unexplained(tc.facts))
		})
	}
}

func TestWhatIsNotOfThisProtectionIsLeftAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		facts Facts
		edit  func(*Facts)
		want  []Write
	}{
		"DR is disabled though the object belongs to another hub": {home(), func(f *Facts) {
			f.Deleting = true
			f.At(First).Report = Report{View: Present, Foreign: true}
			f.At(Second).Report = Report{View: Present, Foreign: true}
		}, []Write{{Kind: RemoveWish, Side: Second}}},
		"and the wishes go without their objects": {home(), func(f *Facts) {
			f.Deleting = true
			for _, s := range []Side{First, Second} {
				f.At(s).Wish.Deleting, f.At(s).Report = true, Report{View: Present, Foreign: true}
			}
		}, []Write{{Kind: DropWish, Side: First}, {Kind: DropWish, Side: Second}, {Kind: Finish}}},
		"an object that no hub made does not keep DR enabled": {both(), func(f *Facts) {
			f.Deleting = true
			f.At(Second).Report = Report{View: Present, Foreign: true}
		}, []Write{{Kind: Finish}}},
		"what an earlier protection left is dropped when it was obeyed": {both(), func(f *Facts) {
			f.At(Second).Wish.Former, f.At(Second).Report = true, Report{View: Absent, Removed: true}
		}, []Write{{Kind: DropWish, Side: Second}}},
		"a failover begins without the cluster that was given up": {both(), func(f *Facts) {
			f.Ask, f.Target = Failover, First
			f.At(Second).Wish.Former, f.At(Second).Live, f.At(Second).Report = true, false, Report{}
		}, []Write{{Kind: PutWish, Side: First, Role: Primary, For: Failover, Promote: true}}},
		"DR is disabled without the cluster that was given up": {both(), func(f *Facts) {
			f.Deleting = true
			f.At(Second).Wish.Former, f.At(Second).Live, f.At(Second).Report = true, false, Report{}
		}, []Write{{Kind: Finish}}},
		"a copy whose Primary is nowhere is adopted for a failover to it": {both(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(Second).Report = Report{View: Present, Orphan: true, Claim: Secondary}
		}, []Write{{Kind: AdoptWish, Side: Second}}},
		"and to be removed": {both(), func(f *Facts) {
			f.Deleting = true
			f.At(Second).Report = Report{View: Present, Orphan: true, Claim: Secondary}
		}, []Write{{Kind: AdoptWish, Side: Second}}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.edit(&tc.facts)
			assert.Equal(t, tc.want, Decide(tc.facts).Writes)
		})
	}
}

func TestOnlyAFailoverGivesUpWhatAPeerHas(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Facts)
		want Wait
	}{
		"no failover":                    {func(f *Facts) { f.Ask, f.At(First).Wish.For = Stay, Stay }, Wait{BeingSecondary, Second}},
		"a failover that was told it":    {func(f *Facts) { f.At(Second).Wish.For = Failover }, Wait{BeingSecondary, Second}},
		"a workload that is there still": {func(f *Facts) { f.At(Second).Report.InUse = true }, Wait{WorkloadGone, Second}},
		"a peer that has not answered":   {func(f *Facts) { f.At(Second).Report.Answered = false }, Wait{Answer, Second}},
		"a peer that can't be reached":   {func(f *Facts) { f.At(Second).Live = false }, Wait{LinkIsLive, Second}},
		"a peer that is in sync by now":  {func(f *Facts) { f.At(Second).Report.State = IsSecondary }, Wait{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			f.Ask, f.At(First).Wish.For = Failover, Failover
			f.At(Second).Wish.For, f.At(Second).Report.State = Relocate, Between
			tc.edit(&f)
			p := Decide(f)
			assert.Empty(t, p.Writes)
			assert.Equal(t, tc.want, p.Wait)
		})
	}
}

func TestDecideGoesOn(t *testing.T) {
	for name, tc := range map[string]struct {
		facts Facts
		edit  func(*Facts)
		want  []Write
	}{
		"a healthy application needs nothing": {home(), func(*Facts) {}, nil},
		"a failover to what is accepted of a replaced cluster first has that make a copy": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(Second).Wish.Replaced, f.At(Second).Accepted = true, true
		}, []Write{{Kind: PutWish, Side: Second, Role: Secondary}}},
		"a failover to what was made again in the middle of its demotion needs no proof that it is Secondary": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(Second).Report.State, f.At(Second).Report.Level, f.At(Second).Report.Severed = Between, false, true
		}, []Write{
			{Kind: Publish, Decisions: [2]Decision{Retain, Gone}},
			{Kind: PutWish, Side: Second, Role: Primary, For: Failover, Promote: true},
		}},
		"a policy that became invalid stops no failover": {home(), func(f *Facts) { f.Ask, f.Target, f.Usable = Failover, Second, false }, []Write{
			{Kind: Publish, Decisions: [2]Decision{Retain, Gone}},
			{Kind: PutWish, Side: Second, Role: Primary, For: Failover, Promote: true},
		}},
		"a foreign object on the failed side stops no failover": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(First).Report = Report{View: Present, Foreign: true}
		}, []Write{
			{Kind: Publish, Decisions: [2]Decision{Retain, Gone}},
			{Kind: PutWish, Side: Second, Role: Primary, For: Failover, Promote: true},
		}},
		"a failover without a named target goes to the other cluster": {home(), func(f *Facts) { f.Ask, f.Target = Failover, Nowhere }, []Write{
			{Kind: Publish, Decisions: [2]Decision{Retain, Gone}},
			{Kind: PutWish, Side: Second, Role: Primary, For: Failover, Promote: true},
		}},
		"a preferred cluster that is not in the policy moves nothing that runs": {home(), func(f *Facts) { f.Target = Elsewhere }, nil},
		"a preferred cluster that changed moves nothing that runs":              {home(), func(f *Facts) { f.Target = Second }, nil},
		"a failover to where the workload runs moves nothing": {home(), func(f *Facts) {
			f.Ask, f.At(First).Wish.For = Failover, Failover
		}, nil},
		"a failover to where the workload runs gives up what keeps the peer from being in sync": {home(), func(f *Facts) {
			f.Ask, f.At(First).Wish.For = Failover, Failover
			f.At(Second).Wish.For, f.At(Second).Report.State = Relocate, Between
		}, []Write{{Kind: PutWish, Side: Second, Role: Secondary, For: Failover}}},
		"a relocate to where the workload runs moves nothing": {home(), func(f *Facts) {
			f.Ask, f.At(First).Wish.For = Relocate, Relocate
		}, nil},
		"a failover that stays in the spec without a target does not swing back": {home(), func(f *Facts) {
			f.Ask, f.Target, f.At(First).Wish.For = Failover, Nowhere, Failover
		}, nil},
		"an orphan is adopted though the home is out of reach, once the home has a wish": {home(), func(f *Facts) {
			f.At(First).Live = false
			f.At(Second).Wish, f.At(Second).Report = Wish{}, Report{View: Present, Orphan: true}
		}, []Write{{Kind: AdoptWish, Side: Second}}},
		"the old side is demoted though the new home is out of reach": {home(), func(f *Facts) {
			f.At(First).Live, f.At(First).Wish.Epoch = false, 2
			f.At(Second).Wish.Role = Primary
		}, []Write{{Kind: PutWish, Side: Second, Role: Secondary, For: Failover}}},
		"a finished failover leaves no mark once its action is cleared, so that the next one moves": {home(), func(f *Facts) {
			f.At(First).Wish.For = Failover
		}, []Write{{Kind: PutWish, Side: First, Role: Primary}}},
		"a stray Pod that can't use its volume on the peer changes nothing": {home(), func(f *Facts) { f.At(Second).Report.InUse = true }, nil},
		"a new hub sends the workload away from the target of a failover, and nowhere else": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(First).Decision, f.At(Second).Decision = Untold, Untold
			f.At(Second).Report.State, f.At(Second).Report.InUse = IsPrimary, true
		}, []Write{{Kind: Publish, Decisions: [2]Decision{Retain, Gone}}}},
		"a new hub fails over at once to a target without a workload": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(First).Decision, f.At(Second).Decision = Untold, Untold
		}, []Write{{Kind: PutWish, Side: Second, Role: Primary, For: Failover, Promote: true}}},
		"a new hub relocates at once to a target without a workload": {home(), func(f *Facts) {
			f.Ask, f.Target = Relocate, Second
			f.At(First).Decision, f.At(Second).Decision = Untold, Untold
		}, []Write{{Kind: PutWish, Side: First, Role: Primary, FinalSync: Prepare, For: Relocate}}},
		"a new hub leaves a peer alone that can't be reached": {home(), func(f *Facts) {
			f.At(First).Decision, f.At(Second).Decision = Untold, Untold
			f.At(Second).Live = false
		}, []Write{{Kind: Publish, Decisions: [2]Decision{RunHere, Retain}}}},
		"a new hub leaves a peer alone that is Primary still": {home(), func(f *Facts) {
			f.At(First).Decision, f.At(Second).Decision = Untold, Untold
			f.At(First).Wish.Epoch, f.At(Second).Wish.Role = 2, Primary
		}, []Write{{Kind: Publish, Decisions: [2]Decision{RunHere, Retain}}}},
		"decisions that only a backup remembers are corrected before the user is asked": {home(), func(f *Facts) {
			f.Ask, f.Target, f.Stale = Failover, Second, true
			f.At(First).Decision, f.At(Second).Decision = Gone, Retain
		}, []Write{{Kind: Publish, Decisions: [2]Decision{RunHere, Retain}}}},
		"a decision of a backup sends nobody to a Secondary, whatever else is known": {home(), func(f *Facts) {
			f.At(First).Wish.Role, f.At(First).Report.Answered, f.At(First).Live = Secondary, false, false
			f.At(Second).Live = false
		}, []Write{{Kind: Publish, Decisions: [2]Decision{Untold, Untold}}}},
		"a forgotten wish is re-created": {home(), func(f *Facts) {
			f.At(Second).Report = Report{View: Present, Memory: Forgotten}
		}, []Write{{Kind: AdoptWish, Side: Second}}},
		"a failed side that recalls stops no failover": {home(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(First).Report.Answered, f.At(First).Report.Memory = false, Recalled
		}, []Write{
			{Kind: Publish, Decisions: [2]Decision{Retain, Gone}},
			{Kind: PutWish, Side: Second, Role: Primary, For: Failover, Promote: true},
		}},
		"a cluster out of reach that recalls stops nothing": {home(), func(f *Facts) {
			f.At(First).Wish.For = Failover
			f.At(Second).Live, f.At(Second).Decision = false, Gone
			f.At(Second).Wish.Role = Primary
			f.At(Second).Report.Answered, f.At(Second).Report.Memory = false, Recalled
			f.At(First).Wish.Epoch = 2
		}, []Write{{Kind: PutWish, Side: Second, Role: Secondary, For: Failover}}},
		"a final synchronization that a restored hub finds while the workload may run is prepared again": {home(), func(f *Facts) {
			f.Ask, f.Target = Relocate, Second
			f.At(First).Wish.FinalSync, f.At(First).Report.Synced = Run, true
		}, []Write{{Kind: PutWish, Side: First, Role: Primary, FinalSync: Prepare, For: Relocate}}},
		"a cluster that is given up is not waited for while its object is adopted": {home(), func(f *Facts) {
			f.Deleting = true
			f.At(Second).Live, f.At(Second).Abandon, f.At(Second).Wish.Adopting = false, true, true
		}, []Write{{Kind: RemoveWish, Side: Second}}},
		"a cluster that is given up lets the application go": {both(), func(f *Facts) {
			f.Deleting = true
			f.At(Second).Live, f.At(Second).Report, f.At(Second).Abandon = false, Report{}, true
		}, []Write{{Kind: Finish}}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.edit(&tc.facts)
			p := Decide(tc.facts)
			assert.Equal(t, tc.want, p.Writes)
			assert.Equal(t, Nothing, p.Wait.Fact)
		})
	}
}
