// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// deployed returns a hub whose application runs on dr1, protected.
func deployed(t *testing.T) *hub {
	t.Helper()
	h := newHub(t, newDRPC())
	h.settle()
	require.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	h.told()
	return h
}

func TestFailoverWithTheSourceAlive(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	assert.Equal(t, []string{
		"decisions [dr1 Retain]",
		"mark wish dr1",
		"wish dr2 primary for Failover epoch 2",
		"decisions [dr1 Retain, dr2 Run]",
		"wish dr1 secondary for Failover epoch 2",
		"decisions [dr2 Run]",
	}, h.settle(), "the failed side's objects are kept before anything is promoted, and until it was told that it is Secondary")
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, "dr2", h.drpc().Status.PreferredDecision.ClusterName)
	assert.Equal(t, "True", string(h.condition("Ready").Status))
	assert.Equal(t, []string{
		"Normal DRPCFailingOver phase FailingOver: cluster dr2 has not answered the latest wish yet",
		"Normal DRPCFailoverSuccess phase FailedOver: cluster dr1 has not answered the latest wish yet",
		"Normal DRPCWaitOnUserToCleanUp the workload still uses the volumes on cluster dr1: Pod shop/web uses PVC data; " +
			"remove the workload and its PVCs from dr1 the way they were deployed there, or let the deployment tool follow status.decisions; their volumes are kept until the other cluster has all that was written; then the operation continues automatically",
		"Normal DRPCActionCompleted failover completed in 0s",
	}, h.told())
}

func TestFailoverWithTheSourceLostGoesOnWhenItReturns(t *testing.T) {
	h := deployed(t)
	h.cut("dr1")
	h.failover("dr2")
	assert.Equal(t, []string{
		"decisions [dr1 Retain]",
		"mark wish dr1",
		"wish dr2 primary for Failover epoch 2",
		"decisions [dr1 Retain, dr2 Run]",
		"wish dr1 secondary for Failover epoch 2",
	}, h.settle())
	assert.Equal(t, "FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, "True", string(h.condition("Available").Status))
	assert.Equal(t, "False", string(h.condition("PeerReady").Status))
	assert.Equal(t, "cluster dr1 can't be reached; last heard of at 2026-01-01T11:59:45Z", h.condition("PeerReady").Message)

	h.connect("dr1")
	assert.Equal(t, []string{"decisions [dr2 Run]"}, h.settle())
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
	assert.Equal(t, v1alpha1.SecondaryState, h.spokes["dr1"].state)
}

func TestFailoverBackToWhereTheWorkloadRanRaisesTheEpochAgain(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.settle()
	h.failover("dr1")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr1 Run] dr1:primary@3 dr2:secondary@3", h.shows())
}

func TestRelocateAndBack(t *testing.T) {
	h := deployed(t)
	h.relocate("dr2")
	assert.Equal(t, []string{
		"wish dr1 primary prepareForFinalSync for Relocate epoch 1",
		"decisions []",
		"wish dr1 primary runFinalSync for Relocate epoch 1",
		"wish dr1 secondary for Relocate epoch 1",
		"mark wish dr1",
		"wish dr2 primary for Relocate epoch 2",
		"decisions [dr2 Run]",
	}, h.settle(), "the workload leaves before the final synchronization, and the target is promoted last")
	assert.Equal(t, "Relocated/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())

	h.relocate("dr1")
	h.settle()
	assert.Equal(t, "Relocated/Completed [dr1 Run] dr1:primary@3 dr2:secondary@2", h.shows())
}

func TestRelocateWaitsForTheWorkloadToLeave(t *testing.T) {
	h := deployed(t)
	h.relocate("dr2")
	for range 6 { // nobody follows the decisions
		h.pass()
		h.obey("dr1")
	}
	h.pass()
	assert.Equal(t, "Relocating/WaitOnUserToCleanUp [] dr1:primary@1 dr2:secondary@1", h.shows())
	w := h.drpc().Status.Waiting
	assert.Equal(t, "WorkloadGone", w.Fact)
	assert.Equal(t, "dr1", w.Cluster)
	assert.Equal(t, "the workload still uses the volumes on cluster dr1: Pod shop/web uses PVC data", w.Message)
	assert.Equal(t, "remove the workload and its PVCs from dr1 the way they were deployed there, or let the deployment tool follow status.decisions; their volumes are kept until the other cluster has all that was written; then the operation continues automatically", w.NextStep)
	h.settle()
	assert.Equal(t, "Relocated/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
}

func TestDisableRemovesTheSecondaryFirst(t *testing.T) {
	h := deployed(t)
	h.disable()
	var wrote []string
	for range 10 {
		if h.drpc() == nil {
			break
		}
		h.pass()
		wrote = append(wrote, h.wrote()...)
		h.obey("dr1")
		h.obey("dr2")
	}
	assert.Equal(t, []string{"remove wish dr2", "remove wish dr1", "release wish dr1", "release wish dr2", "release drpc db"}, wrote)
	assert.Nil(t, h.drpc())
	assert.Nil(t, h.wish("dr1"))
	assert.Nil(t, h.wish("dr2"))
	assert.False(t, h.spokes["dr1"].has)
	assert.True(t, h.spokes["dr1"].inUse, "the workload is left alone")
}

func TestTheDurationOfAnOperationIsTold(t *testing.T) {
	h := deployed(t)
	assert.Equal(t, time.Duration(0), h.drpc().Status.ActionDuration.Duration)
	h.clock.SetTime(start.Add(time.Hour))
	h.cut("dr1")
	h.failover("dr2")
	h.settle()
	assert.Equal(t, start.Add(time.Hour), h.drpc().Status.ActionStartTime.UTC())
	assert.Nil(t, h.drpc().Status.ActionDuration, "it is not over while the failed side is not demoted")
	h.clock.SetTime(start.Add(time.Hour + 90*time.Second))
	h.connect("dr1")
	h.settle()
	assert.Equal(t, 90*time.Second, h.drpc().Status.ActionDuration.Duration)
}
