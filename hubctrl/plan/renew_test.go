// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// Facts of an application that runs on the first cluster, of which wishes were deleted by hand.

func obeyed(c *plan.Cluster) {
	c.Wish.Deleting, c.Report = true, plan.Report{View: plan.Absent, Removed: true}
}

func dropped(c *plan.Cluster) { c.Wish, c.Report = plan.Wish{}, plan.Report{View: plan.Absent} }

func lost(c *plan.Cluster) { c.Live = false }

func asks(f *plan.Facts, a plan.Ask, t plan.Side) { f.Ask, f.Target = a, t }

func TestADeletedWishIsWaitedFor(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*plan.Facts)
		want plan.Wait
	}{
		"a secondary's, until its object is gone":                  {func(f *plan.Facts) { f.At(plan.Second).Wish.Deleting = true }, plan.Wait{plan.ObjectGone, plan.Second}},
		"a secondary's, of a cluster out of reach":                 {func(f *plan.Facts) { f.At(plan.Second).Wish.Deleting = true; lost(f.At(plan.Second)) }, plan.Wait{plan.LinkIsLive, plan.Second}},
		"a primary's, until its object is gone":                    {func(f *plan.Facts) { f.At(plan.First).Wish.Deleting = true }, plan.Wait{plan.ObjectGone, plan.First}},
		"a primary's, of a cluster out of reach":                   {func(f *plan.Facts) { f.At(plan.First).Wish.Deleting = true; lost(f.At(plan.First)) }, plan.Wait{plan.LinkIsLive, plan.First}},
		"a secondary's that was obeyed, of a cluster out of reach": {func(f *plan.Facts) { obeyed(f.At(plan.Second)); lost(f.At(plan.Second)) }, plan.Wait{plan.LinkIsLive, plan.Second}},
		"a primary's that was obeyed, of a cluster out of reach":   {func(f *plan.Facts) { obeyed(f.At(plan.First)); lost(f.At(plan.First)) }, plan.Wait{plan.LinkIsLive, plan.First}},
		"both: the peer's first":                                   {func(f *plan.Facts) { obeyed(f.At(plan.First)); f.At(plan.Second).Wish.Deleting = true }, plan.Wait{plan.ObjectGone, plan.Second}},
		"the primary's while its peer can't be read":               {func(f *plan.Facts) { obeyed(f.At(plan.First)); lost(f.At(plan.Second)) }, plan.Wait{plan.LinkIsLive, plan.Second}},
		"the primary's while its peer may not have heard of its demotion": {func(f *plan.Facts) {
			obeyed(f.At(plan.First))
			f.At(plan.Second).Report.Answered = false
		}, plan.Wait{plan.Answer, plan.Second}},
		"the primary's while its peer may not have heard of its demotion, and has the workload still": {func(f *plan.Facts) {
			obeyed(f.At(plan.First))
			f.At(plan.Second).Report.Answered, f.At(plan.Second).Decision = false, plan.Retain
		}, plan.Wait{plan.Answer, plan.Second}},
		"the primary's while its peer is one still": {func(f *plan.Facts) {
			obeyed(f.At(plan.First))
			f.At(plan.Second).Report.State, f.At(plan.Second).Report.InUse = plan.IsPrimary, true
		}, plan.Wait{plan.WorkloadGone, plan.Second}},
		"the primary's while nothing is known of a peer without a wish": {func(f *plan.Facts) {
			obeyed(f.At(plan.First))
			dropped(f.At(plan.Second))
			f.At(plan.Second).Report.View = plan.Unknown
		}, plan.Wait{plan.InboxComplete, plan.Second}},
		"a primary's that is gone, while it is not known what lies there": {func(f *plan.Facts) {
			dropped(f.At(plan.First))
			f.At(plan.First).Report.View = plan.Unknown
		}, plan.Wait{plan.InboxComplete, plan.First}},
		"a failover to where the workload was, while it is not known what lies there": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.First)
			dropped(f.At(plan.First))
			lost(f.At(plan.First))
		}, plan.Wait{plan.InboxComplete, plan.First}},
		"a failover to a target whose wish was deleted": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.Second).Wish.Deleting = true
		}, plan.Wait{plan.ObjectGone, plan.Second}},
		"a failover to a target out of reach whose wish was deleted": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.Second).Wish.Deleting = true
			lost(f.At(plan.Second))
		}, plan.Wait{plan.LinkIsLive, plan.Second}},
		"a failover to a target that has nothing, until home is home again": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.First).Wish.Deleting = true
			dropped(f.At(plan.Second))
		}, plan.Wait{plan.ObjectGone, plan.First}},
		"a failover to a target that gives up what it has, until home is home again": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			dropped(f.At(plan.First))
			f.At(plan.Second).Wish.Deleting = true
		}, plan.Wait{plan.ObjectGone, plan.Second}},
		"a failover without a named target while nothing is home": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Nowhere)
			dropped(f.At(plan.First))
		}, plan.Wait{Fact: plan.TargetNamed}},
		"a source's after its workload left": {func(f *plan.Facts) {
			asks(f, plan.Relocate, plan.Second)
			obeyed(f.At(plan.First))
			f.At(plan.First).Decision = plan.Gone
		}, plan.Wait{plan.HomeNamed, plan.First}},
		"a home's before the first decision": {func(f *plan.Facts) {
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Untold, plan.Untold
			obeyed(f.At(plan.First))
		}, plan.Wait{plan.HomeNamed, plan.First}},
		"one between demotion and promotion": {func(f *plan.Facts) {
			asks(f, plan.Relocate, plan.Second)
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision = plan.Secondary, plan.Gone
			obeyed(f.At(plan.Second))
		}, plan.Wait{plan.HomeNamed, plan.Second}},
		"one of two primaries of one epoch": {func(f *plan.Facts) {
			f.At(plan.Second).Wish.Role = plan.Primary
			obeyed(f.At(plan.Second))
		}, plan.Wait{plan.HomeNamed, plan.Second}},
		"a failover to what gave up its copies between demotion and promotion": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision = plan.Secondary, plan.Gone
			obeyed(f.At(plan.Second))
		}, plan.Wait{plan.HomeNamed, plan.Second}},
		"a failover that is taken back to a side that has not obeyed yet": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.First)
			f.At(plan.First).Decision, f.At(plan.First).Wish.Deleting = plan.Retain, true
			f.At(plan.Second).Wish = plan.Wish{Role: plan.Primary, For: plan.Failover, Epoch: 2}
		}, plan.Wait{plan.ObjectGone, plan.First}},
		"that of a side which may have the workload alone, until the new home is ready": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.First).Decision = plan.Retain
			obeyed(f.At(plan.First))
			f.At(plan.Second).Wish = plan.Wish{Role: plan.Primary, For: plan.Failover, Epoch: 2}
		}, plan.Wait{plan.BeingPrimary, plan.Second}},
		"that of a side which may have the workload alone, and which is gone": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.First).Decision = plan.Retain
			dropped(f.At(plan.First))
			f.At(plan.Second).Wish = plan.Wish{Role: plan.Primary, For: plan.Failover, Epoch: 2}
		}, plan.Wait{plan.BeingPrimary, plan.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			tc.edit(&f)
			p := plan.Decide(f)
			assert.Empty(t, p.Writes)
			assert.Equal(t, tc.want, p.Wait)
			assert.Empty(t, unexplained(f))
		})
	}
}

func TestADeletedWishIsMadeAnew(t *testing.T) {
	drop := func(s plan.Side) plan.Write { return plan.Write{Kind: plan.DropWish, Side: s} }
	promotion := func(s plan.Side, why plan.Ask) plan.Write {
		return plan.Write{Kind: plan.PutWish, Side: s, Role: plan.Primary, For: why, Promote: true}
	}
	secondary := func(s plan.Side, why plan.Ask) plan.Write {
		return plan.Write{Kind: plan.PutWish, Side: s, Role: plan.Secondary, For: why}
	}
	for name, tc := range map[string]struct {
		edit func(*plan.Facts)
		want []plan.Write
	}{
		"a secondary's": {func(f *plan.Facts) { obeyed(f.At(plan.Second)) }, []plan.Write{drop(plan.Second)}},
		"a primary's":   {func(f *plan.Facts) { obeyed(f.At(plan.First)) }, []plan.Write{drop(plan.First), promotion(plan.First, plan.Stay)}},
		"a primary's after a crash between the two writes": {func(f *plan.Facts) { dropped(f.At(plan.First)) }, []plan.Write{promotion(plan.First, plan.Stay)}},
		"both: the peer's goes first":                      {func(f *plan.Facts) { obeyed(f.At(plan.First)); obeyed(f.At(plan.Second)) }, []plan.Write{drop(plan.Second)}},
		"both: where the workload is, whatever is preferred": {func(f *plan.Facts) {
			f.Target = plan.Second
			obeyed(f.At(plan.First))
			dropped(f.At(plan.Second))
		}, []plan.Write{drop(plan.First), promotion(plan.First, plan.Stay)}},
		"both, after a crash": {func(f *plan.Facts) {
			f.Target = plan.Second
			dropped(f.At(plan.First))
			dropped(f.At(plan.Second))
		}, []plan.Write{promotion(plan.First, plan.Stay)}},
		"a target's while it is relocated to":   {func(f *plan.Facts) { asks(f, plan.Relocate, plan.Second); obeyed(f.At(plan.Second)) }, []plan.Write{drop(plan.Second)}},
		"a target's while it is failed over to": {func(f *plan.Facts) { asks(f, plan.Failover, plan.Second); obeyed(f.At(plan.Second)) }, []plan.Write{drop(plan.Second)}},
		"a source's before its workload left": {func(f *plan.Facts) {
			asks(f, plan.Relocate, plan.Second)
			obeyed(f.At(plan.First))
			f.At(plan.First).Wish.FinalSync = plan.Prepare
		}, []plan.Write{drop(plan.First), promotion(plan.First, plan.Stay)}},
		"that of a failover's home, of which nothing else matters": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.First)
			obeyed(f.At(plan.First))
			lost(f.At(plan.Second))
		}, []plan.Write{drop(plan.First), promotion(plan.First, plan.Failover)}},
		"that of a failover's home, be the workload on the failed side still": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.First)
			obeyed(f.At(plan.First))
			lost(f.At(plan.Second))
			f.At(plan.Second).Decision = plan.Retain
		}, []plan.Write{drop(plan.First), promotion(plan.First, plan.Failover)}},
		"that of a failover without a named target, so that it does not swing back": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Nowhere)
			obeyed(f.At(plan.First))
			f.At(plan.First).Wish.For = plan.Failover
		}, []plan.Write{drop(plan.First), promotion(plan.First, plan.Failover)}},
		"a home's after the older primary was demoted": {func(f *plan.Facts) {
			obeyed(f.At(plan.First))
			f.At(plan.First).Wish.Epoch, f.At(plan.Second).Wish.Role, f.At(plan.Second).Decision = 2, plan.Primary, plan.Retain
		}, []plan.Write{secondary(plan.Second, plan.Failover)}},
		"a home's after the older primary is told to go": {func(f *plan.Facts) {
			obeyed(f.At(plan.First))
			f.At(plan.Second).Decision = plan.Retain
		}, []plan.Write{{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.RunHere, plan.Gone}}}},
		"a home's after a peer without a wish, that has the workload too, has one": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.First)
			obeyed(f.At(plan.First))
			dropped(f.At(plan.Second))
			f.At(plan.Second).Decision = plan.Retain
		}, []plan.Write{secondary(plan.Second, plan.Failover)}},
		"a home's from which a failover did not get away": {func(f *plan.Facts) {
			f.At(plan.First).Decision = plan.Retain
			dropped(f.At(plan.First))
		}, []plan.Write{promotion(plan.First, plan.Stay)}},
		"it stops no failover": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.First).Wish.Deleting = true
			lost(f.At(plan.First))
		}, []plan.Write{{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}}, promotion(plan.Second, plan.Failover)}},
		"it stops no failover where it was obeyed": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			dropped(f.At(plan.First))
		}, []plan.Write{{Kind: plan.Publish, Decisions: [2]plan.Decision{plan.Retain, plan.Gone}}, promotion(plan.Second, plan.Failover)}},
		"a failover that is taken back before the workload left promotes what never was less": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.First)
			f.At(plan.First).Decision = plan.Retain
			dropped(f.At(plan.First))
			f.At(plan.Second).Wish = plan.Wish{Role: plan.Primary, For: plan.Failover, Epoch: 2}
		}, []plan.Write{promotion(plan.First, plan.Failover)}},
		"a failover that is taken back after the workload left begins with a secondary": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.First)
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Retain, plan.RunHere
			dropped(f.At(plan.First))
			f.At(plan.Second).Wish = plan.Wish{Role: plan.Primary, For: plan.Failover, Epoch: 2}
		}, []plan.Write{secondary(plan.First, plan.Failover)}},
		"a failover that is taken back though the wish of its target was deleted too": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.First)
			f.At(plan.First).Decision = plan.Retain
			obeyed(f.At(plan.First))
			f.At(plan.Second).Wish = plan.Wish{Role: plan.Primary, For: plan.Failover, Epoch: 2, Deleting: true}
		}, []plan.Write{drop(plan.First)}},
		"a failover to a side without a wish while the workload is nowhere": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.First).Decision = plan.Gone
			dropped(f.At(plan.Second))
		}, []plan.Write{secondary(plan.Second, plan.Failover)}},
		"a failover to a side without a wish between demotion and promotion": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision = plan.Secondary, plan.Gone
			dropped(f.At(plan.Second))
		}, []plan.Write{secondary(plan.Second, plan.Failover)}},
		"a failover to a side without a wish, whatever was begun at home": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.First).Wish.FinalSync = plan.Prepare
			dropped(f.At(plan.Second))
		}, []plan.Write{secondary(plan.Second, plan.Failover)}},
		"a failover to what has its copies, between demotion and promotion": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.First).Wish.Role, f.At(plan.First).Decision = plan.Secondary, plan.Gone
		}, []plan.Write{promotion(plan.Second, plan.Failover)}},
		"a failover back to what was home, and is only retained": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.First)
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Retain, plan.RunHere
			obeyed(f.At(plan.First))
			f.At(plan.Second).Wish = plan.Wish{Role: plan.Primary, For: plan.Failover, Epoch: 2}
		}, []plan.Write{drop(plan.First)}},
		"the failed side's, once the new home has the workload": {func(f *plan.Facts) {
			asks(f, plan.Failover, plan.Second)
			f.At(plan.First).Decision, f.At(plan.Second).Decision = plan.Retain, plan.RunHere
			obeyed(f.At(plan.First))
			f.At(plan.Second).Wish = plan.Wish{Role: plan.Primary, For: plan.Failover, Epoch: 2}
		}, []plan.Write{drop(plan.First)}},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			tc.edit(&f)
			p := plan.Decide(f)
			assert.Equal(t, tc.want, p.Writes)
			assert.Equal(t, plan.Nothing, p.Wait.Fact)
			assert.Empty(t, unexplained(f))
		})
	}
}
