// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// begun are facts of an application whose peer was told its role, and answered; the first cluster is preferred.
func begun() Facts {
	f := both()
	f.Clusters[1] = Cluster{Live: true, Wish: Wish{Role: Secondary, Epoch: 1},
		Report: Report{View: Present, Answered: true, State: IsSecondary, Level: true, Ready: true}}
	return f
}

// adopted are facts of an application that runs, healthy, on the first cluster, under a hub that has published nothing.
func adopted() Facts {
	f := home()
	f.At(First).Decision, f.At(Second).Decision = Untold, Untold
	return f
}

// failed are facts of a failover to the second cluster, which is Primary by now.
func failed() Facts {
	f := home()
	f.Ask, f.Target = Failover, Second
	f.At(First).Decision = Retain
	f.Clusters[1] = Cluster{Live: true, Decision: Gone, Wish: Wish{Role: Primary, For: Failover, Epoch: 2},
		Report: Report{View: Present, Answered: true, State: IsPrimary, Ready: true, Volumes: true}}
	return f
}

// moving are facts of a relocate to the second cluster whose source is prepared.
func moving() Facts {
	f := home()
	f.Ask, f.Target = Relocate, Second
	f.At(First).Wish.FinalSync, f.At(First).Report.Prepared = Prepare, true
	return f
}

// running are facts of a relocate to the second cluster whose final synchronization is done.
func running() Facts {
	f := moving()
	f.At(First).Wish.FinalSync, f.At(First).Report.Synced, f.At(First).Report.Ready, f.At(First).Decision = Run, true, false, Gone
	return f
}

// TestWhatRunsIsNeverMovedOrEmptied: I9, by what both clusters say. Each row has what is written, or what is waited for.
func TestWhatRunsIsNeverMovedOrEmptied(t *testing.T) {
	primary := Write{Kind: PutWish, Side: First, Role: Primary, Promote: true}
	unmove := Write{Kind: PutWish, Side: First, Role: Primary, For: Relocate}
	for name, tc := range map[string]struct {
		facts Facts
		edit  func(*Facts)
		write *Write
		wait  Wait
	}{
		"protection begins once the peer says that nothing is there":  {begun(), func(*Facts) {}, &primary, Wait{}},
		"protection does not begin before the peer answers":           {begun(), func(f *Facts) { f.At(Second).Report.Answered = false }, nil, Wait{Answer, Second}},
		"protection does not begin while the workload is on the peer": {begun(), func(f *Facts) { f.At(Second).Report.InUse = true }, nil, Wait{HomeAgreed, Second}},
		"protection does not begin while claims are on the peer":      {begun(), func(f *Facts) { f.At(Second).Report.Conflict = true }, nil, Wait{HomeAgreed, Second}},
		"a relocate is no word for it that the workload is elsewhere": {begun(), func(f *Facts) { f.Ask, f.At(Second).Report.InUse = Relocate, true }, nil, Wait{HomeAgreed, Second}},
		"a failover that a new object asks for is no word for it":     {begun(), func(f *Facts) { f.Ask, f.At(Second).Report.InUse = Failover, true }, nil, Wait{HomeAgreed, Second}},
		"a peer that is not in sync yet is waited for":                {begun(), func(f *Facts) { f.At(Second).Report.State = Between }, nil, Wait{BeingSecondary, Second}},
		"a preferred cluster that answered as a peer, and has it, gets the role": {begun(), func(f *Facts) {
			f.At(First).Wish.Role, f.At(First).Report = Secondary, Report{View: Present, Answered: true, InUse: true}
		}, &Write{Kind: PutWish, Side: First, Role: Primary, For: Relocate, Promote: true}, Wait{}},
		"and does so though the peer can't be in sync before": {begun(), func(f *Facts) {
			f.At(First).Wish.Role, f.At(First).Report = Secondary, Report{View: Present, Answered: true, InUse: true}
			f.At(Second).Report.Level = false
		}, &Write{Kind: PutWish, Side: First, Role: Primary, For: Relocate, Promote: true}, Wait{}},
		"a preferred cluster that was not heard yet is waited for": {begun(), func(f *Facts) {
			f.At(First).Wish.Role, f.At(First).Report = Secondary, Report{View: Present}
		}, nil, Wait{Answer, First}},
		"two that are Secondary: the one to be promoted has to be in sync": {begun(), func(f *Facts) {
			f.At(First).Wish.Role, f.At(First).Report = Secondary, Report{View: Present, Answered: true}
		}, nil, Wait{BeingSecondary, First}},
		"a relocate that a former hub began sends the workload away": {begun(), func(f *Facts) {
			f.Ask, f.At(First).Wish.Role, f.At(First).Report = Relocate, Secondary, Report{View: Present, Answered: true, State: IsSecondary, Level: true, Ready: true}
			f.At(Second).Report.State, f.At(Second).Report.InUse = Between, true
		}, &Write{Kind: Publish, Decisions: [2]Decision{Gone, Gone}}, Wait{}},
		"but nobody's claims": {begun(), func(f *Facts) {
			f.Ask, f.At(First).Wish.Role, f.At(First).Report = Relocate, Secondary, Report{View: Present, Answered: true, State: IsSecondary, Level: true, Ready: true}
			f.At(Second).Report.InUse, f.At(Second).Report.Conflict = true, true
		}, nil, Wait{HomeAgreed, Second}},

		"a failover that found nothing waits where nothing is known of the source": {failed(), func(f *Facts) {
			f.At(First).Report, f.At(Second).Report.Volumes = Report{}, false
		}, nil, Wait{LossAccepted, Second}},
		"a failover that found something does not": {failed(), func(f *Facts) { f.At(First).Report = Report{} },
			&Write{Kind: Publish, Decisions: [2]Decision{Retain, RunHere}}, Wait{}},
		"what an earlier protection left on the source does not count": {failed(), func(f *Facts) {
			f.At(First).Report, f.At(First).Wish, f.At(Second).Report.Volumes = Report{}, Wish{Former: true}, false
		}, &Write{Kind: Publish, Decisions: [2]Decision{Retain, RunHere}}, Wait{}},
		"a new hub that finds a Primary without volumes waits for no word": {adopted(), func(f *Facts) {
			f.At(First).Report.Volumes, f.At(Second).Report = false, Report{}
		}, &Write{Kind: Publish, Decisions: [2]Decision{RunHere, Retain}}, Wait{}},

		"a new hub leaves a peer alone that has not answered":   {adopted(), func(f *Facts) { f.At(Second).Report.Answered = false }, &Write{Kind: Publish, Decisions: [2]Decision{RunHere, Retain}}, Wait{}},
		"a new hub publishes nothing while the peer is in use":  {adopted(), func(f *Facts) { f.At(Second).Report.InUse = true }, nil, Wait{HomeAgreed, Second}},
		"a new hub publishes nothing while the peer has claims": {adopted(), func(f *Facts) { f.At(Second).Report.Conflict = true }, nil, Wait{HomeAgreed, Second}},
		"a failover to where the roles are is the user's word":  {adopted(), func(f *Facts) { f.Ask, f.At(Second).Report.InUse = Failover, true }, &Write{Kind: Publish, Decisions: [2]Decision{RunHere, Gone}}, Wait{}},
		"and so is a relocate":                                  {adopted(), func(f *Facts) { f.Ask, f.At(Second).Report.InUse = Relocate, true }, &Write{Kind: Publish, Decisions: [2]Decision{RunHere, Gone}}, Wait{}},
		"and so is a failover that named no cluster and led there": {adopted(), func(f *Facts) {
			f.Ask, f.Target, f.At(First).Wish.For, f.At(Second).Report.InUse = Failover, Nowhere, Failover, true
		}, &Write{Kind: Publish, Decisions: [2]Decision{RunHere, Gone}}, Wait{}},
		"but the claims of the peer are left alone": {adopted(), func(f *Facts) { f.Ask, f.At(Second).Report.Conflict = Relocate, true }, &Write{Kind: Publish, Decisions: [2]Decision{RunHere, Retain}}, Wait{}},
		"a relocate to where the workload is, for protection began on the wrong side": {adopted(), func(f *Facts) {
			f.Ask, f.Target = Relocate, Second
			f.At(First).Report.Volumes, f.At(Second).Report.InUse, f.At(Second).Report.Conflict = false, true, true
		}, &Write{Kind: PutWish, Side: First, Role: Secondary, For: Relocate}, Wait{}},
		"a relocate to where the workload is, too": {adopted(), func(f *Facts) {
			f.Ask, f.Target = Relocate, Second
			f.At(Second).Report.InUse, f.At(Second).Report.Conflict = true, true
		}, nil, Wait{HomeAgreed, Second}},
		"a failover to where the workload is": {begun(), func(f *Facts) {
			f.Ask, f.Target = Failover, Second
			f.At(Second).Report.InUse, f.At(Second).Report.Conflict = true, true
		}, &Write{Kind: PutWish, Side: Second, Role: Primary, For: Failover, Promote: true}, Wait{}},

		"claims of the failed side that nobody replicates keep its workload": {failed(), func(f *Facts) {
			f.At(Second).Decision, f.At(First).Wish = RunHere, Wish{Role: Secondary, For: Failover, Epoch: 2}
			f.At(First).Report.State, f.At(First).Report.Conflict = Between, true
		}, nil, Wait{ConflictFree, First}},
		"until the user accepts the loss": {failed(), func(f *Facts) {
			f.Accepted, f.At(Second).Decision, f.At(First).Wish = true, RunHere, Wish{Role: Secondary, For: Failover, Epoch: 2}
			f.At(First).Report.State, f.At(First).Report.Conflict = Between, true
		}, &Write{Kind: Publish, Decisions: [2]Decision{Gone, RunHere}}, Wait{}},
		"claims on a peer at rest are told": {home(), func(f *Facts) { f.At(Second).Report.Conflict = true }, nil, Wait{ConflictFree, Second}},

		"a failover that restored volumes runs the workload":              {failed(), func(*Facts) {}, &Write{Kind: Publish, Decisions: [2]Decision{Retain, RunHere}}, Wait{}},
		"a failover that found nothing waits, for the source had volumes": {failed(), func(f *Facts) { f.At(Second).Report.Volumes = false }, nil, Wait{LossAccepted, Second}},
		"a failover that found nothing waits for no silent word": {failed(), func(f *Facts) {
			f.At(Second).Report.Volumes, f.Ask, f.Target = false, Stay, First
		}, nil, Wait{LossAccepted, Second}},
		"a failover that found nothing goes on if that is accepted": {failed(), func(f *Facts) { f.At(Second).Report.Volumes, f.Accepted = false, true },
			&Write{Kind: Publish, Decisions: [2]Decision{Retain, RunHere}}, Wait{}},
		"a failover of an application without volumes waits for nobody": {failed(), func(f *Facts) { f.At(First).Report.Volumes, f.At(Second).Report.Volumes = false, false },
			&Write{Kind: Publish, Decisions: [2]Decision{Retain, RunHere}}, Wait{}},

		"a relocate does not begin while claims are on the target":      {moving(), func(f *Facts) { f.At(First).Wish.FinalSync, f.At(Second).Report.Conflict = NoFinalSync, true }, nil, Wait{ConflictFree, Second}},
		"a relocate does not begin while a volume has no place there":   {moving(), func(f *Facts) { f.At(First).Wish.FinalSync, f.At(First).Report.Unplaced = NoFinalSync, true }, nil, Wait{BeingPlaced, First}},
		"a prepared relocate takes the workload away":                   {moving(), func(*Facts) {}, &Write{Kind: Publish, Decisions: [2]Decision{Gone, Gone}}, Wait{}},
		"a claim that is not stored takes the preparation back":         {moving(), func(f *Facts) { f.At(First).Report.Protected = false }, &unmove, Wait{}},
		"a claim that is not ready takes the preparation back":          {moving(), func(f *Facts) { f.At(First).Report.Ready = false }, &unmove, Wait{}},
		"a claim that has no place takes the preparation back":          {moving(), func(f *Facts) { f.At(First).Report.Unplaced, f.At(First).Report.Prepared = true, false }, &unmove, Wait{}},
		"a claim on the target takes the preparation back":              {moving(), func(f *Facts) { f.At(Second).Report.Conflict = true }, &unmove, Wait{}},
		"a target that breaks does not stop that":                       {moving(), func(f *Facts) { f.At(First).Report.Protected, f.At(Second).Report.State = false, Between }, &unmove, Wait{}},
		"a source that does not answer is not judged":                   {moving(), func(f *Facts) { f.At(First).Report = Report{View: Present} }, nil, Wait{Answer, First}},
		"claims that leave with the workload take nothing back":         {moving(), func(f *Facts) { f.At(First).Report.Ready, f.At(First).Decision = false, Gone }, &Write{Kind: PutWish, Side: First, Role: Primary, FinalSync: Run, For: Relocate}, Wait{}},
		"a final synchronization of all that is stored ends the source": {running(), func(*Facts) {}, &Write{Kind: PutWish, Side: First, Role: Secondary, For: Relocate}, Wait{}},
		"a claim that is not stored holds it":                           {running(), func(f *Facts) { f.At(First).Report.Protected = false }, nil, Wait{BeingProtected, First}},
		"a claim on the target holds it":                                {running(), func(f *Facts) { f.At(Second).Report.Conflict = true }, nil, Wait{ConflictFree, Second}},

		"a failover back takes no workload away whose claims nobody has replicated": {failed(), func(f *Facts) {
			f.Target, f.At(Second).Decision = First, RunHere
			f.At(First).Wish, f.At(First).Report.State = Wish{Role: Secondary, For: Failover, Epoch: 2}, Between
			f.At(First).Report.Conflict = true
		}, nil, Wait{BeingSecondary, First}},

		"a cleared failover is noted though the peer is not in sync": {failed(), func(f *Facts) {
			f.Ask, f.Target, f.At(Second).Decision, f.At(First).Decision = Stay, First, RunHere, Gone
			f.At(First).Wish, f.At(First).Report.State = Wish{Role: Secondary, For: Failover, Epoch: 2}, Between
		}, &Write{Kind: PutWish, Side: Second, Role: Primary}, Wait{}},
		"so that the next one that names no cluster goes to the other one": {failed(), func(f *Facts) {
			f.Target, f.At(Second).Decision, f.At(First).Decision = Nowhere, RunHere, Gone
			f.At(Second).Live, f.At(Second).Wish.For = false, Stay
			f.At(First).Wish, f.At(First).Report.State = Wish{Role: Secondary, For: Failover, Epoch: 2}, IsSecondary
		}, &Write{Kind: Publish, Decisions: [2]Decision{Gone, Retain}}, Wait{}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.edit(&tc.facts)
			p := Decide(tc.facts)
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
