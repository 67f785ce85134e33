// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// begun are facts of an application whose peer was told its role, and answered; the first cluster is preferred.
func begun() plan.Facts {
	f := both()
	f.Clusters[1] = plan.Cluster{Live: true, Wish: plan.Wish{Role: plan.Secondary, Epoch: 1},
		Report: plan.Report{View: plan.Present, Answered: true, State: plan.IsSecondary, Level: true, Ready: true}}
	return f
}

// adopted are facts of an application that runs, healthy, on the first cluster, under a hub that has published nothing.
func adopted() plan.Facts {
	f := home()
	f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold
	return f
}

// failed are facts of a failover to the second cluster, which is Primary by now.
func failed() plan.Facts {
	f := home()
	f.Ask, f.Target = plan.Failover, plan.Second
	f.At(plan.First).Decision = plan.Retain
	f.Clusters[1] = plan.Cluster{Live: true, Decision: plan.Gone, Wish: plan.Wish{Role: plan.Primary, For: plan.Failover, Epoch: 2},
		Report: plan.Report{View: plan.Present, Answered: true, State: plan.IsPrimary, Ready: true, Volumes: true}}
	return f
}

// moving are facts of a relocate to the second cluster whose source is prepared.
func moving() plan.Facts {
	f := home()
	f.Ask, f.Target = plan.Relocate, plan.Second
	f.At(plan.First).Wish.FinalSync, f.At(plan.First).Report.Prepared = plan.Prepare, true
	return f
}

// running are facts of a relocate to the second cluster whose final synchronization is done.
func running() plan.Facts {
	f := moving()
	f.At(plan.First).Wish.FinalSync, f.At(plan.First).Report.Synced, f.At(plan.First).Report.Ready, f.At(plan.First).Decision = plan.Run, true, false, plan.Gone
	return f
}

// TestWhatRunsIsNeverMovedOrEmptied: I9, by what both clusters say. Each row has what is written, or what is waited for.
func TestWhatRunsIsNeverMovedOrEmptied(t *testing.T) {
	primary := plan.Write{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary, Promote: true}
	unmove := plan.Write{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary, For: plan.Relocate}
	for name, tc := range map[string]struct {
		facts plan.Facts
		edit  func(*plan.Facts)
		write *plan.Write
		wait  plan.Wait
	}{
		"protection begins once the peer says that nothing is there":  {begun(), func(*plan.Facts) {}, &primary, plan.Wait{}},
		"protection does not begin before the peer answers":           {begun(), func(f *plan.Facts) { f.At(plan.Second).Report.Answered = false }, nil, plan.Wait{plan.Answer, plan.Second}},
		"protection does not begin while the workload is on the peer": {begun(), func(f *plan.Facts) { f.At(plan.Second).Report.InUse = true }, nil, plan.Wait{plan.HomeAgreed, plan.Second}},
		"protection does not begin while claims are on the peer":      {begun(), func(f *plan.Facts) { f.At(plan.Second).Report.Conflict = true }, nil, plan.Wait{plan.HomeAgreed, plan.Second}},
		"a relocate is no word for it that the workload is elsewhere": {begun(), func(f *plan.Facts) { f.Ask, f.At(plan.Second).Report.InUse = plan.Relocate, true }, nil, plan.Wait{plan.HomeAgreed, plan.Second}},
		"a failover that a new object asks for is no word for it":     {begun(), func(f *plan.Facts) { f.Ask, f.At(plan.Second).Report.InUse = plan.Failover, true }, nil, plan.Wait{plan.HomeAgreed, plan.Second}},
		"a peer that is not in sync yet is waited for":                {begun(), func(f *plan.Facts) { f.At(plan.Second).Report.State = plan.Between }, nil, plan.Wait{plan.BeingSecondary, plan.Second}},
		"a preferred cluster that answered as a peer, and has it, gets the role": {begun(), func(f *plan.Facts) {
			f.At(plan.First).Wish.Role, f.At(plan.First).Report = plan.Secondary, plan.Report{View: plan.Present, Answered: true, InUse: true}
		}, &plan.Write{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary, For: plan.Relocate, Promote: true}, plan.Wait{}},
		"and does so though the peer can't be in sync before": {begun(), func(f *plan.Facts) {
			f.At(plan.First).Wish.Role, f.At(plan.First).Report = plan.Secondary, plan.Report{View: plan.Present, Answered: true, InUse: true}
			f.At(plan.Second).Report.Level = false
		}, &plan.Write{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary, For: plan.Relocate, Promote: true}, plan.Wait{}},
		"a preferred cluster that was not heard yet is waited for": {begun(), func(f *plan.Facts) {
			f.At(plan.First).Wish.Role, f.At(plan.First).Report = plan.Secondary, plan.Report{View: plan.Present}
		}, nil, plan.Wait{plan.Answer, plan.First}},
		"two that are Secondary: the one to be promoted has to be in sync": {begun(), func(f *plan.Facts) {
			f.At(plan.First).Wish.Role, f.At(plan.First).Report = plan.Secondary, plan.Report{View: plan.Present, Answered: true}
		}, nil, plan.Wait{plan.BeingSecondary, plan.First}},
		"a relocate that a former hub began sends the workload away": {begun(), func(f *plan.Facts) {
			f.Ask, f.At(plan.First).Wish.Role, f.At(plan.First).Report = plan.Relocate, plan.Secondary, plan.Report{View: plan.Present, Answered: true, State: plan.IsSecondary, Level: true, Ready: true}
			f.At(plan.Second).Report.State, f.At(plan.Second).Report.InUse = plan.Between, true
		}, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Gone, plan.Gone}}, plan.Wait{}},
		"but nobody's claims": {begun(), func(f *plan.Facts) {
			f.Ask, f.At(plan.First).Wish.Role, f.At(plan.First).Report = plan.Relocate, plan.Secondary, plan.Report{View: plan.Present, Answered: true, State: plan.IsSecondary, Level: true, Ready: true}
			f.At(plan.Second).Report.InUse, f.At(plan.Second).Report.Conflict = true, true
		}, nil, plan.Wait{plan.HomeAgreed, plan.Second}},

		"a failover that found nothing waits where nothing is known of the source": {failed(), func(f *plan.Facts) {
			f.At(plan.First).Report, f.At(plan.Second).Report.Volumes = plan.Report{}, false
		}, nil, plan.Wait{plan.LossAccepted, plan.Second}},
		"a failover that found something does not": {failed(), func(f *plan.Facts) { f.At(plan.First).Report = plan.Report{} },
			&plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.RunHere}}, plan.Wait{}},
		"what an earlier protection left on the source does not count": {failed(), func(f *plan.Facts) {
			f.At(plan.First).Report, f.At(plan.First).Wish, f.At(plan.Second).Report.Volumes = plan.Report{}, plan.Wish{Former: true}, false
		}, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.RunHere}}, plan.Wait{}},
		"a new hub that finds a Primary without volumes waits for no word": {adopted(), func(f *plan.Facts) {
			f.At(plan.First).Report.Volumes, f.At(plan.Second).Report = false, plan.Report{}
		}, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.RunHere, plan.Retain}}, plan.Wait{}},

		"a new hub leaves a peer alone that has not answered":   {adopted(), func(f *plan.Facts) { f.At(plan.Second).Report.Answered = false }, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.RunHere, plan.Retain}}, plan.Wait{}},
		"a new hub publishes nothing while the peer is in use":  {adopted(), func(f *plan.Facts) { f.At(plan.Second).Report.InUse = true }, nil, plan.Wait{plan.HomeAgreed, plan.Second}},
		"a new hub publishes nothing while the peer has claims": {adopted(), func(f *plan.Facts) { f.At(plan.Second).Report.Conflict = true }, nil, plan.Wait{plan.HomeAgreed, plan.Second}},
		"a failover to where the roles are is the user's word":  {adopted(), func(f *plan.Facts) { f.Ask, f.At(plan.Second).Report.InUse = plan.Failover, true }, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.RunHere, plan.Gone}}, plan.Wait{}},
		"and so is a relocate":                                  {adopted(), func(f *plan.Facts) { f.Ask, f.At(plan.Second).Report.InUse = plan.Relocate, true }, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.RunHere, plan.Gone}}, plan.Wait{}},
		"and so is a failover that named no cluster and led there": {adopted(), func(f *plan.Facts) {
			f.Ask, f.Target, f.At(plan.First).Wish.For, f.At(plan.Second).Report.InUse = plan.Failover, plan.Nowhere, plan.Failover, true
		}, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.RunHere, plan.Gone}}, plan.Wait{}},
		"but the claims of the peer are left alone": {adopted(), func(f *plan.Facts) { f.Ask, f.At(plan.Second).Report.Conflict = plan.Relocate, true }, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.RunHere, plan.Retain}}, plan.Wait{}},
		"a relocate to where the workload is, for protection began on the wrong side": {adopted(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Relocate, plan.Second
			f.At(plan.First).Report.Volumes, f.At(plan.Second).Report.InUse, f.At(plan.Second).Report.Conflict = false, true, true
		}, &plan.Write{Kind: plan.PutWish, Side: plan.First, Role: plan.Secondary, For: plan.Relocate}, plan.Wait{}},
		"a relocate to where the workload is, too": {adopted(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Relocate, plan.Second
			f.At(plan.Second).Report.InUse, f.At(plan.Second).Report.Conflict = true, true
		}, nil, plan.Wait{plan.HomeAgreed, plan.Second}},
		"a failover to where the workload is": {begun(), func(f *plan.Facts) {
			f.Ask, f.Target = plan.Failover, plan.Second
			f.At(plan.Second).Report.InUse, f.At(plan.Second).Report.Conflict = true, true
		}, &plan.Write{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary, For: plan.Failover, Promote: true}, plan.Wait{}},

		"claims of the failed side that nobody replicates keep its workload": {failed(), func(f *plan.Facts) {
			f.At(plan.Second).Decision, f.At(plan.First).Wish = plan.RunHere, plan.Wish{Role: plan.Secondary, For: plan.Failover, Epoch: 2}
			f.At(plan.First).Report.State, f.At(plan.First).Report.Conflict = plan.Between, true
		}, nil, plan.Wait{plan.ConflictFree, plan.First}},
		"until the user accepts the loss": {failed(), func(f *plan.Facts) {
			f.Accepted, f.At(plan.Second).Decision, f.At(plan.First).Wish = true, plan.RunHere, plan.Wish{Role: plan.Secondary, For: plan.Failover, Epoch: 2}
			f.At(plan.First).Report.State, f.At(plan.First).Report.Conflict = plan.Between, true
		}, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Gone, plan.RunHere}}, plan.Wait{}},
		"claims on a peer at rest are told": {home(), func(f *plan.Facts) { f.At(plan.Second).Report.Conflict = true }, nil, plan.Wait{plan.ConflictFree, plan.Second}},

		"a failover that restored volumes runs the workload":              {failed(), func(*plan.Facts) {}, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.RunHere}}, plan.Wait{}},
		"a failover that found nothing waits, for the source had volumes": {failed(), func(f *plan.Facts) { f.At(plan.Second).Report.Volumes = false }, nil, plan.Wait{plan.LossAccepted, plan.Second}},
		"a failover that found nothing waits for no silent word": {failed(), func(f *plan.Facts) {
			f.At(plan.Second).Report.Volumes, f.Ask, f.Target = false, plan.Stay, plan.First
		}, nil, plan.Wait{plan.LossAccepted, plan.Second}},
		"a failover that found nothing goes on if that is accepted": {failed(), func(f *plan.Facts) { f.At(plan.Second).Report.Volumes, f.Accepted = false, true },
			&plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.RunHere}}, plan.Wait{}},
		"a failover of an application without volumes waits for nobody": {failed(), func(f *plan.Facts) { f.At(plan.First).Report.Volumes, f.At(plan.Second).Report.Volumes = false, false },
			&plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.RunHere}}, plan.Wait{}},

		"a relocate does not begin while claims are on the target": {moving(), func(f *plan.Facts) {
			f.At(plan.First).Wish.FinalSync, f.At(plan.Second).Report.Conflict = plan.NoFinalSync, true
		}, nil, plan.Wait{plan.ConflictFree, plan.Second}},
		"a relocate does not begin while a volume has no place there": {moving(), func(f *plan.Facts) {
			f.At(plan.First).Wish.FinalSync, f.At(plan.First).Report.Unplaced = plan.NoFinalSync, true
		}, nil, plan.Wait{plan.BeingPlaced, plan.First}},
		"a prepared relocate takes the workload away":           {moving(), func(*plan.Facts) {}, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Gone, plan.Gone}}, plan.Wait{}},
		"a claim that is not stored takes the preparation back": {moving(), func(f *plan.Facts) { f.At(plan.First).Report.Protected = false }, &unmove, plan.Wait{}},
		"a claim that is not ready takes the preparation back":  {moving(), func(f *plan.Facts) { f.At(plan.First).Report.Ready = false }, &unmove, plan.Wait{}},
		"a claim that has no place takes the preparation back":  {moving(), func(f *plan.Facts) { f.At(plan.First).Report.Unplaced, f.At(plan.First).Report.Prepared = true, false }, &unmove, plan.Wait{}},
		"a claim on the target takes the preparation back":      {moving(), func(f *plan.Facts) { f.At(plan.Second).Report.Conflict = true }, &unmove, plan.Wait{}},
		"a target that breaks does not stop that": {moving(), func(f *plan.Facts) {
			f.At(plan.First).Report.Protected, f.At(plan.Second).Report.State = false, plan.Between
		}, &unmove, plan.Wait{}},
		"a source that does not answer is not judged":                   {moving(), func(f *plan.Facts) { f.At(plan.First).Report = plan.Report{View: plan.Present} }, nil, plan.Wait{plan.Answer, plan.First}},
		"claims that leave with the workload take nothing back":         {moving(), func(f *plan.Facts) { f.At(plan.First).Report.Ready, f.At(plan.First).Decision = false, plan.Gone }, &plan.Write{Kind: plan.PutWish, Side: plan.First, Role: plan.Primary, FinalSync: plan.Run, For: plan.Relocate}, plan.Wait{}},
		"a final synchronization of all that is stored ends the source": {running(), func(*plan.Facts) {}, &plan.Write{Kind: plan.PutWish, Side: plan.First, Role: plan.Secondary, For: plan.Relocate}, plan.Wait{}},
		"a claim that is not stored holds it":                           {running(), func(f *plan.Facts) { f.At(plan.First).Report.Protected = false }, nil, plan.Wait{plan.BeingProtected, plan.First}},
		"a claim on the target holds it":                                {running(), func(f *plan.Facts) { f.At(plan.Second).Report.Conflict = true }, nil, plan.Wait{plan.ConflictFree, plan.Second}},

		"a failover back takes no workload away whose claims nobody has replicated": {failed(), func(f *plan.Facts) {
			f.Target, f.At(plan.Second).Decision = plan.First, plan.RunHere
			f.At(plan.First).Wish, f.At(plan.First).Report.State = plan.Wish{Role: plan.Secondary, For: plan.Failover, Epoch: 2}, plan.Between
			f.At(plan.First).Report.Conflict = true
		}, nil, plan.Wait{plan.BeingSecondary, plan.First}},

		"a cleared failover is noted though the peer is not in sync": {failed(), func(f *plan.Facts) {
			f.Ask, f.Target, f.At(plan.Second).Decision, f.At(plan.First).Decision = plan.Stay, plan.First, plan.RunHere, plan.Gone
			f.At(plan.First).Wish, f.At(plan.First).Report.State = plan.Wish{Role: plan.Secondary, For: plan.Failover, Epoch: 2}, plan.Between
		}, &plan.Write{Kind: plan.PutWish, Side: plan.Second, Role: plan.Primary}, plan.Wait{}},
		"so that the next one that names no cluster goes to the other one": {failed(), func(f *plan.Facts) {
			f.Target, f.At(plan.Second).Decision, f.At(plan.First).Decision = plan.Nowhere, plan.RunHere, plan.Gone
			f.At(plan.Second).Live, f.At(plan.Second).Wish.For = false, plan.Stay
			f.At(plan.First).Wish, f.At(plan.First).Report.State = plan.Wish{Role: plan.Secondary, For: plan.Failover, Epoch: 2}, plan.IsSecondary
		}, &plan.Write{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Gone, plan.Retain}}, plan.Wait{}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.edit(&tc.facts)
			p := plan.Decide(tc.facts)
			assert.Equal(t, tc.wait, p.Wait)
			assert.Empty(t, unexplained(tc.facts))
			if tc.write == nil {
				assert.Empty(t, p.Writes)
				return
			}
			if assert.NotEmpty(t, p.Writes) {
				assert.Equal(t, *tc.write, p.Writes[0])
			}
		})
	}
}
