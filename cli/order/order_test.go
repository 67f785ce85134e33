// SPDX-License-Identifier: Apache-2.0

package order_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/view"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// world is a hub with one application, which runs on dr1 and is protected on dr2.
type world struct {
	*view.Detail
	drpc *v1alpha1.DRPlacementControl
}

func newWorld() *world {
	synced := metav1.NewTime(now.Add(-2 * time.Minute))
	d := v1alpha1.DRPlacementControl{
		ObjectMeta: metav1.ObjectMeta{Namespace: "bank", Name: "ledger", Generation: 1, ResourceVersion: "17"},
		Spec:       v1alpha1.DRPlacementControlSpec{PreferredCluster: "dr1"},
		Status: v1alpha1.DRPlacementControlStatus{
			ObservedGeneration: 1, Phase: v1alpha1.Deployed, Progression: v1alpha1.ProgressionCompleted, LastGroupSyncTime: &synced,
			Decisions: []v1alpha1.ClusterDecision{{ClusterName: "dr1", Reason: v1alpha1.DecisionRun}},
		},
	}
	d.Spec.DRPolicyRef.Name = "5m"
	for _, kind := range []string{"Available", "PeerReady", "Protected", "Ready"} {
		d.Status.Conditions = append(d.Status.Conditions, metav1.Condition{Type: kind, Status: "True"})
	}
	w := &world{Detail: &view.Detail{Snapshot: view.Snapshot{
		Now: now, Applications: []v1alpha1.DRPlacementControl{d}, Leases: map[string]coordinationv1.Lease{},
		Policies: map[string]v1alpha1.DRPolicy{"5m": {Spec: v1alpha1.DRPolicySpec{DRClusters: []string{"dr1", "dr2"}, SchedulingInterval: "5m"}}},
	}}}
	w.drpc = &w.Applications[0]
	for _, cluster := range []string{"dr1", "dr2"} {
		role := v1alpha1.Secondary
		if cluster == "dr1" {
			role = v1alpha1.Primary
		}
		w.Sides = append(w.Sides, view.Side{Cluster: cluster, Wish: &v1alpha1.VolumeReplicationGroup{Spec: v1alpha1.VolumeReplicationGroupSpec{ReplicationState: role}}})
		w.heard(cluster, 2*time.Second)
	}
	return w
}

func (w *world) heard(cluster string, ago time.Duration) {
	at := metav1.NewTime(now.Add(-ago))
	w.Leases[cluster] = coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{Time: &at}}}}
}

func (w *world) lost() *world {
	w.heard("dr1", 9*time.Minute)
	w.drpc.Status.Conditions[0] = metav1.Condition{Type: "Available", Status: "Unknown", Reason: "LinkLost"}
	return w
}

func ordered(t *testing.T, w *world, r order.Request) *view.Order {
	t.Helper()
	o, err := order.For(w.Detail, r)
	require.NoError(t, err)
	return o
}

func guards(o *view.Order) (out []view.Guard) {
	for _, r := range o.Refusals {
		out = append(out, r.Guard)
	}
	return out
}

var failover = order.Request{Action: v1alpha1.ActionFailover}

// TestALinkIsLostAtTheMomentItsLeaseEnds: the hub calls it so then, and what it says and what the tool says are read side by side.
func TestALinkIsLostAtTheMomentItsLeaseEnds(t *testing.T) {
	for ago, state := range map[time.Duration]view.ClusterState{14900 * time.Millisecond: view.ClusterLive, 15400 * time.Millisecond: view.ClusterLost} {
		w := newWorld()
		w.heard("dr1", ago)
		o, err := order.For(w.Detail, order.Request{Action: v1alpha1.ActionFailover})
		require.NoError(t, err)
		assert.Equal(t, state, o.Clusters[0].State, "%s", ago)
		assert.Equal(t, state == view.ClusterLive, len(o.Refusals) > 0, "%s", ago)
	}
}

func TestAFailoverOfALostCluster(t *testing.T) {
	o := ordered(t, newWorld().lost(), failover)
	assert.Equal(t, map[string]string{"action": "Failover", "failoverCluster": "dr2"}, o.Spec)
	assert.Equal(t, "17", o.ResourceVersion)
	assert.Empty(t, o.Refusals)
	assert.Empty(t, o.Warnings)
	assert.EqualValues(t, 120, o.Loses.AgeSeconds)
}

func TestAClusterThatAnswersIsNotGivenUpWithoutAWord(t *testing.T) {
	o := ordered(t, newWorld(), failover)
	assert.Equal(t, []view.Guard{view.GuardSource}, guards(o))
	assert.Contains(t, o.Refusals[0].Message, "kubectl ramen-direct relocate ledger -n bank")
	r := failover
	r.SourceIsDown = true
	assert.Empty(t, guards(ordered(t, newWorld(), r)))
	w := newWorld()
	w.drpc.Status.Conditions[0].Status = "False"
	assert.Empty(t, guards(ordered(t, w, failover)), "nothing runs there that could be relocated")
	w = newWorld()
	w.Leases = nil
	assert.Empty(t, guards(ordered(t, w, failover)), "what is not known holds no failover back")
}

func TestAFailoverThatLosesMoreThanAllowed(t *testing.T) {
	for limit, want := range map[time.Duration][]view.Guard{time.Minute: {view.GuardMaxLoss}, 2 * time.Minute: nil, 2*time.Minute - time.Millisecond: {view.GuardMaxLoss}, 0: {view.GuardMaxLoss}} {
		r := failover
		r.MaxLoss = &limit
		assert.Equal(t, want, guards(ordered(t, newWorld().lost(), r)), limit)
	}
	w, limit := newWorld().lost(), 1000*time.Hour
	w.drpc.Status.LastGroupSyncTime = nil
	r := failover
	r.MaxLoss = &limit
	o := ordered(t, w, r)
	assert.Equal(t, []view.Guard{view.GuardMaxLoss}, guards(o), "unknown is not little")
	assert.Contains(t, o.Warnings[0], "may find nothing to restore")
}

func TestNothingIsAskedForTwice(t *testing.T) {
	w := newWorld()
	w.drpc.Spec.Action, w.drpc.Spec.FailoverCluster = v1alpha1.ActionFailover, "dr2"
	w.drpc.Status.Decisions[0].ClusterName, w.drpc.Status.Phase = "dr2", v1alpha1.FailedOver
	r := failover
	r.To = "dr2"
	assert.Contains(t, ordered(t, w, r).Already, "is what the spec asks for already: phase FailedOver")
	assert.Contains(t, ordered(t, newWorld(), order.Request{Action: v1alpha1.ActionRelocate, To: "dr1"}).Already, "is on dr1 already")
	assert.Contains(t, ordered(t, newWorld(), order.Request{Action: v1alpha1.ActionFailover, To: "dr1"}).Already, "is on dr1 already")
	assert.Contains(t, ordered(t, newWorld(), order.Request{}).Already, "no action is asked for")
}

func TestBothPrimaryAreEndedByAFailoverToEither(t *testing.T) {
	for _, to := range []string{"dr1", "dr2"} {
		w := newWorld()
		w.drpc.Status.Conditions = append(w.drpc.Status.Conditions, metav1.Condition{Type: "Stalled", Status: "True"})
		o := ordered(t, w, order.Request{Action: v1alpha1.ActionFailover, To: to})
		assert.Empty(t, o.Already)
		assert.Empty(t, o.Refusals)
	}
}

func TestTargetsAreClustersOfThePolicy(t *testing.T) {
	_, err := order.For(newWorld().Detail, order.Request{Action: v1alpha1.ActionFailover, To: "dr3"})
	assert.ErrorContains(t, err, "cluster dr3 is not in DRPolicy 5m, which has dr1 and dr2")
	w := newWorld()
	w.drpc.Status.Decisions = nil
	w.Sides[0].Wish.Spec.ReplicationState = v1alpha1.Secondary
	_, err = order.For(w.Detail, failover)
	assert.ErrorContains(t, err, "name the cluster with --to")
	assert.Equal(t, "dr1", ordered(t, w, order.Request{Action: v1alpha1.ActionFailover, To: "dr1"}).To)
}

func TestARelocateSaysWhatItWillWaitFor(t *testing.T) {
	w := newWorld()
	assert.Empty(t, ordered(t, w, order.Request{Action: v1alpha1.ActionRelocate}).Warnings)
	w.heard("dr2", time.Hour)
	w.drpc.Status.Conditions[1] = metav1.Condition{Type: "PeerReady", Status: "False", Reason: "LinkLost"}
	o := ordered(t, w, order.Request{Action: v1alpha1.ActionRelocate})
	assert.Equal(t, map[string]string{"action": "Relocate", "preferredCluster": "dr2"}, o.Spec)
	assert.Equal(t, []string{
		"cluster dr2 was heard of 60m ago: until it is heard of, the relocate waits, and begins whenever that is",
		"cluster dr2 is not ready (LinkLost): until it is, the relocate waits",
	}, o.Warnings)
}

func TestInTheMiddleOfARelocateTheSourceIsStillWhereTheDataIs(t *testing.T) {
	w := newWorld()
	w.drpc.Spec.Action, w.drpc.Spec.PreferredCluster, w.drpc.Status.Phase, w.drpc.Status.Decisions = v1alpha1.ActionRelocate, "dr2", v1alpha1.Relocating, nil
	e := view.Explain(w.Detail)
	assert.Equal(t, "dr1", e.Application.Home)
	assert.Equal(t, "dr2", e.Application.Target)
	for _, c := range e.Choices {
		assert.NotContains(t, c.Command, "failover ledger -n bank --to dr1", "clear does that, and loses nothing")
	}
	assert.Equal(t, []view.Guard{view.GuardSource}, guards(ordered(t, w, failover)), "it answers, and a failover would lose what the relocate keeps")
}

func TestClearSaysWhereItEnds(t *testing.T) {
	w := newWorld()
	w.drpc.Spec.Action, w.drpc.Spec.PreferredCluster = v1alpha1.ActionRelocate, "dr2"
	o := ordered(t, w, order.Request{})
	assert.Equal(t, map[string]string{"action": ""}, o.Spec)
	assert.Equal(t, "dr1", o.To)
	w.Sides[0].Wish.Spec.ReplicationState = v1alpha1.Secondary
	o = ordered(t, w, order.Request{})
	assert.Equal(t, "dr2", o.To)
	assert.Contains(t, o.Warnings[0], "past its point of no return")
	w.Sides[0].Unread = true
	o = ordered(t, w, order.Request{})
	assert.Empty(t, o.To)
	assert.Contains(t, o.Warnings[0], "you may not read the outboxes")
}

func TestWhatGitOwnsIsCommittedThere(t *testing.T) {
	owned := metav1.NewFieldsV1(`{"f:spec":{"f:preferredCluster":{}}}`)
	for name, mark := range map[string]func(*v1alpha1.DRPlacementControl){
		"Argo CD: by its manager": func(d *v1alpha1.DRPlacementControl) {
			d.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "argocd-controller", FieldsV1: owned}}
		},
		"Argo CD: by its annotation": func(d *v1alpha1.DRPlacementControl) {
			d.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "dr:ramendr.openshift.io/DRPlacementControl:bank/ledger"}
		},
		"Flux: by its manager": func(d *v1alpha1.DRPlacementControl) {
			d.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kustomize-controller", FieldsV1: owned}}
		},
		"Flux: by its label": func(d *v1alpha1.DRPlacementControl) {
			d.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "dr"}
		},
	} {
		w := newWorld().lost()
		mark(w.drpc)
		o := ordered(t, w, failover)
		tool, _, _ := strings.Cut(name, ":")
		assert.Equal(t, []view.Guard{view.GuardGit}, guards(o), name)
		assert.Equal(t, tool, o.Git.Tool)
		assert.Equal(t, "apiVersion: ramendr.openshift.io/v1alpha1\nkind: DRPlacementControl\nmetadata:\n  name: ledger\n  namespace: bank\nspec:\n  action: Failover\n  failoverCluster: dr2\n", o.Git.Commit)
		r := failover
		r.EvenIfGit = true
		o = ordered(t, w, r)
		assert.Empty(t, o.Refusals)
		assert.Contains(t, o.Warnings[0], "may undo the change within seconds")
	}
	w := newWorld().lost()
	w.drpc.ManagedFields = []metav1.ManagedFieldsEntry{
		{Manager: "argocd-controller", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{}}}`)}, {Manager: "kubectl", FieldsV1: owned},
	}
	assert.Empty(t, ordered(t, w, failover).Git, "it owns a label only")
}

func TestReached(t *testing.T) {
	w := newWorld()
	d := w.drpc
	d.Spec.Action = v1alpha1.ActionFailover
	o := &view.Order{Operation: view.Failover, To: "dr2"}
	assert.False(t, order.Reached(d, o))
	d.Status.Phase, d.Status.Decisions = v1alpha1.FailedOver, []v1alpha1.ClusterDecision{{ClusterName: "dr1", Reason: v1alpha1.DecisionRetain}, {ClusterName: "dr2", Reason: v1alpha1.DecisionRun}}
	assert.True(t, order.Reached(d, o))
	d.Generation++
	assert.False(t, order.Reached(d, o), "the hub has not looked at the spec")
	d.Generation--
	d.Status.Conditions[0].Status = "Unknown"
	assert.False(t, order.Reached(d, o), "it does not run yet")
}
