// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// TestWhatBeginsAProtection : only what nobody is Primary of, and this hub has told nobody where to run; or what nobody has a role for.
func TestWhatBeginsAProtection(t *testing.T) {
	untold := func(f *plan.Facts) { f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold }
	f := home()
	f.At(plan.Second).Wish.Role = plan.Primary
	untold(&f)
	assert.Equal(t, plan.Wait{Fact: plan.ConflictSolved}, plan.Decide(f).Wait, "two Primaries of one epoch are no beginning, even if no cluster was told")

	for name, edit := range map[string]func(*plan.Facts){
		"a new one": func(*plan.Facts) {},
		"one whose wishes are gone, and whose workload was sent away": func(f *plan.Facts) {
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Gone, plan.Gone
		},
	} {
		f := both()
		edit(&f)
		got := plan.Decide(f)
		if assert.NotEmpty(t, got.Writes, name) {
			assert.Equal(t, plan.Second, got.Writes[0].Side, "%s: the peer first", name)
			assert.Equal(t, plan.Deploying, got.Phase, name)
		}
	}

	f = both()
	f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Gone, plan.Gone
	f.At(plan.First).Live, f.At(plan.First).Report.View = false, plan.Unknown
	f.Target = plan.Second
	got := plan.Decide(f)
	assert.Empty(t, got.Writes, "nobody knows what runs there")
	assert.Equal(t, plan.First, got.Wait.On)

	f = both()
	f.Ask, f.Target = plan.Failover, plan.Second
	f.At(plan.First).Wish.Former, f.At(plan.First).Live, f.At(plan.First).Report.View = true, false, plan.Unknown
	assert.Equal(t, plan.Second, plan.Decide(f).Writes[0].Side, "the peer was given up for an earlier protection, and is lost")
	f.Usable = false
	assert.Empty(t, plan.Decide(f).Writes, "not with a policy that can't be used")
	f.Usable = true
	f.At(plan.Second).Report = plan.Report{View: plan.Present, Foreign: true}
	assert.Empty(t, plan.Decide(f).Writes, "not where the survivor lacks something")
	f.At(plan.Second).Report = plan.Report{View: plan.Present}
	assert.Empty(t, plan.Decide(f).Writes, "as when something of an earlier life is there")
}

// TestABeginningMovesNothingThatRuns : of an application that an earlier hub left between two clusters, and that is in use where it is not
// wanted, only a relocate that the user asks for sends the workload away (I9).
func TestABeginningMovesNothingThatRuns(t *testing.T) {
	between := func(ask plan.Ask) plan.Facts {
		f := both()
		f.Ask = ask
		for i := range f.Clusters {
			f.Clusters[i].Wish = plan.Wish{Role: plan.Secondary, Epoch: 1}
			f.Clusters[i].Report = plan.Report{View: plan.Present, Answered: true, State: plan.IsSecondary, Level: true, Ready: true}
		}
		f.At(plan.Second).Report.InUse = true
		return f
	}
	got := plan.Decide(between(plan.Stay))
	assert.Empty(t, got.Writes)
	assert.Equal(t, plan.Wait{Fact: plan.HomeAgreed, On: plan.Second}, got.Wait)
	got = plan.Decide(between(plan.Relocate))
	if assert.NotEmpty(t, got.Writes) {
		assert.Equal(t, plan.Publish, got.Writes[0].Kind)
	}
}

// TestABeginningBetweenTwoSecondaries promotes the one that is wanted, and in use, once its peer is Secondary, though not in sync.
func TestABeginningBetweenTwoSecondaries(t *testing.T) {
	between := func(edit func(at, peer *plan.Report)) plan.Facts {
		f := both()
		for i := range f.Clusters {
			f.Clusters[i].Wish = plan.Wish{Role: plan.Secondary, Epoch: 1}
			f.Clusters[i].Report = plan.Report{View: plan.Present, Answered: true, State: plan.IsSecondary, Level: true, Ready: true}
		}
		edit(&f.At(plan.First).Report, &f.At(plan.Second).Report)
		return f
	}
	unusable := between(func(_, _ *plan.Report) {})
	unusable.Usable = false
	assert.NotEmpty(t, plan.Decide(unusable).Writes, "what was protected is not held up by a policy")
	relocated := between(func(_, _ *plan.Report) {})
	relocated.Ask = plan.Relocate
	assert.Equal(t, plan.Relocating, plan.Decide(relocated).Phase)
	for name, tc := range map[string]struct {
		edit     func(at, peer *plan.Report)
		promotes bool
	}{
		"both are in sync":                                     {func(_, _ *plan.Report) {}, true},
		"the peer is not in sync":                              {func(_, peer *plan.Report) { peer.Level = false }, false},
		"it is not, and the wanted one is in use":              {func(at, peer *plan.Report) { at.InUse, peer.Level = true, false }, true},
		"the peer is no Secondary yet":                         {func(at, peer *plan.Report) { at.InUse, peer.State, peer.Level = true, plan.Between, false }, false},
		"the wanted one is not in sync":                        {func(at, _ *plan.Report) { at.Level = false }, false},
		"it is not, and has claims that were never replicated": {func(at, _ *plan.Report) { at.Conflict, at.Level = true, false }, true},
		"it is not, and in use, so that it can't be":           {func(at, peer *plan.Report) { at.InUse, at.State, at.Level = true, plan.Between, false }, true},
	} {
		got := plan.Decide(between(tc.edit))
		assert.Equal(t, tc.promotes, len(got.Writes) > 0, "%s: %+v", name, got)
	}
}

// TestWhatIsAdoptedOfASideThatIsAlone : a failover to the side that is seen is the user's word that the other one is lost; and what was
// seen before its link was lost says nothing of the Primary that it follows.
func TestWhatIsAdoptedOfASideThatIsAlone(t *testing.T) {
	f := both()
	f.Ask, f.Target = plan.Failover, plan.Second
	f.At(plan.First).Live, f.At(plan.First).Report.View = false, plan.Unknown
	f.At(plan.Second).Report = plan.Report{View: plan.Present, Orphan: true, Claim: plan.Primary}
	assert.Equal(t, []plan.Write{{Kind: plan.AdoptWish, Side: plan.Second}}, plan.Decide(f).Writes)
	f.Target = plan.First
	assert.Empty(t, plan.Decide(f).Writes, "the other way it is no word about the one that is not seen")
	f.Ask, f.Target = plan.Stay, plan.Second
	assert.Empty(t, plan.Decide(f).Writes)

	f = both()
	f.At(plan.First).Live = false
	f.At(plan.First).Report = plan.Report{View: plan.Present, Orphan: true, Claim: plan.Secondary}
	assert.Equal(t, plan.Wait{Fact: plan.InboxComplete, On: plan.First}, plan.Decide(f).Wait)
}

// TestNoProtectionBeginsBetweenTwoSecondariesOfWhichOneIsBeingDeleted: nothing says which one has all data.
func TestNoProtectionBeginsBetweenTwoSecondariesOfWhichOneIsBeingDeleted(t *testing.T) {
	for _, s := range []plan.Side{plan.First, plan.Second} {
		f := both()
		for i := range f.Clusters {
			f.Clusters[i].Wish = plan.Wish{Role: plan.Secondary, Epoch: 1}
			f.Clusters[i].Report = plan.Report{View: plan.Present, Answered: true, State: plan.IsSecondary, Level: true, Ready: true}
		}
		f.At(s).Wish.Deleting = true
		assert.Equal(t, plan.NewWait(plan.WaitForUser, plan.Paused, s, plan.HomeNamed), plan.Decide(f))
	}
}

// TestWhatABeginningWaitsForWhereOneClusterIsNotSeen: the user is asked only if the other one has something to be adopted, and may have
// said already that the cluster is given up.
func TestWhatABeginningWaitsForWhereOneClusterIsNotSeen(t *testing.T) {
	for _, s := range []plan.Side{plan.First, plan.Second} {
		f := both()
		f.At(s).Live, f.At(s).Report.View = false, plan.Unknown
		assert.Equal(t, plan.NewWait(plan.Initiating, plan.Paused, s, plan.InboxComplete), plan.Decide(f))
		f.At(s.Peer()).Report = plan.Report{View: plan.Present, Orphan: true, Claim: plan.Primary}
		assert.Equal(t, plan.NewWait(plan.WaitForUser, plan.Paused, s, plan.InboxComplete), plan.Decide(f))
		f.At(s).Abandon = true
		assert.Equal(t, []plan.Write{{Kind: plan.AdoptWish, Side: s.Peer()}}, plan.Decide(f).Writes)
	}
}
