// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// told lets a cluster claim that it was told to be r by a wish that this hub does not know.
func (c *Cluster) told(r Role) {
	c.Report.Answered, c.Report.Memory, c.Report.Claim = false, Forgotten, r
}

// found lets a cluster have an object of a former hub.
func (c *Cluster) found(r Role) {
	c.Wish, c.Decision = Wish{}, Untold
	c.Report = Report{View: Present, Orphan: true, Claim: r}
}

func TestX16_WhatAClusterClaims(t *testing.T) {
	adopts := func(sides ...Side) Plan {
		var writes []Write
		for _, s := range sides {
			writes = append(writes, Write{Kind: AdoptWish, Side: s})
		}
		return do(Initiating, Paused, writes...)
	}
	asks := func(s Side) Plan { return do(WaitForUser, Paused, Write{Kind: MarkWish, Side: s}) }
	waits := func(s Side) Plan { return wait(WaitForUser, Paused, s, ConflictSolved) }
	unsure := wait(WaitForUser, Paused, Nowhere, SpecConfirmed)
	overrules := func(h Side) Plan {
		return do(FailedOver, CleaningUp, promote(h, Failover), Write{Kind: PutWish, Side: h.Peer(), Role: Secondary, For: Failover, Promote: true})
	}
	// first and second are the cluster where the workload runs, and its peer.
	for name, tc := range map[string]struct {
		edit func(f *Facts, first, second *Cluster)
		want Plan
	}{
		"the role of a home that answers: the user is asked, and that is noted first": {func(_ *Facts, _, second *Cluster) { second.told(Primary) }, asks(Second)},
		"the same once it is noted":                                   {func(_ *Facts, _, second *Cluster) { second.told(Primary); second.Wish.Questioned = true }, waits(Second)},
		"the role of a home that can't be heard":                      {func(_ *Facts, first, second *Cluster) { first.Live = false; second.told(Primary) }, asks(Second)},
		"the role of a home that says that it was told to give it up": {func(_ *Facts, first, second *Cluster) { first.told(Secondary); second.told(Primary) }, adopts(First, Second)},
		"the role of a home that said so before it was lost": {func(_ *Facts, first, second *Cluster) {
			first.told(Secondary)
			first.Live = false
			second.told(Primary)
		}, asks(Second)},
		"the role of a home that obeys a later wish to keep it": {func(_ *Facts, first, second *Cluster) { first.told(Primary); second.told(Primary) }, asks(Second)},
		"its own role, by a later wish":                         {func(_ *Facts, first, _ *Cluster) { first.told(Primary) }, adopts(First)},
		"to be Secondary, by a later wish":                      {func(_ *Facts, _, second *Cluster) { second.told(Secondary) }, adopts(Second)},
		"the role that no side has by what this hub knows": {func(_ *Facts, first, second *Cluster) {
			first.Wish.Role, first.Decision = Secondary, Gone
			second.told(Primary)
		}, adopts(Second)},
		"anything, over a lost link, is not heard": {func(_ *Facts, _, second *Cluster) { second.told(Primary); second.Live = false }, followReports(wait(Deployed, CleaningUp, Second, LinkIsLive))},
		"to be the newer of two Primaries, though it is the older one": {func(_ *Facts, first, second *Cluster) {
			first.Wish.Epoch = 2
			second.Wish.Role = Primary
			second.told(Primary)
		}, asks(Second)},
		"a role while DR is disabled":                            {func(f *Facts, _, second *Cluster) { f.Deleting = true; second.told(Primary) }, adopts(Second)},
		"a role that the user gave up with the home":             {func(_ *Facts, first, second *Cluster) { first.Abandon = true; second.told(Primary) }, adopts(Second)},
		"a role that the user gives it":                          {func(f *Facts, _, second *Cluster) { f.Ask, f.Target = Failover, Second; second.told(Primary) }, adopts(Second)},
		"a role, while the user asks for a failover to the home": {func(f *Facts, _, second *Cluster) { f.Ask, f.Target = Failover, First; second.told(Primary) }, asks(Second)},
		"the same by a spec that may be that of a backup": {func(f *Facts, _, second *Cluster) {
			f.Ask, f.Target, f.Stale = Failover, First, true
			second.told(Primary)
			second.Wish.Questioned = true
		}, waits(Second)},
		"the same once the user has confirmed it": {func(f *Facts, _, second *Cluster) {
			f.Ask, f.Target = Failover, First
			second.told(Primary)
			second.Wish.Questioned = true
		}, overrules(First)},
		"the same while the home is not ready": {func(f *Facts, first, second *Cluster) {
			f.Ask, f.Target = Failover, First
			second.told(Primary)
			second.Wish.Questioned = true
			first.Report.Ready = false
		}, followReports(wait(FailedOver, CleaningUp, First, BeingPrimary))},
		"to be Secondary, after a failover from it":                   {func(f *Facts, _, second *Cluster) { f.Ask, f.Target = Failover, First; second.told(Secondary) }, adopts(Second)},
		"a later wish, while the user asks for a failover from it":    {func(f *Facts, first, _ *Cluster) { f.Ask, f.Target = Failover, Second; first.told(Primary) }, asks(First)},
		"to be Secondary, while the user asks for a failover from it": {func(f *Facts, first, _ *Cluster) { f.Ask, f.Target = Failover, Second; first.told(Secondary) }, asks(First)},
		"the same by a spec that may be that of a backup, which moves nothing": {func(f *Facts, first, _ *Cluster) {
			f.Ask, f.Target, f.Stale = Failover, Second, true
			first.told(Primary)
			first.Wish.Questioned = true
		}, unsure},
		"the same once the user has confirmed it: nothing that it claims is read": {func(f *Facts, first, _ *Cluster) {
			f.Ask, f.Target = Failover, Second
			first.told(Primary)
			first.Wish.Questioned = true
		}, do(FailingOver, FailingOverToCluster, publish(Second, Gone, Retain), promote(Second, Failover))},
		"a later wish, where no side is home and a failover from it may be one that only a backup remembers: the workload may have come back to it": {func(f *Facts, first, _ *Cluster) {
			f.Ask, f.Target, f.Stale = Failover, Second, true
			first.Wish.Role, first.Decision = Secondary, Gone
			first.told(Primary)
		}, adopts(First)},
		"no role at all, which holds back no failover from it":   {func(f *Facts, first, _ *Cluster) { f.Ask, f.Target = Failover, Second; first.told(NoRole) }, do(FailingOver, FailingOverToCluster, publish(Second, Gone, Retain), promote(Second, Failover))},
		"to be Primary, as the other one does, before a new hub": {func(_ *Facts, first, second *Cluster) { first.found(Primary); second.found(Primary) }, waits(First)},
		"to be Primary, as the other one does, while the user has said which one it is": {func(f *Facts, first, second *Cluster) {
			f.Ask, f.Target = Failover, Second
			first.found(Primary)
			second.found(Primary)
		}, adopts(Second)},
		"to be Primary, while the other one is Secondary, before a new hub": {func(_ *Facts, first, second *Cluster) { first.found(Primary); second.found(Secondary) }, adopts(First, Second)},
		"to be Primary, before a hub that lost its wish alone":              {func(_ *Facts, _, second *Cluster) { second.found(Primary) }, waits(Second)},
		"the same after a failover from it":                                 {func(f *Facts, _, second *Cluster) { f.Ask, f.Target = Failover, First; second.found(Primary) }, overrules(First)},
	} {
		t.Run(name, func(t *testing.T) {
			f := home()
			tc.edit(&f, f.At(First), f.At(Second))
			assert.Equal(t, tc.want, Decide(f))
			assert.Empty(t, unexplained(f))
		})
	}
}
