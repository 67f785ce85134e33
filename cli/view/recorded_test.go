// SPDX-License-Identifier: Apache-2.0

package view_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/tests/gitops/record"
)

// states are how it is at moments that the hub recorded, ten minutes later.
var states = map[string]view.State{
	"deployed": view.Protected, "failed-over": view.Protected, "relocated": view.Protected,

	"deploying": view.Moving, "failing-over": view.Moving, "failed-over-cleaning-up": view.Moving, "relocate-preparing": view.Moving,
	"relocating-final-sync": view.Moving, "relocating-workload-remains": view.Moving, "deleting": view.Moving,
	"deployed-home-connecting": view.Moving, "wish-deleted-by-hand": view.Moving,

	"deployed-never-synced": view.AtRisk, "deployed-peer-lost": view.AtRisk, "deployed-store-refuses": view.AtRisk,
	"deployed-without-volumes": view.AtRisk, "failed-over-source-lost": view.AtRisk,

	"failover-asked": view.NotSeen, "deployed-unreadable": view.Unknown,

	"deploying-cluster-never-seen": view.Blocked, "failing-over-survivor-lost": view.Blocked, "relocating-source-lost": view.Blocked,
	"deleting-peer-lost": view.Blocked, "deploying-policy-invalid": view.Blocked, "adopting-home-unseen": view.Blocked,

	"deployed-volumes-broken": view.NotRunning,

	"deployed-home-lost": view.HomeLost, "deployed-both-lost": view.HomeLost, "failed-over-home-lost": view.HomeLost, "relocated-home-lost": view.HomeLost,

	"two-primaries": view.NeedsYou, "failover-nowhere": view.NeedsYou, "failover-found-nothing": view.NeedsYou, "refused-conflict": view.NeedsYou,
	"home-replaced": view.NeedsYou, "wish-deleted-in-a-relocate": view.NeedsYou, "restored-from-backup": view.NeedsYou,
}

// look is a look, ten minutes later, at what the hub left in an object at a moment.
func look(t *testing.T, object *unstructured.Unstructured) *view.Snapshot {
	t.Helper()
	policy := v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "policy"}, Spec: v1alpha1.DRPolicySpec{DRClusters: []string{"dr1", "dr2"}, SchedulingInterval: "1h"}}
	drpc := v1alpha1.DRPlacementControl{}
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &drpc))
	return &view.Snapshot{Now: time.Date(2026, 1, 1, 12, 10, 0, 0, time.UTC), Applications: []v1alpha1.DRPlacementControl{drpc}, Policies: map[string]v1alpha1.DRPolicy{"policy": policy}}
}

// TestStatesOfWhatTheHubRecorded: what the hub really leaves in its objects, in one word.
func TestStatesOfWhatTheHubRecorded(t *testing.T) {
	recorded := record.Load(t, "../../hubctrl/drpc/testdata/recorded")
	for moment := range states {
		assert.Contains(t, recorded, moment, "the hub records this moment no more")
	}
	for moment, object := range recorded {
		s := look(t, object)
		a := view.StatusOf(s).Items[0]
		if want, told := states[moment]; told {
			assert.Equal(t, want, a.State, "%s: %s", moment, a.Reason)
		}
		drpc := &s.Applications[0]
		for _, c := range drpc.Status.Conditions {
			if c.Type == "Stalled" && c.Status == "True" {
				assert.Equal(t, view.NeedsYou, a.State, "%s: only the user can help", moment)
			}
		}
		if a.State == view.Protected {
			assert.Empty(t, a.Next+a.Reason, moment)
			assert.Nil(t, a.WaitsFor, moment)
			continue
		}
		assert.NotEmpty(t, a.Reason, "%s: the reason of %s", moment, a.State)
		assert.NotEmpty(t, a.Next, moment)
	}
}

// TestAnExplanationHasAllThatTheHubSays: of each moment the explanation repeats what is awaited, in the hub's words.
func TestAnExplanationHasAllThatTheHubSays(t *testing.T) {
	for moment, object := range record.Load(t, "../../hubctrl/drpc/testdata/recorded") {
		d := &view.Detail{Snapshot: *look(t, object), Sides: []view.Side{{Cluster: "dr1"}, {Cluster: "dr2"}}}
		e := view.Explain(d)
		w := d.Applications[0].Status.Waiting
		if w == nil {
			continue
		}
		require.NotNil(t, e.Application.WaitsFor, moment)
		assert.Equal(t, w.Message, e.Application.WaitsFor.Message, moment)
		assert.Equal(t, w.NextStep, e.Helper.NextStep, moment)
		assert.NotEqual(t, view.Nobody, e.Helper.Who, moment)
	}
}

// TestAgesAreByTheClockOfTheHub: the renewTime of a Lease is by the clock of the cluster, and proves nothing about its age.
func TestAgesAreByTheClockOfTheHub(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	written, ahead := metav1.NewTime(now.Add(-3*time.Second)), metav1.NewMicroTime(now.Add(-time.Hour))
	lease := coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{Time: &written}}}, Spec: coordinationv1.LeaseSpec{RenewTime: &ahead}}
	seen := func() view.Cluster {
		drpc := v1alpha1.DRPlacementControl{}
		drpc.Spec.DRPolicyRef.Name = "policy"
		s := &view.Snapshot{
			Now: now, Applications: []v1alpha1.DRPlacementControl{drpc}, Leases: map[string]coordinationv1.Lease{"dr1": lease},
			Policies: map[string]v1alpha1.DRPolicy{"policy": {Spec: v1alpha1.DRPolicySpec{DRClusters: []string{"dr1"}}}},
		}
		return view.StatusOf(s).Clusters[0]
	}
	assert.Equal(t, view.ClusterLive, seen().State)
	assert.EqualValues(t, 3, seen().Heard.AgeSeconds)
	lease.Annotations = map[string]string{"exchange.ramendr.openshift.io/link": "lost: can't reach the cluster"}
	assert.Equal(t, view.ClusterLost, seen().State, "the mirror writes, but says itself that it can't renew")
	assert.Equal(t, "lost: can't reach the cluster", seen().Word)
}
