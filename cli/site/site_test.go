// SPDX-License-Identifier: Apache-2.0

package site_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/site"
	"github.com/ramendr/ramen-direct/cli/view"
)

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// around is a hub that has lost dr1 nine minutes ago, and hears of dr2.
func around() *view.Snapshot {
	s := &view.Snapshot{
		Now: now, Leases: map[string]coordinationv1.Lease{},
		Policies: map[string]v1alpha1.DRPolicy{"5m": {Spec: v1alpha1.DRPolicySpec{DRClusters: []string{"dr1", "dr2"}, SchedulingInterval: "5m"}}},
	}
	heard(s, "dr1", 9*time.Minute)
	heard(s, "dr2", time.Second)
	return s
}

func heard(s *view.Snapshot, cluster string, ago time.Duration) {
	at := metav1.NewTime(now.Add(-ago))
	s.Leases[cluster] = coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{Time: &at}}}}
}

// app is an application that ran on dr1.
func app(name string, change ...func(*v1alpha1.DRPlacementControl)) v1alpha1.DRPlacementControl {
	synced := metav1.NewTime(now.Add(-2 * time.Minute))
	d := v1alpha1.DRPlacementControl{
		ObjectMeta: metav1.ObjectMeta{Namespace: "bank", Name: name, UID: types.UID("uid-" + name), Generation: 1, Annotations: map[string]string{}},
		Spec:       v1alpha1.DRPlacementControlSpec{PreferredCluster: "dr1"},
		Status: v1alpha1.DRPlacementControlStatus{
			ObservedGeneration: 1, Phase: v1alpha1.Deployed, Progression: v1alpha1.ProgressionCompleted, LastGroupSyncTime: &synced,
			Decisions:  []v1alpha1.ClusterDecision{{ClusterName: "dr1", Reason: v1alpha1.DecisionRun}},
			Conditions: []metav1.Condition{{Type: "Available", Status: "Unknown", Reason: "LinkLost"}},
		},
	}
	d.Spec.DRPolicyRef.Name = "5m"
	for _, c := range change {
		c(&d)
	}
	return d
}

func details(s *view.Snapshot, apps ...v1alpha1.DRPlacementControl) (out []*view.Detail) {
	for i := range apps {
		d := &view.Detail{Snapshot: *s}
		d.Applications = apps[i : i+1]
		for _, c := range []string{"dr1", "dr2"} {
			d.Sides = append(d.Sides, view.Side{Cluster: c})
		}
		out = append(out, d)
	}
	return out
}

func wave(n string) func(*v1alpha1.DRPlacementControl) {
	return func(d *v1alpha1.DRPlacementControl) { d.Annotations["ramendr.openshift.io/failover-wave"] = n }
}

// shape is a plan in one line: the waves and what is left out.
func shape(s *view.Site) string {
	var out []string
	for i := range s.Waves {
		var names []string
		for _, a := range s.Waves[i].Applications {
			names = append(names, a.Name)
		}
		out = append(out, fmt.Sprintf("%d: %s", s.Waves[i].Number, strings.Join(names, " ")))
	}
	for _, a := range s.LeftOut {
		out = append(out, "- "+a.Name)
	}
	return strings.Join(out, ", ")
}

func plan(t *testing.T, s *view.Snapshot, r view.SiteRequest, foresee site.Foresee, apps ...v1alpha1.DRPlacementControl) *view.Site {
	t.Helper()
	out, err := site.Plan(s, details(s, apps...), "dr1", r, foresee)
	require.NoError(t, err)
	return out
}

func TestWavesGoByNumber(t *testing.T) {
	elsewhere := func(d *v1alpha1.DRPlacementControl) { d.Status.Decisions[0].ClusterName = "dr2" }
	got := plan(t, around(), view.SiteRequest{}, nil,
		app("late", wave("10")), app("b"), app("a"), app("first", wave(" -1 ")), app("second", wave("2")), app("slip", wave("two")), app("other", elsewhere))
	assert.Equal(t, "-1: first, 0: a b slip, 2: second, 10: late", shape(got))
	assert.Empty(t, got.Refusals)
	assert.Equal(t, view.Good, got.Severity())
	assert.EqualValues(t, 120, got.Waves[0].Applications[0].Loses.AgeSeconds)
	assert.Empty(t, got.ID, "what the hub would decide is not known")
}

// TestWhatCanNotGoIsLeftOut: with a reason, and a command that helps; the others go.
func TestWhatCanNotGoIsLeftOut(t *testing.T) {
	minute := int64(60)
	for reason, row := range map[string]struct {
		request view.SiteRequest
		change  func(*view.Snapshot, *v1alpha1.DRPlacementControl)
	}{
		"it is not known that any data ever came to dr2":  {change: func(_ *view.Snapshot, d *v1alpha1.DRPlacementControl) { d.Status.LastGroupSyncTime = nil }},
		"cluster dr2 was heard of 9m ago":                 {change: func(s *view.Snapshot, _ *v1alpha1.DRPlacementControl) { heard(s, "dr2", 9*time.Minute) }},
		"cluster dr2 was never heard of":                  {change: func(s *view.Snapshot, _ *v1alpha1.DRPlacementControl) { delete(s.Leases, "dr2") }},
		"cluster dr3 is not in DRPolicy 5m":               {request: view.SiteRequest{To: "dr3"}},
		"dr1 is the cluster that is given up":             {request: view.SiteRequest{To: "dr1"}},
		"up to 2m would be lost, which is more than 1m0s": {request: view.SiteRequest{MaxLossSeconds: &minute}},
		"Flux takes this object from a Git repository": {change: func(_ *view.Snapshot, d *v1alpha1.DRPlacementControl) {
			d.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "dr"}
		}},
		"it waits for you": {change: func(_ *view.Snapshot, d *v1alpha1.DRPlacementControl) {
			d.Status.Conditions = append(d.Status.Conditions, metav1.Condition{Type: "Stalled", Status: "True"})
		}},
		"its protection is being ended": {change: func(_ *view.Snapshot, d *v1alpha1.DRPlacementControl) {
			d.DeletionTimestamp = &metav1.Time{Time: now}
		}},
	} {
		s, d := around(), app("a")
		if row.change != nil {
			row.change(s, &d)
		}
		got := plan(t, s, row.request, nil, d)
		if assert.Equal(t, "- a", shape(got), reason) {
			assert.Contains(t, got.LeftOut[0].Reason, reason)
			assert.Equal(t, view.Problem, got.Severity(), reason)
		}
	}
	inGit := app("a", func(d *v1alpha1.DRPlacementControl) {
		d.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "dr"}
	})
	assert.Equal(t, "0: a", shape(plan(t, around(), view.SiteRequest{EvenIfGit: true}, nil, inGit)))
}

func TestAClusterThatAnswersIsNotGivenUp(t *testing.T) {
	s := around()
	heard(s, "dr1", time.Second)
	got := plan(t, s, view.SiteRequest{}, nil, app("a"))
	require.Len(t, got.Refusals, 1)
	assert.Equal(t, view.GuardSource, got.Refusals[0].Guard)
	assert.Empty(t, plan(t, s, view.SiteRequest{SourceIsDown: true}, nil, app("a")).Refusals)
}

// TestTheHubsOwnCodeIsAsked: what only a person can end is left out; what ends by itself is said, and goes.
func TestTheHubsOwnCodeIsAsked(t *testing.T) {
	says := map[string]site.Foreseen{
		"a": {ID: "1", Runs: true},
		"b": {ID: "2", WaitsFor: &view.Wait{Cluster: "dr2", Fact: "InboxComplete", Message: "the inbox of cluster dr2 is not complete yet"}},
		"c": {ID: "3", WaitsFor: &view.Wait{Fact: "PolicyValid", You: true, Message: "the policy is not valid"}},
		"d": {ID: "4", WaitsFor: &view.Wait{Cluster: "dr1", Fact: "Answer", Message: "an answer of dr1"}},
	}
	foresee := func(d *view.Detail, _ *view.Order) (*site.Foreseen, error) {
		f := says[d.Applications[0].Name]
		return &f, nil
	}
	apps := []v1alpha1.DRPlacementControl{app("a"), app("b"), app("c"), app("d")}
	first := plan(t, around(), view.SiteRequest{}, foresee, apps...)
	assert.Equal(t, "0: a b, - c, - d", shape(first))
	assert.Equal(t, "the inbox of cluster dr2 is not complete yet", first.Waves[0].Applications[1].Reason)
	assert.Equal(t, first.ID, plan(t, around(), view.SiteRequest{}, foresee, apps[3], apps[1], apps[2], apps[0]).ID, "in any order")
	says["a"] = site.Foreseen{ID: "5", Runs: true}
	second := plan(t, around(), view.SiteRequest{}, foresee, apps...)
	assert.NotEqual(t, first.ID, second.ID, "a fact has changed")
	wave("7")(&apps[0])
	assert.NotEqual(t, second.ID, plan(t, around(), view.SiteRequest{}, foresee, apps...).ID, "a wave has changed")
}

// TestTheObjectDecidesHowFarAnApplicationHasCome, whatever the record says.
func TestTheObjectDecidesHowFarAnApplicationHasCome(t *testing.T) {
	asks := func(d *v1alpha1.DRPlacementControl) {
		d.Spec.Action, d.Spec.FailoverCluster, d.Generation = v1alpha1.ActionFailover, "dr2", 2
	}
	marked := func(d *v1alpha1.DRPlacementControl) { d.Annotations["ramendr.openshift.io/site-failover"] = "this-run" }
	seen := func(d *v1alpha1.DRPlacementControl) {
		d.Status.ObservedGeneration, d.Status.Phase = d.Generation, v1alpha1.FailingOver
	}
	runs := func(d *v1alpha1.DRPlacementControl) {
		d.Status.Phase, d.Status.Decisions[0].ClusterName, d.Status.Conditions[0].Status = v1alpha1.FailedOver, "dr2", "True"
	}
	stuck := func(d *v1alpha1.DRPlacementControl) {
		d.Status.Conditions = append(d.Status.Conditions, metav1.Condition{Type: "Stalled", Status: "True"})
		d.Status.Waiting = &v1alpha1.Waiting{Fact: "DataLossAccepted", Message: "nothing was found"}
	}
	type changes = []func(*v1alpha1.DRPlacementControl)
	for name, row := range map[string]struct {
		was     view.SiteState
		changes changes
		want    view.SiteState
	}{
		"not begun":                                {view.SitePending, nil, view.SitePending},
		"begun, and the record does not know":      {view.SitePending, changes{asks, marked}, view.SiteBegun},
		"begun by somebody else":                   {view.SitePending, changes{asks}, view.SiteBegun},
		"the hub moves it":                         {view.SiteBegun, changes{asks, marked, seen}, view.SiteBegun},
		"it runs":                                  {view.SiteBegun, changes{asks, marked, seen, runs}, view.SiteDone},
		"it ran before the hub saw the new spec":   {view.SiteBegun, changes{seen, runs, asks, marked}, view.SiteBegun},
		"only a person can help":                   {view.SiteBegun, changes{asks, marked, seen, stuck}, view.SiteNeedsYou},
		"it was stuck before the hub saw the spec": {view.SiteBegun, changes{seen, stuck, asks, marked}, view.SiteBegun},
		"taken back, as the record knows":          {view.SiteBegun, nil, view.SiteTakenBack},
		"taken back, and the record does not know": {view.SitePending, changes{marked}, view.SiteTakenBack},
		"marked by another run":                    {view.SitePending, changes{func(d *v1alpha1.DRPlacementControl) { d.Annotations["ramendr.openshift.io/site-failover"] = "earlier" }}, view.SitePending},
		"done, and moved on since":                 {view.SiteDone, changes{marked}, view.SiteDone},
		"left out stays so":                        {view.SiteLeftOut, changes{asks}, view.SiteLeftOut},
		"created again":                            {view.SiteBegun, changes{asks, func(d *v1alpha1.DRPlacementControl) { d.UID = "other" }}, view.SiteGone},
		"being deleted":                            {view.SiteBegun, changes{asks, func(d *v1alpha1.DRPlacementControl) { d.DeletionTimestamp = &metav1.Time{Time: now} }}, view.SiteGone},
	} {
		d := app("a", row.changes...)
		a := view.SiteApplication{Namespace: "bank", Name: "a", UID: "uid-a", To: "dr2", State: row.was}
		site.Judge(&a, &d, "this-run")
		assert.Equal(t, row.want, a.State, name)
		if row.want == view.SiteNeedsYou {
			assert.Equal(t, "DataLossAccepted: nothing was found", a.Reason)
			assert.Equal(t, "kubectl ramen-direct why a -n bank", a.Next)
		}
	}
	a := view.SiteApplication{UID: "uid-a", State: view.SiteBegun}
	site.Judge(&a, nil, "this-run")
	assert.Equal(t, view.SiteGone, a.State)
}

func TestToResumeTriesAgainWhatWasLeftOut(t *testing.T) {
	s := around()
	got := plan(t, s, view.SiteRequest{}, nil, app("a"), app("b"))
	got.Run = &view.SiteRun{ID: "this-run"}
	got.Waves[0].Applications[0].State = view.SiteLeftOut
	s.Applications = []v1alpha1.DRPlacementControl{app("a"), app("b")}
	site.Resume(got, view.SiteRequest{}, s)
	assert.Equal(t, map[view.SiteState]int{view.SitePending: 2}, got.Count())
	assert.Empty(t, got.Refusals)
	heard(s, "dr1", time.Second)
	site.Resume(got, view.SiteRequest{}, s)
	require.Len(t, got.Refusals, 1, "the cluster answers again")
	site.Resume(got, view.SiteRequest{SourceIsDown: true}, s)
	assert.Empty(t, got.Refusals)
	_, a := site.Find(got, "bank", "b")
	assert.Equal(t, "b", a.Name)
	assert.Equal(t, 240, len(site.Said(strings.Repeat("x", 1000))))
}
