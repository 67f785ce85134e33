// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func TestDeployGoesToTheEnd(t *testing.T) {
	h := newHub(t, newDRPC())
	assert.Equal(t, []string{
		"hold drpc db",
		"wish dr2 secondary epoch 1",
		"mark wish dr2",
		"wish dr1 primary epoch 1",
		"decisions [dr1 Run]",
	}, h.settle(), "the peer first: a lone secondary is harmless")
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
	for kind, want := range map[string]string{
		"Available": "True Deployed the workload runs on dr1", "PeerReady": "True Success cluster dr2 is Secondary",
		"Protected": "True Protected 1 volumes are protected",
		"Ready":     "True AsExpected the workload runs, and its peer stands by",
	} {
		c := h.condition(kind)
		assert.Equal(t, want, string(c.Status)+" "+c.Reason+" "+c.Message, kind)
	}
	s := h.drpc().Status
	assert.Len(t, s.Conditions, 4, "Reconciling and Stalled are there only while they are True: tools expect True of all")
	assert.Equal(t, v1alpha1.PlacementDecision{ClusterName: "dr1", ClusterNamespace: "dr1"}, s.PreferredDecision)
	assert.Equal(t, start.Add(-60e9), s.LastGroupSyncTime.UTC())
	assert.Equal(t, []string{"data"}, s.ResourceConditions.ResourceMeta.ProtectedPVCs)
	assert.Nil(t, s.Waiting)
}

func TestDeployWritesWholeWishes(t *testing.T) {
	h := newHub(t, newDRPC(func(d *v1alpha1.DRPlacementControl) {
		d.Annotations["drplacementcontrol.ramendr.openshift.io/is-cg-enabled"] = "true"
	}))
	h.pass()
	h.obey("dr2")
	h.pass()
	for cluster, role := range map[string]v1alpha1.ReplicationState{"dr1": "primary", "dr2": "secondary"} {
		w := h.wish(cluster)
		if role == "secondary" {
			assert.Equal(t, "0", w.Annotations["exchange.ramendr.openshift.io/beside"], "when dr1 was promoted it had no wish (X15)")
			delete(w.Annotations, "exchange.ramendr.openshift.io/beside")
		}
		assert.Equal(t, map[string]string{
			"exchange.ramendr.openshift.io/namespace":                     "shop",
			"exchange.ramendr.openshift.io/name":                          "db",
			"exchange.ramendr.openshift.io/epoch":                         "1",
			"exchange.ramendr.openshift.io/drpc":                          "shop/db",
			"exchange.ramendr.openshift.io/origin":                        "hub-uid",
			"drplacementcontrol.ramendr.openshift.io/destination-cluster": cluster,
			"drplacementcontrol.ramendr.openshift.io/drpc-uid":            "drpc-uid",
			"drplacementcontrol.ramendr.openshift.io/is-cg-enabled":       "true",
		}, w.Annotations)
		assert.Equal(t, map[string]string{"ramendr.openshift.io/created-by-ramen": "true"}, w.Labels)
		assert.Equal(t, []string{"exchange.ramendr.openshift.io/wish"}, w.Finalizers)
		assert.Equal(t, v1alpha1.VolumeReplicationGroupSpec{
			PVCSelector:      newDRPC().Spec.PVCSelector,
			ReplicationState: role,
			S3Profiles:       []string{"s3-a", "s3-b"},
			Async: &v1alpha1.VRGAsyncSpec{
				SchedulingInterval: "5m",
				PeerClasses:        []v1alpha1.PeerClass{{StorageClassName: "fast", ReplicationID: "rep"}},
			},
		}, w.Spec)
	}
	assert.Equal(t, []string{"drpc.ramendr.openshift.io/finalizer"}, h.drpc().Finalizers)
}

func TestDeployIntoAnotherNamespace(t *testing.T) {
	h := newHub(t, newDRPC(func(d *v1alpha1.DRPlacementControl) {
		d.Namespace = "ops"
		d.Annotations["drplacementcontrol.ramendr.openshift.io/app-namespace"] = "shop"
	}))
	for range 2 {
		_, err := h.try(clientKey("ops", "db"))
		require.NoError(t, err)
		h.obey("dr2")
	}
	require.NotNil(t, h.wish("dr1"))
	assert.Equal(t, "shop", h.wish("dr1").Annotations["exchange.ramendr.openshift.io/namespace"])
	assert.Equal(t, "ops/db", h.wish("dr1").Annotations["exchange.ramendr.openshift.io/drpc"])
}

func TestDeployWaitsUntilBothInboxesAreKnown(t *testing.T) {
	for name, tc := range map[string]struct {
		edit    func(*hub)
		message string
		asked   []string
	}{
		"a cluster that never reported": {
			func(h *hub) { h.links.state["dr2"] = exchange.Link{} },
			"it is not known what exists on cluster dr2: the mirror of cluster dr2 has never reported", []string{"dr2 shop/db"},
		},
		"a cluster that is lost": {
			func(h *hub) { h.cut("dr1") },
			"it is not known what exists on cluster dr1: cluster dr1 can't be reached; last heard of at 2026-01-01T11:59:45Z", []string{"dr1 shop/db"},
		},
		"a cluster whose mirror connects": {
			func(h *hub) { h.links.state["dr1"] = exchange.Link{State: exchange.LinkConnecting} },
			"it is not known what exists on cluster dr1: the mirror of cluster dr1 is connecting", []string{"dr1 shop/db"},
		},
		"an inbox that lacks something that lies on the cluster": {
			func(h *hub) { h.lease("dr2", "of something more") },
			"the inbox of cluster dr2 is not complete yet", []string{"dr2 shop/db"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, newDRPC())
			tc.edit(h)
			h.pass()
			assert.Empty(t, h.wrote())
			d := h.drpc()
			assert.Empty(t, d.Finalizers, "an application for which nothing was done can be deleted at once")
			require.NotNil(t, d.Status.Waiting)
			assert.Equal(t, "InboxComplete", d.Status.Waiting.Fact)
			assert.Equal(t, tc.message, d.Status.Waiting.Message)
			assert.Equal(t, tc.message, h.condition("Ready").Message)
			assert.Equal(t, tc.message, h.condition("Available").Message)
			assert.Equal(t, tc.asked, h.links.awaited)

			h.connect("dr1")
			h.connect("dr2")
			h.tell("dr2")
			h.settle()
			assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
		})
	}
}

func TestAnAbsenceThatBecomesKnownDuringALookIsLookedAtAgain(t *testing.T) {
	h := newHub(t, newDRPC())
	h.lease("dr2", "of something more")
	assert.Zero(t, h.pass().RequeueAfter, "the link wakes us")
	h.lease("dr2", "of yet more")
	h.fail = func(verb, what string) error {
		if verb == "get" && strings.HasPrefix(what, "ConfigMap") { // after the clusters were looked at
			h.tell("dr2")
		}
		return nil
	}
	assert.Equal(t, drpc.LookAgain, h.pass().RequeueAfter, "nobody tells of it any more")
}

func TestAReportThatArrivesDuringALookProvesNoAbsence(t *testing.T) {
	h := newHub(t, newDRPC())
	h.spokes["dr2"].has, h.spokes["dr2"].stamp.SpokeUID = true, "dr2-uid"
	// The hub reads no report; then the report comes, and the lease tells of it, before the inbox is judged.
	h.fail = func(verb, what string) error {
		if verb == "get" && what == "VolumeReplicationGroup inbox-dr2/shop.db" {
			h.fail = nil
			h.absent = "inbox-dr2"
			h.tell("dr2")
		}
		return nil
	}
	h.pass()
	assert.Empty(t, h.wrote(), "nobody is promoted beside an object that was not looked at")
	require.NotNil(t, h.drpc().Status.Waiting)
	assert.Equal(t, "dr2", h.drpc().Status.Waiting.Cluster)
}

func TestNothingIsProtectedWithoutVolumes(t *testing.T) {
	h := deployed(t)
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) { s.ProtectedPVCs = nil })
	h.pass()
	c := h.condition("Protected")
	assert.Equal(t, "Unknown NoVolumes nothing to protect yet: no PVC matches spec.pvcSelector", string(c.Status)+" "+c.Reason+" "+c.Message)
	assert.Equal(t, "Deployed/Completed [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
}
