// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// restart starts the hub again. As a real one it does not know its links for some seconds.
func (h *hub) restart() {
	h.t.Helper()
	h.start(h.origin)
	was := h.links.state
	h.links.state = map[string]exchange.Link{}
	for name, link := range was {
		h.links.state[name] = exchange.Link{State: exchange.LinkConnecting, LastRenewal: link.LastRenewal}
	}
	_, _ = h.try(app)
	h.links.state = was
	h.log = nil
}

func TestNeitherASecondPassNorARestartIsAnEvent(t *testing.T) {
	for name, begin := range map[string]func(*hub){
		"deployed":                 func(*hub) {},
		"failed over":              func(h *hub) { h.failover("dr2") },
		"failed over, source lost": func(h *hub) { h.cut("dr1"); h.failover("dr2") },
		"relocated":                func(h *hub) { h.relocate("dr2") },
		"home lost":                func(h *hub) { h.cut("dr1") },
		"peer lost":                func(h *hub) { h.cut("dr2") },
		"home in trouble":          func(h *hub) { h.spokes["dr1"].broken = "the disk is gone"; h.obey("dr1") },
		"deletion without a link":  func(h *hub) { h.cut("dr1"); h.disable() },
		"unknown target":           func(h *hub) { h.failover("dr7") },
		"policy is gone":           func(h *hub) { require.NoError(h.t, h.api.Delete(h.t.Context(), policy())) },
		"relocate that waits for the workload to leave": func(h *hub) {
			h.relocate("dr2")
			for range 6 {
				h.pass()
				h.obey("dr1")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			begin(h)
			switch name {
			case "relocate that waits for the workload to leave":
				require.Contains(t, h.shows(), "Relocating/WaitOnUserToCleanUp")
			default:
				h.settle()
			}
			h.told()
			h.clock.SetTime(start.Add(5 * time.Second))
			_, _ = h.try(app)
			assert.Empty(t, h.told(), "a second pass")
			h.restart()
			for range 2 {
				_, _ = h.try(app)
			}
			assert.Empty(t, h.told(), "a restart: %s", h.shows())
		})
	}
}

func TestALifeIsTold(t *testing.T) {
	h := newHub(t, newDRPC())
	h.settle()
	assert.Equal(t, []string{
		"Normal DRPCDeploying phase Deploying: cluster dr2 has not answered the latest wish yet",
		"Normal DRPCDeploySuccess phase Deployed",
		"Normal DRPCActionCompleted deploy completed in 0s",
		"Normal DRPCProtected 1 volumes are protected",
	}, h.told())

	h.cut("dr1")
	h.settle()
	assert.Equal(t, []string{
		"Warning DRPCLinkLost the workload runs on dr1 as far as is known: cluster dr1 can't be reached; last heard of at 2026-01-01T11:59:45Z",
	}, h.told(), "that nothing is known of the volumes either goes without saying")
	h.connect("dr1")
	h.settle()
	assert.Equal(t, []string{"Normal DRPCLinkRestored cluster dr1 can be reached again"}, h.told())
	h.cut("dr2")
	h.settle()
	h.connect("dr2")
	h.settle()
	assert.Empty(t, h.told(), "the workload does not run there")

	h.spokes["dr1"].broken = "the disk is gone"
	h.obey("dr1")
	h.settle()
	assert.Equal(t, []string{"Warning DRPCUnprotected cluster dr1: DataReady: Error: the disk is gone"}, h.told())
	h.cut("dr1")
	h.settle()
	h.connect("dr1")
	h.spokes["dr1"].broken = ""
	h.obey("dr1")
	h.told()
	h.settle()
	assert.Contains(t, h.told(), "Normal DRPCProtected 1 volumes are protected", "also if the link was lost in between")
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.LastGroupSyncTime = nil })
	h.pass()
	assert.Equal(t, []string{"Normal DRPCUnprotected not every volume has been synchronized once"}, h.told(), "a new volume is no trouble")
	h.tell("dr1")
	h.pass()
	assert.Equal(t, []string{"Normal DRPCProtected 1 volumes are protected"}, h.told())

	h.failover("dr7")
	h.settle()
	assert.Equal(t, []string{`Warning DRPCWaitForUser phase WaitForUser: spec.failoverCluster is "dr7", which is not a cluster of DRPolicy policy`}, h.told())
	h.disable()
	h.settle()
	assert.Equal(t, []string{"Normal DRPCDeleting phase Deleting: VolumeReplicationGroup shop/db still exists on cluster dr2"}, h.told())
}

func TestWhatChangedWhileTheHubWasDownIsToldOnce(t *testing.T) {
	h := deployed(t)
	h.cut("dr1")
	h.restart()
	h.pass()
	assert.Len(t, h.told(), 1)
	h.restart()
	h.pass()
	assert.Empty(t, h.told())
	h.connect("dr1")
	h.restart()
	h.pass()
	assert.Equal(t, []string{"Normal DRPCLinkRestored cluster dr1 can be reached again"}, h.told())
}

func TestARefusalIsAnEventWhateverThePhase(t *testing.T) {
	h := deployed(t)
	require.NoError(t, h.api.Delete(t.Context(), policy()))
	h.pass()
	assert.Equal(t, []string{`Warning DRPCWaitForUser spec.drPolicyRef names "policy": there is no such DRPolicy: create it, or delete and re-create the DRPlacementControl with another drPolicyRef; ` +
		"fix the problem described in the message; until then the application is protected as before"}, h.told())
}

func TestWhatWasNotSavedIsNotTold(t *testing.T) {
	h := deployed(t)
	h.cut("dr1")
	boom := errors.New("conflict")
	h.fail = func(_, what string) error {
		if what == "status" {
			return boom
		}
		return nil
	}
	_, err := h.try(app)
	require.ErrorIs(t, err, boom)
	assert.Empty(t, h.told())
	h.fail = nil
	h.pass()
	assert.Len(t, h.told(), 1)
}

func TestALongNoteIsCutToWhatAnAPIServerTakes(t *testing.T) {
	h := deployed(t)
	for range 200 {
		h.spokes["dr1"].broken += "größer "
	}
	h.obey("dr1")
	h.pass()
	told := h.told()
	require.Len(t, told, 1)
	assert.LessOrEqual(t, len(told[0]), 1000+len("Warning DRPCUnprotected "))
	assert.NotContains(t, told[0], "�")
}
