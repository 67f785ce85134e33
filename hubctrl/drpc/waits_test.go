// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/status"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// factNames are the constants of type plan.Fact, in their order, as the source has them.
func factNames(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../plan/plan.go", nil, 0)
	require.NoError(t, err)
	for _, d := range file.Decls {
		block, ok := d.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		if kind, ok := block.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident); !ok || kind.Name != "Fact" {
			continue
		}
		var out []string
		for _, spec := range block.Specs {
			out = append(out, spec.(*ast.ValueSpec).Names[0].Name)
		}
		return out
	}
	require.Fail(t, "plan.go has no block of facts")
	return nil
}

// waitRow brings an application to where it waits for a fact.
type waitRow struct {
	begin   func(*hub) // of a deployed application
	empty   bool       // begin with an application that nobody knows
	cluster string     // empty: the hub or the user
	fact    string
	by      func(*snapshot.Snapshot) plan.Wait // where no pass gets there
}

// waitRows has a row for each fact that a plan can wait for: a new one needs a new row.
func waitRows() map[string]waitRow {
	return map[string]waitRow{
		"LinkIsLive":    {begin: func(h *hub) { h.cut("dr1") }, cluster: "dr1", fact: "LinkLive"},
		"InboxComplete": {empty: true, begin: func(h *hub) { h.lease("dr2", "of something more") }, cluster: "dr2", fact: "InboxComplete"},
		"Answer":        {begin: func(h *hub) { h.failover("dr2") }, cluster: "dr2", fact: "Answer"},
		"BeingPrimary": {begin: func(h *hub) {
			h.failover("dr2")
			h.pass()
			h.spokes["dr2"].broken = "the volumes are being restored"
			h.obey("dr2")
		}, cluster: "dr2", fact: "Primary"},
		"BeingProtected": {begin: func(h *hub) {
			h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { restated(s, "ClusterDataProtected", "False") })
			h.relocate("dr2")
		}, cluster: "dr1", fact: "Protected"},
		"BeingSecondary": {begin: func(h *hub) {
			h.restate("dr2", func(s *v1alpha1.VolumeReplicationGroupStatus) { restated(s, "DataProtected", "False") })
		}, cluster: "dr2", fact: "Secondary"},
		"BeingRestored": {begin: func(h *hub) {
			h.ask(askForObjects)
			h.settle()
			h.restate("dr1", objectsAre("False", "Error", "2 of 7 objects could not be made"))
		}, cluster: "dr1", fact: "KubeObjectsReady"},
		"BeingPlaced": {begin: func(h *hub) {
			h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
				s.ProtectedPVCs = append(s.ProtectedPVCs, volume("new"))
			})
			h.relocate("dr2")
			h.pass()
		}, cluster: "dr1", fact: "DestinationsReady", by: func(*snapshot.Snapshot) plan.Wait { return plan.Wait{Fact: plan.BeingPlaced, On: plan.First} }},
		"BeingCopied": {begin: func(h *hub) {
			h.restate("dr1", protects("NotReplicated"))
			h.relocate("dr2")
		}, cluster: "dr1", fact: "VolumesReplicated"},
		"HomeAgreed": {empty: true, begin: func(h *hub) {
			h.spokes["dr2"].inUse, h.spokes["dr2"].own = true, true
			h.pass()
			h.obey("dr2")
		}, cluster: "dr2", fact: "WorkloadElsewhere"},
		"ConflictFree": {begin: func(h *hub) {
			h.spokes["dr2"].own = true
			h.obey("dr2")
		}, cluster: "dr2", fact: "NoClusterDataConflict"},
		"LossAccepted": {begin: func(h *hub) {
			h.spokes["dr2"].empty = true
			h.failover("dr2")
			h.pass()
			h.pass()
			h.obey("dr2")
		}, cluster: "dr2", fact: "DataLossAccepted"},
		"BeingPrepared": {begin: func(h *hub) {
			h.relocate("dr2")
			h.pass()
			h.obey("dr1")
			h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.PrepareForFinalSyncComplete = false })
		}, cluster: "dr1", fact: "FinalSyncPrepared"},
		"BeingSynced": {begin: func(h *hub) {
			h.relocate("dr2")
			for range 2 {
				h.pass()
				h.follow()
				h.obey("dr1")
			}
			h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.FinalSyncComplete = false })
		}, cluster: "dr1", fact: "FinalSyncComplete"},
		"WorkloadGone": {begin: func(h *hub) {
			h.relocate("dr2")
			for range 3 {
				h.pass()
				h.obey("dr1")
			}
		}, cluster: "dr1", fact: "WorkloadGone"},
		"ObjectGone": {begin: func(h *hub) { h.disable() }, cluster: "dr2", fact: "ObjectGone"},
		"PolicyValid": {empty: true, begin: func(h *hub) {
			h.policy(func(p *v1alpha1.DRPolicy) { p.Status.Conditions = nil })
		}, fact: "PolicyValid"},
		"StorageReady": {begin: func(*hub) {}, by: func(*snapshot.Snapshot) plan.Wait { return plan.Wait{Fact: plan.StorageReady, On: plan.Second} }, cluster: "dr2", fact: "StorageReady"},
		"TargetNamed":  {begin: func(h *hub) { h.failover("dr7") }, fact: "TargetNamed"},
		"ConflictSolved": {begin: func(h *hub) {
			h.relocate("dr2")
			h.settle()
			for _, c := range []string{"dr1", "dr2"} {
				w := h.wish(c)
				w.Spec.ReplicationState, w.Annotations["exchange.ramendr.openshift.io/epoch"] = "primary", "7"
				require.NoError(h.t, h.api.Update(h.t.Context(), w))
			}
			h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action = "" })
		}, fact: "ConflictSolved"},
		"ForeignRemoved": {begin: func(h *hub) {
			h.delivery("dr2", condition("Applied", "False", "OwnedElsewhere", "the object belongs to the hub other"))
		}, cluster: "dr2", fact: "ForeignObject"},
		"HomeNamed": {begin: func(h *hub) {
			h.relocate("dr2")
			for range 3 {
				h.pass()
				h.obey("dr1")
			}
			require.Equal(h.t, "Relocating/WaitOnUserToCleanUp [] dr1:primary@1 dr2:secondary@1", h.shows())
			require.NoError(h.t, h.api.Delete(h.t.Context(), h.wish("dr1")))
		}, cluster: "dr1", fact: "HomeNamed"},
		"PrimaryFound": {begin: func(*hub) {}, by: func(*snapshot.Snapshot) plan.Wait { return plan.Wait{Fact: plan.PrimaryFound, On: plan.Second} }, cluster: "dr2", fact: "PrimaryFound"},
		"VolumesLost": {begin: func(h *hub) {
			w := h.wish("dr1")
			w.Annotations["exchange.ramendr.openshift.io/spoke-id"] = "dr1-a"
			require.NoError(h.t, h.api.Update(h.t.Context(), w))
			h.record("dr1", "dr1-b")
		}, cluster: "dr1", fact: "VolumesLost"},
		"ProtectionEnded": {begin: func(h *hub) {
			h.delivery("dr2", condition("Applied", "False", "EndedBefore", "this wish was deleted before"))
		}, cluster: "dr2", fact: "ProtectionEnded"},
		"SpecConfirmed": {begin: func(*hub) {}, by: func(*snapshot.Snapshot) plan.Wait { return plan.Wait{Fact: plan.SpecConfirmed} }, fact: "SpecConfirmed"},
	}
}

// TestEveryWaitSaysAllThatAUserNeeds asks it of each fact (I7).
func TestEveryWaitSaysAllThatAUserNeeds(t *testing.T) {
	waits := waitRows()
	assert.ElementsMatch(t, factNames(t)[1:], slices.Collect(maps.Keys(waits)), "each fact has its row; the first one is Nothing")
	for name, tc := range waits {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, newDRPC())
			if !tc.empty {
				h = deployed(t)
			}
			tc.begin(h)
			var w *v1alpha1.Waiting
			if tc.by == nil {
				h.pass()
				w = h.drpc().Status.Waiting
				require.NotNil(t, w, h.shows())
				assert.NotEqual(t, h.has("Reconciling"), h.has("Stalled"), "it heals by itself, or the user has to act")
				for _, kind := range []string{"Ready", "Reconciling", "Stalled"} {
					if !h.has(kind) {
						continue
					}
					c := h.condition(kind)
					assert.Equal(t, w.Fact+" "+w.Message, c.Reason+" "+c.Message, kind)
				}
			} else {
				seen, err := h.r.Observe(t.Context(), h.drpc())
				require.NoError(t, err)
				wait := tc.by(seen)
				w = status.Waiting(seen, wait, status.Explain(seen, wait), nil, h.clock.Now())
			}
			assert.Equal(t, []string{tc.fact, tc.cluster}, []string{w.Fact, w.Cluster})
			assert.NotEmpty(t, w.Message)
			assert.NotEmpty(t, w.NextStep)
			if tc.cluster != "" {
				assert.Contains(t, w.Message, tc.cluster)
			}
			if assert.NotNil(t, w.Since) {
				assert.WithinRange(t, w.Since.Time, start.Add(-exchange.DefaultLeaseDuration), start)
			}
		})
	}
}

// restated gives a condition another status.
func restated(s *v1alpha1.VolumeReplicationGroupStatus, kind string, status metav1.ConditionStatus) {
	for i := range s.Conditions {
		if s.Conditions[i].Type == kind {
			s.Conditions[i].Status = status
		}
	}
}

// TestWhatALinkHidesIsSaidToBeHidden checks every condition that a lost link makes less than True.
func TestWhatALinkHidesIsSaidToBeHidden(t *testing.T) {
	for name, tc := range map[string]struct {
		link exchange.Link
		want string
	}{
		"lost":                              {exchange.Link{State: exchange.LinkLost, LastRenewal: start.Add(-time.Minute)}, "LinkLost cluster dr1 can't be reached; last heard of at 2026-01-01T11:59:00Z"},
		"connecting":                        {exchange.Link{State: exchange.LinkConnecting, LastRenewal: start.Add(-time.Minute)}, "LinkConnecting the mirror of cluster dr1 is connecting; last heard of at 2026-01-01T11:59:00Z"},
		"never":                             {exchange.Link{}, "LinkNever the mirror of cluster dr1 has never reported"},
		"lost, with a lease without a time": {exchange.Link{State: exchange.LinkLost}, "LinkLost cluster dr1 can't be reached; it is not known when it was last heard of"},
	} {
		t.Run(name, func(t *testing.T) {
			reason, message, _ := strings.Cut(tc.want, " ")
			for role, begin := range map[string]func(*hub){
				"home": func(*hub) {},
				"peer": func(h *hub) { h.relocate("dr2"); h.settle() },
				"home without a report": func(h *hub) {
					require.NoError(h.t, h.api.Delete(h.t.Context(), h.inbox("dr1")))
				},
			} {
				h := deployed(t)
				begin(h)
				h.links.state["dr1"] = tc.link
				h.pass()
				kinds := []string{"Available", "Protected"}
				if role == "peer" {
					kinds = []string{"PeerReady"}
				}
				for _, kind := range kinds {
					c := h.condition(kind)
					assert.NotEqual(t, "True", string(c.Status), "%s %s", role, kind)
					assert.Equal(t, reason, c.Reason, "%s %s", role, kind)
					assert.Contains(t, c.Message, message, "%s %s", role, kind)
				}
				w := h.drpc().Status.Waiting
				require.NotNil(t, w)
				assert.Equal(t, []string{"LinkLive", "dr1", message}, []string{w.Fact, w.Cluster, w.Message}, role)
				assert.NotNil(t, w.Since)
				written := h.drpc().ResourceVersion
				h.clock.SetTime(h.clock.Now().Add(time.Minute))
				h.connect("dr2")
				h.pass()
				assert.Equal(t, written, h.drpc().ResourceVersion, "%s: that time goes by is no change", role)
			}
		})
	}
}
