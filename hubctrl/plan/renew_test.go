// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Facts of an application that runs on the first cluster, of which wishes were deleted by hand.

func obeyed(c *Cluster) {
	c.Wish.Deleting, c.Report = true, Report{View: Absent, Removed: true}
}

func dropped(c *Cluster) { c.Wish, c.Report = Wish{}, Report{View: Absent} }

func lost(c *Cluster) { c.Live = false }

func asks(f *Facts, a Ask, t Side) { f.Ask, f.Target = a, t }

func TestADeletedWishIsWaitedFor(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*Facts)
		want Wait
	}{
		"a secondary's, until its object is gone":                  {func(f *Facts) { f.At(Second).Wish.Deleting = true }, Wait{ObjectGone, Second}},
		"a secondary's, of a cluster out of reach":                 {func(f *Facts) { f.At(Second).Wish.Deleting = true; lost(f.At(Second)) }, Wait{LinkIsLive, Second}},
		"a primary's, until its object is gone":                    {func(f *Facts) { f.At(First).Wish.Deleting = true }, Wait{ObjectGone, First}},
		"a primary's, of a cluster out of reach":                   {func(f *Facts) { f.At(First).Wish.Deleting = true; lost(f.At(First)) }, Wait{LinkIsLive, First}},
		"a secondary's that was obeyed, of a cluster out of reach": {func(f *Facts) { obeyed(f.At(Second)); lost(f.At(Second)) }, Wait{LinkIsLive, Second}},
		"a primary's that was obeyed, of a cluster out of reach":   {func(f *Facts) { obeyed(f.At(First)); lost(f.At(First)) }, Wait{LinkIsLive, First}},
		"both: the peer's first":                                   {func(f *Facts) { obeyed(f.At(First)); f.At(Second).Wish.Deleting = true }, Wait{ObjectGone, Second}},
		"the primary's while its peer can't be read":               {func(f *Facts) { obeyed(f.At(First)); lost(f.At(Second)) }, Wait{LinkIsLive, Second}},
		"the primary's while its peer may not have heard of its demotion": {func(f *Facts) {
			obeyed(f.At(First))
			f.At(Second).Report.Answered = false
		}, Wait{Answer, Second}},
		"the primary's while its peer may not have heard of its demotion, and has the workload still": {func(f *Facts) {
			obeyed(f.At(First))
			f.At(Second).Report.Answered, f.At(Second).Decision = false, Retain
		}, Wait{Answer, Second}},
		"the primary's while its peer is one still": {func(f *Facts) {
			obeyed(f.At(First))
			f.At(Second).Report.State, f.At(Second).Report.InUse = IsPrimary, true
		}, Wait{WorkloadGone, Second}},
		"the primary's while nothing is known of a peer without a wish": {func(f *Facts) {
			obeyed(f.At(First))
			dropped(f.At(Second))
			f.At(Second).Report.View = Unknown
		}, Wait{InboxComplete, Second}},
		"a primary's that is gone, while it is not known what lies there": {func(f *Facts) {
			dropped(f.At(First))
			f.At(First).Report.View = Unknown
		}, Wait{InboxComplete, First}},
		"a failover to where the workload was, while it is not known what lies there": {func(f *Facts) {
			asks(f, Failover, First)
			dropped(f.At(First))
			lost(f.At(First))
		}, Wait{InboxComplete, First}},
		"a failover to a target whose wish was deleted": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(Second).Wish.Deleting = true
		}, Wait{ObjectGone, Second}},
		"a failover to a target out of reach whose wish was deleted": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(Second).Wish.Deleting = true
			lost(f.At(Second))
		}, Wait{LinkIsLive, Second}},
		"a failover to a target that has nothing, until home is home again": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(First).Wish.Deleting = true
			dropped(f.At(Second))
		}, Wait{ObjectGone, First}},
		"a failover to a target that gives up what it has, until home is home again": {func(f *Facts) {
			asks(f, Failover, Second)
			dropped(f.At(First))
			f.At(Second).Wish.Deleting = true
		}, Wait{ObjectGone, Second}},
		"a failover without a named target while nothing is home": {func(f *Facts) {
			asks(f, Failover, Nowhere)
			dropped(f.At(First))
		}, Wait{Fact: TargetNamed}},
		"a source's after its workload left": {func(f *Facts) {
			asks(f, Relocate, Second)
			obeyed(f.At(First))
			f.At(First).Decision = Gone
		}, Wait{HomeNamed, First}},
		"a home's before the first decision": {func(f *Facts) {
			f.At(First).Decision, f.At(Second).Decision = Untold, Untold
			obeyed(f.At(First))
		}, Wait{HomeNamed, First}},
		"one between demotion and promotion": {func(f *Facts) {
			asks(f, Relocate, Second)
			f.At(First).Wish.Role, f.At(First).Decision = Secondary, Gone
			obeyed(f.At(Second))
		}, Wait{HomeNamed, Second}},
		"one of two primaries of one epoch": {func(f *Facts) {
			f.At(Second).Wish.Role = Primary
			obeyed(f.At(Second))
		}, Wait{HomeNamed, Second}},
		"a failover to what gave up its copies between demotion and promotion": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(First).Wish.Role, f.At(First).Decision = Secondary, Gone
			obeyed(f.At(Second))
		}, Wait{HomeNamed, Second}},
		"a failover that is taken back to a side that has not obeyed yet": {func(f *Facts) {
			asks(f, Failover, First)
			f.At(First).Decision, f.At(First).Wish.Deleting = Retain, true
			f.At(Second).Wish = Wish{Role: Primary, For: Failover, Epoch: 2}
		}, Wait{ObjectGone, First}},
		"that of a side which may have the workload alone, until the new home is ready": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(First).Decision = Retain
			obeyed(f.At(First))
			f.At(Second).Wish = Wish{Role: Primary, For: Failover, Epoch: 2}
		}, Wait{BeingPrimary, Second}},
		"that of a side which may have the workload alone, and which is gone": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(First).Decision = Retain
			dropped(f.At(First))
			f.At(Second).Wish = Wish{Role: Primary, For: Failover, Epoch: 2}
		}, Wait{BeingPrimary, Second}},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			tc.edit(&f)
			p := Decide(f)
			assert.Empty(t, p.Writes)
			assert.Equal(t, tc.want, p.Wait)
			assert.Empty(t, unexplained(f))
		})
	}
}

func TestADeletedWishIsMadeAnew(t *testing.T) {
	drop := func(s Side) Write { return Write{Kind: DropWish, Side: s} }
	promotion := func(s Side, why Ask) Write {
		return Write{Kind: PutWish, Side: s, Role: Primary, For: why, Promote: true}
	}
	secondary := func(s Side, why Ask) Write { return Write{Kind: PutWish, Side: s, Role: Secondary, For: why} }
	for name, tc := range map[string]struct {
		edit func(*Facts)
		want []Write
	}{
		"a secondary's": {func(f *Facts) { obeyed(f.At(Second)) }, []Write{drop(Second)}},
		"a primary's":   {func(f *Facts) { obeyed(f.At(First)) }, []Write{drop(First), promotion(First, Stay)}},
		"a primary's after a crash between the two writes": {func(f *Facts) { dropped(f.At(First)) }, []Write{promotion(First, Stay)}},
		"both: the peer's goes first":                      {func(f *Facts) { obeyed(f.At(First)); obeyed(f.At(Second)) }, []Write{drop(Second)}},
		"both: where the workload is, whatever is preferred": {func(f *Facts) {
			f.Target = Second
			obeyed(f.At(First))
			dropped(f.At(Second))
		}, []Write{drop(First), promotion(First, Stay)}},
		"both, after a crash": {func(f *Facts) {
			f.Target = Second
			dropped(f.At(First))
			dropped(f.At(Second))
		}, []Write{promotion(First, Stay)}},
		"a target's while it is relocated to":   {func(f *Facts) { asks(f, Relocate, Second); obeyed(f.At(Second)) }, []Write{drop(Second)}},
		"a target's while it is failed over to": {func(f *Facts) { asks(f, Failover, Second); obeyed(f.At(Second)) }, []Write{drop(Second)}},
		"a source's before its workload left": {func(f *Facts) {
			asks(f, Relocate, Second)
			obeyed(f.At(First))
			f.At(First).Wish.FinalSync = Prepare
		}, []Write{drop(First), promotion(First, Stay)}},
		"that of a failover's home, of which nothing else matters": {func(f *Facts) {
			asks(f, Failover, First)
			obeyed(f.At(First))
			lost(f.At(Second))
		}, []Write{drop(First), promotion(First, Failover)}},
		"that of a failover's home, be the workload on the failed side still": {func(f *Facts) {
			asks(f, Failover, First)
			obeyed(f.At(First))
			lost(f.At(Second))
			f.At(Second).Decision = Retain
		}, []Write{drop(First), promotion(First, Failover)}},
		"that of a failover without a named target, so that it does not swing back": {func(f *Facts) {
			asks(f, Failover, Nowhere)
			obeyed(f.At(First))
			f.At(First).Wish.For = Failover
		}, []Write{drop(First), promotion(First, Failover)}},
		"a home's after the older primary was demoted": {func(f *Facts) {
			obeyed(f.At(First))
			f.At(First).Wish.Epoch, f.At(Second).Wish.Role, f.At(Second).Decision = 2, Primary, Retain
		}, []Write{secondary(Second, Failover)}},
		"a home's after the older primary is told to go": {func(f *Facts) {
			obeyed(f.At(First))
			f.At(Second).Decision = Retain
		}, []Write{{Kind: Publish, Decisions: [2]Decision{RunHere, Gone}}}},
		"a home's after a peer without a wish, that has the workload too, has one": {func(f *Facts) {
			asks(f, Failover, First)
			obeyed(f.At(First))
			dropped(f.At(Second))
			f.At(Second).Decision = Retain
		}, []Write{secondary(Second, Failover)}},
		"a home's from which a failover did not get away": {func(f *Facts) {
			f.At(First).Decision = Retain
			dropped(f.At(First))
		}, []Write{promotion(First, Stay)}},
		"it stops no failover": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(First).Wish.Deleting = true
			lost(f.At(First))
		}, []Write{{Kind: Publish, Decisions: [2]Decision{Retain, Gone}}, promotion(Second, Failover)}},
		"it stops no failover where it was obeyed": {func(f *Facts) {
			asks(f, Failover, Second)
			dropped(f.At(First))
		}, []Write{{Kind: Publish, Decisions: [2]Decision{Retain, Gone}}, promotion(Second, Failover)}},
		"a failover that is taken back before the workload left promotes what never was less": {func(f *Facts) {
			asks(f, Failover, First)
			f.At(First).Decision = Retain
			dropped(f.At(First))
			f.At(Second).Wish = Wish{Role: Primary, For: Failover, Epoch: 2}
		}, []Write{promotion(First, Failover)}},
		"a failover that is taken back after the workload left begins with a secondary": {func(f *Facts) {
			asks(f, Failover, First)
			f.At(First).Decision, f.At(Second).Decision = Retain, RunHere
			dropped(f.At(First))
			f.At(Second).Wish = Wish{Role: Primary, For: Failover, Epoch: 2}
		}, []Write{secondary(First, Failover)}},
		"a failover that is taken back though the wish of its target was deleted too": {func(f *Facts) {
			asks(f, Failover, First)
			f.At(First).Decision = Retain
			obeyed(f.At(First))
			f.At(Second).Wish = Wish{Role: Primary, For: Failover, Epoch: 2, Deleting: true}
		}, []Write{drop(First)}},
		"a failover to a side without a wish while the workload is nowhere": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(First).Decision = Gone
			dropped(f.At(Second))
		}, []Write{secondary(Second, Failover)}},
		"a failover to a side without a wish between demotion and promotion": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(First).Wish.Role, f.At(First).Decision = Secondary, Gone
			dropped(f.At(Second))
		}, []Write{secondary(Second, Failover)}},
		"a failover to a side without a wish, whatever was begun at home": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(First).Wish.FinalSync = Prepare
			dropped(f.At(Second))
		}, []Write{secondary(Second, Failover)}},
		"a failover to what has its copies, between demotion and promotion": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(First).Wish.Role, f.At(First).Decision = Secondary, Gone
		}, []Write{promotion(Second, Failover)}},
		"a failover back to what was home, and is only retained": {func(f *Facts) {
			asks(f, Failover, First)
			f.At(First).Decision, f.At(Second).Decision = Retain, RunHere
			obeyed(f.At(First))
			f.At(Second).Wish = Wish{Role: Primary, For: Failover, Epoch: 2}
		}, []Write{drop(First)}},
		"the failed side's, once the new home has the workload": {func(f *Facts) {
			asks(f, Failover, Second)
			f.At(First).Decision, f.At(Second).Decision = Retain, RunHere
			obeyed(f.At(First))
			f.At(Second).Wish = Wish{Role: Primary, For: Failover, Epoch: 2}
		}, []Write{drop(First)}},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			tc.edit(&f)
			p := Decide(f)
			assert.Equal(t, tc.want, p.Writes)
			assert.Equal(t, Nothing, p.Wait.Fact)
			assert.Empty(t, unexplained(f))
		})
	}
}
