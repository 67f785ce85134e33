// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// told lets a cluster claim that it was told to be r by a wish that this hub does not know.
func told(c *plan.Cluster, r plan.Role) {
	c.Report.Answered, c.Report.Memory, c.Report.Claim = false, plan.Forgotten, r
}

// found lets a cluster have an object of a former hub.
func found(c *plan.Cluster, r plan.Role) {
	c.Wish, c.Decision = plan.Wish{}, plan.Untold
	c.Report = plan.Report{View: plan.Present, Orphan: true, Claim: r}
}

func TestX16_WhatAClusterClaims(t *testing.T) {
	adopts := func(sides ...plan.Side) plan.Plan {
		var writes []plan.Write
		for _, s := range sides {
			writes = append(writes, plan.Write{Kind: plan.AdoptWish, Side: s})
		}
		return plan.Do(plan.Initiating, plan.Paused, writes...)
	}
	asks := func(s plan.Side) plan.Plan {
		return plan.Do(plan.WaitForUser, plan.Paused, plan.Write{Kind: plan.MarkWish, Side: s})
	}
	waits := func(s plan.Side) plan.Plan {
		return plan.NewWait(plan.WaitForUser, plan.Paused, s, plan.ConflictSolved)
	}
	unsure := plan.NewWait(plan.WaitForUser, plan.Paused, plan.Nowhere, plan.SpecConfirmed)
	overrules := func(h plan.Side) plan.Plan {
		return plan.Do(plan.FailedOver, plan.CleaningUp, plan.Promote(h, plan.Failover), plan.Write{Kind: plan.PutWish, Side: h.Peer(), Role: plan.Secondary, For: plan.Failover, Promote: true})
	}
	// first and second are the cluster where the workload runs, and its peer.
	for name, tc := range map[string]struct {
		edit func(f *plan.Facts, first, second *plan.Cluster)
		want plan.Plan
	}{
		"the role of a home that answers: the user is asked, and that is noted first": {func(_ *plan.Facts, _, second *plan.Cluster) { told(second, plan.Primary) }, asks(plan.Second)},
		"the same once it is noted": {func(_ *plan.Facts, _, second *plan.Cluster) {
			told(second, plan.Primary)
			second.Wish.Questioned = true
		}, waits(plan.Second)},
		"the role of a home that can't be heard": {func(_ *plan.Facts, first, second *plan.Cluster) { first.Live = false; told(second, plan.Primary) }, asks(plan.Second)},
		"the role of a home that says that it was told to give it up": {func(_ *plan.Facts, first, second *plan.Cluster) {
			told(first, plan.Secondary)
			told(second, plan.Primary)
		}, adopts(plan.First, plan.Second)},
		"the role of a home that said so before it was lost": {func(_ *plan.Facts, first, second *plan.Cluster) {
			told(first, plan.Secondary)
			first.Live = false
			told(second, plan.Primary)
		}, asks(plan.Second)},
		"the role of a home that obeys a later wish to keep it": {func(_ *plan.Facts, first, second *plan.Cluster) {
			told(first, plan.Primary)
			told(second, plan.Primary)
		}, asks(plan.Second)},
		"its own role, by a later wish":    {func(_ *plan.Facts, first, _ *plan.Cluster) { told(first, plan.Primary) }, adopts(plan.First)},
		"to be Secondary, by a later wish": {func(_ *plan.Facts, _, second *plan.Cluster) { told(second, plan.Secondary) }, adopts(plan.Second)},
		"the role that no side has by what this hub knows": {func(_ *plan.Facts, first, second *plan.Cluster) {
			first.Wish.Role, first.Decision = plan.Secondary, plan.Gone
			told(second, plan.Primary)
		}, adopts(plan.Second)},
		"anything, over a lost link, is not heard": {func(_ *plan.Facts, _, second *plan.Cluster) { told(second, plan.Primary); second.Live = false }, plan.FollowReports(plan.NewWait(plan.Deployed, plan.CleaningUp, plan.Second, plan.LinkIsLive))},
		"to be the newer of two Primaries, though it is the older one": {func(_ *plan.Facts, first, second *plan.Cluster) {
			first.Wish.Epoch = 2
			second.Wish.Role = plan.Primary
			told(second, plan.Primary)
		}, asks(plan.Second)},
		"a role while DR is disabled": {func(f *plan.Facts, _, second *plan.Cluster) { f.Deleting = true; told(second, plan.Primary) }, adopts(plan.Second)},
		"a role that the user gave up with the home": {func(_ *plan.Facts, first, second *plan.Cluster) {
			first.Abandon, first.Live = true, false
			told(second, plan.Primary)
		}, adopts(plan.Second)},
		"the role of a home that was given up in an outage, and is well again": {func(_ *plan.Facts, first, second *plan.Cluster) {
			first.Abandon = true
			told(second, plan.Primary)
		}, asks(plan.Second)},
		"a role that the user gives it": {func(f *plan.Facts, _, second *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.Second
			told(second, plan.Primary)
		}, adopts(plan.Second)},
		"a role, while the user asks for a failover to the home": {func(f *plan.Facts, _, second *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.First
			told(second, plan.Primary)
		}, asks(plan.Second)},
		"the same by a spec that may be that of a backup": {func(f *plan.Facts, _, second *plan.Cluster) {
			f.Ask, f.Target, f.Stale = plan.Failover, plan.First, true
			told(second, plan.Primary)
			second.Wish.Questioned = true
		}, waits(plan.Second)},
		"the same once the user has confirmed it": {func(f *plan.Facts, _, second *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.First
			told(second, plan.Primary)
			second.Wish.Questioned = true
		}, overrules(plan.First)},
		"the same while the home is not ready": {func(f *plan.Facts, first, second *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.First
			told(second, plan.Primary)
			second.Wish.Questioned = true
			first.Report.Ready = false
		}, plan.FollowReports(plan.NewWait(plan.FailedOver, plan.CleaningUp, plan.First, plan.BeingPrimary))},
		"to be Secondary, after a failover from it": {func(f *plan.Facts, _, second *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.First
			told(second, plan.Secondary)
		}, adopts(plan.Second)},
		"a later wish, while the user asks for a failover from it": {func(f *plan.Facts, first, _ *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.Second
			told(first, plan.Primary)
		}, asks(plan.First)},
		"to be Secondary, while the user asks for a failover from it": {func(f *plan.Facts, first, _ *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.Second
			told(first, plan.Secondary)
		}, asks(plan.First)},
		"the same by a spec that may be that of a backup, which moves nothing": {func(f *plan.Facts, first, _ *plan.Cluster) {
			f.Ask, f.Target, f.Stale = plan.Failover, plan.Second, true
			told(first, plan.Primary)
			first.Wish.Questioned = true
		}, unsure},
		"the same once the user has confirmed it: nothing that it claims is read": {func(f *plan.Facts, first, _ *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.Second
			told(first, plan.Primary)
			first.Wish.Questioned = true
		}, plan.Do(plan.FailingOver, plan.FailingOverToCluster, plan.NewPublish(plan.Second, plan.Gone, plan.Retain), plan.Promote(plan.Second, plan.Failover))},
		"a later wish, where no side is home and a failover from it may be one that only a backup remembers: the workload may have come back to it": {func(f *plan.Facts, first, _ *plan.Cluster) {
			f.Ask, f.Target, f.Stale = plan.Failover, plan.Second, true
			first.Wish.Role, first.Decision = plan.Secondary, plan.Gone
			told(first, plan.Primary)
		}, adopts(plan.First)},
		"no role at all, which holds back no failover from it": {func(f *plan.Facts, first, _ *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.Second
			told(first, plan.NoRole)
		}, plan.Do(plan.FailingOver, plan.FailingOverToCluster, plan.NewPublish(plan.Second, plan.Gone, plan.Retain), plan.Promote(plan.Second, plan.Failover))},
		"to be Primary, as the other one does, before a new hub": {func(_ *plan.Facts, first, second *plan.Cluster) {
			found(first, plan.Primary)
			found(second, plan.Primary)
		}, waits(plan.First)},
		"to be Primary, as the other one does, while the user has said which one it is": {func(f *plan.Facts, first, second *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.Second
			found(first, plan.Primary)
			found(second, plan.Primary)
		}, adopts(plan.Second)},
		"to be Primary, while the other one is Secondary, before a new hub": {func(_ *plan.Facts, first, second *plan.Cluster) {
			found(first, plan.Primary)
			found(second, plan.Secondary)
		}, adopts(plan.First, plan.Second)},
		"to be Primary, before a hub that lost its wish alone": {func(_ *plan.Facts, _, second *plan.Cluster) { found(second, plan.Primary) }, waits(plan.Second)},
		"the same after a failover from it": {func(f *plan.Facts, _, second *plan.Cluster) {
			f.Ask, f.Target = plan.Failover, plan.First
			found(second, plan.Primary)
		}, overrules(plan.First)},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			tc.edit(&f, f.At(plan.First), f.At(plan.Second))
			assert.Equal(t, tc.want, plan.Decide(f))
			assert.Empty(t, unexplained(f))
		})
	}
}
