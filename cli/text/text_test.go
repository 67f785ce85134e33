// SPDX-License-Identifier: Apache-2.0

package text_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

var rewrite = flag.Bool("rewrite", false, "write what is printed into testdata")

// golden compares text with a file; with -rewrite it writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run this test with -rewrite")
	assert.Equal(t, string(want), got, "run this test with -rewrite, and read the difference")
}

var now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

// drpc is an application that runs on dr1 and is protected.
func drpc(namespace, name string, change ...func(*v1alpha1.DRPlacementControl)) v1alpha1.DRPlacementControl {
	synced := ago(2 * time.Minute)
	d := v1alpha1.DRPlacementControl{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 3},
		Spec:       v1alpha1.DRPlacementControlSpec{PreferredCluster: "dr1"},
		Status: v1alpha1.DRPlacementControlStatus{
			ObservedGeneration: 3, Phase: v1alpha1.Deployed, Progression: v1alpha1.ProgressionCompleted, LastGroupSyncTime: &synced,
			Decisions: []v1alpha1.ClusterDecision{{ClusterName: "dr1", Reason: v1alpha1.DecisionRun}},
		},
	}
	d.Spec.DRPolicyRef.Name = "5m"
	for _, kind := range []string{"Available", "PeerReady", "Protected", "Ready"} {
		say(&d, kind, "True", "Fine", "")
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

func say(d *v1alpha1.DRPlacementControl, kind string, status metav1.ConditionStatus, reason, message string) {
	for i := range d.Status.Conditions {
		if d.Status.Conditions[i].Type == kind {
			d.Status.Conditions[i] = metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: ago(9 * time.Minute)}
			return
		}
	}
	d.Status.Conditions = append(d.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: ago(9 * time.Minute)})
}

func waitFor(d *v1alpha1.DRPlacementControl, cluster, fact, message, next string, since time.Duration) {
	at := ago(since)
	d.Status.Waiting = &v1alpha1.Waiting{Cluster: cluster, Fact: fact, Since: &at, Message: message, NextStep: next}
}

func homeLost(d *v1alpha1.DRPlacementControl) {
	say(d, "Available", "Unknown", "LinkLost", "the workload runs on dr1 as far as is known: cluster dr1 can't be reached; last heard of at 2026-01-01T11:51:00Z")
	say(d, "Protected", "Unknown", "LinkLost", "cluster dr1 can't be reached; what was written after 2026-01-01T11:49:00Z would be lost by a failover")
	say(d, "Ready", "False", "LinkLive", "cluster dr1 can't be reached")
	say(d, "Reconciling", "True", "LinkLive", "cluster dr1 can't be reached")
	waitFor(d, "dr1", "LinkLive", "cluster dr1 can't be reached; last heard of at 2026-01-01T11:51:00Z", "the operation continues automatically when the mirror on dr1 reports again; to run the workload on the other cluster now, set action Failover", 9*time.Minute)
	synced := ago(11 * time.Minute)
	d.Status.LastGroupSyncTime = &synced
}

func relocating(d *v1alpha1.DRPlacementControl) {
	started := ago(41 * time.Second)
	d.Spec.Action, d.Spec.PreferredCluster = v1alpha1.ActionRelocate, "dr2"
	d.Status.Phase, d.Status.Progression, d.Status.ActionStartTime = v1alpha1.Relocating, v1alpha1.ProgressionWaitOnUserToCleanUp, &started
	d.Status.Decisions[0].Reason = v1alpha1.DecisionRetain
	say(d, "Available", "False", "Relocating", "the workload still uses the volumes on cluster dr1")
	say(d, "Ready", "False", "WorkloadGone", "the workload still uses the volumes on cluster dr1")
	waitFor(d, "dr1", "WorkloadGone", "the workload still uses the volumes on cluster dr1: Pod shop/web-0 uses PVC images-1", "remove the workload and its PVCs from dr1 the way they were deployed there, or let the deployment tool follow status.decisions", 41*time.Second)
}

func needsYou(d *v1alpha1.DRPlacementControl) {
	d.Status.Phase, d.Status.Progression = v1alpha1.WaitForUser, v1alpha1.ProgressionPaused
	for _, kind := range []string{"Available", "Ready"} {
		say(d, kind, "False", "ConflictSolved", "both clusters, dr1 and dr2, are Primary")
	}
	say(d, "Stalled", "True", "ConflictSolved", "both clusters, dr1 and dr2, are Primary")
	waitFor(d, "", "ConflictSolved", "both clusters, dr1 and dr2, are Primary", "set action Failover and failoverCluster to the cluster whose data is to be kept", 3*time.Hour)
}

func noPeer(d *v1alpha1.DRPlacementControl) {
	say(d, "PeerReady", "False", "ClusterDataConflictSecondary", "cluster dr2: claims that nobody replicates: shop/cache")
	say(d, "Ready", "False", "Progressing", "")
}

// hostile has a message that would take a terminal over.
func hostile(d *v1alpha1.DRPlacementControl) {
	needsYou(d)
	d.Status.Waiting.Fact = "Fact\x1b[2J\x1b]0;owned\x07"
	d.Status.Waiting.Message = "line one\nline two \u202eesrever\u202c \u009b31m tab\tzero\u200bwidth"
	d.Status.Waiting.NextStep = "\x1b[31mkubectl delete ns shop\x1b[0m"
}

// failedOver runs on dr2 and waits for dr1.
func failedOver(d *v1alpha1.DRPlacementControl) {
	d.Spec.Action, d.Spec.FailoverCluster = v1alpha1.ActionFailover, "dr2"
	d.Status.Phase, d.Status.Progression = v1alpha1.FailedOver, v1alpha1.ProgressionCleaningUp
	d.Status.Decisions = []v1alpha1.ClusterDecision{{ClusterName: "dr1", Reason: v1alpha1.DecisionRetain}, {ClusterName: "dr2", Reason: v1alpha1.DecisionRun}}
	say(d, "PeerReady", "False", "LinkLost", "cluster dr1 can't be reached; last heard of at 2026-01-01T11:51:00Z")
	say(d, "Ready", "False", "LinkLive", "cluster dr1 can't be reached")
	waitFor(d, "dr1", "LinkLive", "cluster dr1 can't be reached; last heard of at 2026-01-01T11:51:00Z", "the operation continues automatically when the mirror on dr1 reports again", 9*time.Minute)
}

func notSeen(d *v1alpha1.DRPlacementControl) { d.Generation = 4 }

func lease(cluster string, heard time.Duration, word string) coordinationv1.Lease {
	at, promised := ago(heard), int32(15)
	return coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-" + cluster, Name: "mirror", Annotations: map[string]string{"exchange.ramendr.openshift.io/link": word}, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "mirror", Time: &at}}},
		Spec:       coordinationv1.LeaseSpec{LeaseDurationSeconds: &promised},
	}
}

func snapshot(apps ...v1alpha1.DRPlacementControl) *view.Snapshot {
	p := v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "5m"}, Spec: v1alpha1.DRPolicySpec{DRClusters: []string{"dr1", "dr2"}, SchedulingInterval: "5m"}}
	renewed := metav1.NewMicroTime(now.Add(-2 * time.Second))
	return &view.Snapshot{
		Now: now, Applications: apps, Policies: map[string]v1alpha1.DRPolicy{"5m": p},
		Leases: map[string]coordinationv1.Lease{"dr1": lease("dr1", 9*time.Minute, "live"), "dr2": lease("dr2", 2*time.Second, "live")},
		Leader: &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{RenewTime: &renewed}},
	}
}

func all() *view.Snapshot {
	return snapshot(
		drpc("shop", "orders"), drpc("shop", "images", relocating), drpc("bank", "ledger", homeLost), drpc("bank", "vault", needsYou),
		drpc("shop", "cache", noPeer), drpc("shop", "new", notSeen), drpc("web", "front", failedOver),
		drpc("shop", "hostile", hostile),
	)
}

func print(t *testing.T, width int, color bool, how func(*text.Page) error) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, how(text.NewPage(&out, width, color)))
	return out.String()
}

func TestStatus(t *testing.T) {
	s := view.StatusOf(all())
	for name, page := range map[string]struct {
		width       int
		color, wide bool
	}{
		"status-80.txt": {width: 80}, "status-200.txt": {width: 200}, "status-pipe.txt": {}, "status-color.txt": {width: 120, color: true}, "status-wide.txt": {width: 200, wide: true},
	} {
		got := print(t, page.width, page.color, func(p *text.Page) error { return p.Status(s, page.wide) })
		golden(t, name, got)
	}
	site := snapshot(drpc("shop", "orders"), drpc("shop", "images", relocating), drpc("bank", "vault", needsYou), drpc("shop", "cache", noPeer))
	site.Leases["dr1"] = lease("dr1", 4*time.Second, "live")
	golden(t, "status.txt", print(t, 100, false, func(p *text.Page) error { return p.Status(view.StatusOf(site), false) }))
}

func TestATableFitsThePage(t *testing.T) {
	s := view.StatusOf(all())
	for _, width := range []int{80, 100, 200} {
		table, _, _ := strings.Cut(print(t, width, false, func(p *text.Page) error { return p.Status(s, false) }), "\n8 applications")
		for line := range strings.Lines(table) {
			assert.LessOrEqual(t, text.Width(strings.TrimRight(line, "\n")), width, line)
		}
	}
	long := view.StatusOf(snapshot(drpc("a-namespace-with-a-long-name-of-a-team", "an-application-whose-name-is-long-too", noPeer)))
	got := print(t, 80, false, func(p *text.Page) error { return p.Status(long, false) })
	assert.Contains(t, got, "a-namespace-with-a-long-name-of-a-team  an-application-whose-name-is-long-too  At risk", "what is typed again is never cut")
}

func TestWordsStandBesideEachColor(t *testing.T) {
	s := view.StatusOf(all())
	with := print(t, 120, true, func(p *text.Page) error { return p.Status(s, false) })
	for _, code := range []string{"\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m", "\x1b[0m"} {
		assert.Contains(t, with, code)
		with = strings.ReplaceAll(with, code, "")
	}
	assert.Equal(t, print(t, 120, false, func(p *text.Page) error { return p.Status(s, false) }), with, "a color adds nothing that is not a word")
}

func TestExplain(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.DRPlacementControl){
		"why-relocating": relocating, "why-home-lost": homeLost, "why-needs-you": needsYou, "why-hostile": hostile, "why-protected": func(*v1alpha1.DRPlacementControl) {},
	} {
		e := view.Explain(detail(drpc("shop", "images", change)))
		golden(t, name+".txt", print(t, 80, false, func(p *text.Page) error { return p.Explain(e) }))
	}
}

// TestOrders prints operations from the question to the end.
func TestOrders(t *testing.T) {
	for name, row := range map[string]struct {
		request order.Request
		change  func(*v1alpha1.DRPlacementControl)
		outcome view.Outcome
		after   func(*v1alpha1.DRPlacementControl)
	}{
		"failover.txt":         {order.Request{Action: v1alpha1.ActionFailover}, homeLost, view.OutcomeDone, failedOver},
		"failover-refused.txt": {order.Request{Action: v1alpha1.ActionFailover}, inGit, view.OutcomeRefused, nil},
		"relocate.txt":         {order.Request{Action: v1alpha1.ActionRelocate}, func(*v1alpha1.DRPlacementControl) {}, view.OutcomeTimedOut, relocating},
		"clear.txt":            {order.Request{}, relocating, view.OutcomeBegun, nil},
	} {
		d := detail(drpc("shop", "images", row.change))
		if row.outcome != view.OutcomeDone {
			d.Leases["dr1"] = lease("dr1", 4*time.Second, "live")
		}
		o, err := order.For(d, row.request)
		require.NoError(t, err)
		o.Outcome = row.outcome
		golden(t, name, print(t, 80, false, func(p *text.Page) error {
			require.NoError(t, p.Order(o))
			if row.after != nil {
				a := view.StatusOf(snapshot(drpc("shop", "images", row.after))).Items[0]
				o.After = &a
				require.NoError(t, p.Progress(41*time.Second, &a))
			}
			return p.Ended(o)
		}))
	}
}

// TestPlan prints a plan that leads somewhere, and one that does not.
func TestPlan(t *testing.T) {
	o, err := order.For(detail(drpc("shop", "images", homeLost)), order.Request{Action: v1alpha1.ActionFailover})
	require.NoError(t, err)
	p := &view.Plan{Order: *o, ID: "7f3c01ab", Runs: true, LastTook: &view.PastOperation{Phase: "Deployed", Seconds: 40}, Steps: []view.PlanStep{
		{Phase: "FailingOver", Progression: "FailingOverToCluster", Writes: []string{"publish in status.decisions: its objects on dr1 are left alone, its objects leave dr2", "tell dr2 to be Primary"}},
		{Phase: "FailingOver", Progression: "WaitForReadiness", Cluster: "dr2", Fact: "Answer", By: view.Automatic},
		{Phase: "FailingOver", Progression: "WaitForReadiness", Cluster: "dr2", Fact: "Primary", By: view.Automatic},
		{Phase: "FailingOver", Progression: "FailingOverToCluster", Writes: []string{"publish in status.decisions: its objects on dr1 are left alone, the workload runs on dr2"}},
		{Phase: "FailedOver", Progression: "Cleaning Up", Writes: []string{"tell dr1 to be Secondary"}},
		{Phase: "FailedOver", Progression: "Cleaning Up", Cluster: "dr1", Fact: "LinkLive", By: view.Automatic},
	}}
	p.Ends = p.Steps[5]
	assert.Contains(t, print(t, 0, false, func(page *text.Page) error { return page.Plan(p) }), "How long it takes is not known; the last operation, which ended as Deployed, took 40s.")
	p.Takes = &view.Takes{Operations: 1, Seconds: 41, MostSeconds: 41}
	assert.Contains(t, print(t, 0, false, func(page *text.Page) error { return page.Plan(p) }), "It takes about 41s until it runs there, as the last time.")
	p.Takes = &view.Takes{Operations: 3, Seconds: 41, MostSeconds: 65}
	golden(t, "plan.txt", print(t, 80, false, func(page *text.Page) error { return page.Plan(p) }))

	d := detail(drpc("shop", "images", func(*v1alpha1.DRPlacementControl) {}))
	o, err = order.For(d, order.Request{Action: v1alpha1.ActionRelocate})
	require.NoError(t, err)
	nowhere := &view.Plan{Order: *o, ID: "11c0ffee", WaitsFor: &view.Wait{Cluster: "dr1", Fact: "LinkLive", Message: "cluster dr1 can't be reached; last heard of at 2026-01-01T11:51:00Z", NextStep: "it continues automatically when the mirror of dr1 reports again"}}
	golden(t, "plan-blocked.txt", print(t, 80, false, func(page *text.Page) error { return page.Plan(nowhere) }))
	assert.Equal(t, view.Problem, nowhere.Severity())
	assert.Equal(t, view.Good, p.Severity())

	back := &view.Plan{}
	through(t, p, back)
	assert.Equal(t, print(t, 0, true, func(page *text.Page) error { return page.Plan(p) }), print(t, 0, true, func(page *text.Page) error { return page.Plan(back) }))
}

func inGit(d *v1alpha1.DRPlacementControl) {
	d.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "dr"}
}

func detail(d v1alpha1.DRPlacementControl) *view.Detail {
	told := ago(2 * time.Second)
	group := func(role v1alpha1.ReplicationState, says v1alpha1.State, annotated map[string]string) (*v1alpha1.VolumeReplicationGroup, *v1alpha1.VolumeReplicationGroup) {
		wish := &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{UID: "w", Generation: 1, Annotations: annotated}, Spec: v1alpha1.VolumeReplicationGroupSpec{ReplicationState: role}}
		report := wish.DeepCopy()
		report.ManagedFields = []metav1.ManagedFieldsEntry{{Time: &told}}
		report.Status = v1alpha1.VolumeReplicationGroupStatus{
			State: says, ObservedGeneration: 7, ProtectedPVCs: []v1alpha1.ProtectedPVC{{Name: "images-1"}},
			Exchange: &v1alpha1.ExchangeStamp{WishUID: "w", WishGeneration: 1, SpokeGeneration: 7, Epoch: 4},
			Conditions: []metav1.Condition{
				{Type: "DataReady", Status: "True", ObservedGeneration: 7, Reason: "Ready"},
				{Type: "ClusterDataProtected", Status: "False", ObservedGeneration: 7, Reason: "UploadError", Message: "S3 profile s3-dr1: Unreachable", LastTransitionTime: ago(time.Minute)},
			},
		}
		return wish, report
	}
	out := &view.Detail{Snapshot: *snapshot(d)}
	epoch := map[string]string{"exchange.ramendr.openshift.io/epoch": "4"}
	for _, side := range []struct {
		cluster string
		role    v1alpha1.ReplicationState
		says    v1alpha1.State
	}{{"dr1", v1alpha1.Primary, v1alpha1.PrimaryState}, {"dr2", v1alpha1.Secondary, v1alpha1.SecondaryState}} {
		wish, report := group(side.role, side.says, epoch)
		dc := &v1alpha1.DRCluster{Status: v1alpha1.DRClusterStatus{Conditions: []metav1.Condition{{Type: "Connected", Status: "True", Reason: "Live"}}}}
		out.Sides = append(out.Sides, view.Side{Cluster: side.cluster, DRCluster: dc, Wish: wish, Report: report})
	}
	return out
}

// TestTheTextComesFromTheEnvelope prints what somebody reads from JSON: the same.
func TestTheTextComesFromTheEnvelope(t *testing.T) {
	s := view.StatusOf(all())
	again := &view.Status{}
	through(t, s, again)
	assert.Equal(t, print(t, 0, true, func(p *text.Page) error { return p.Status(s, true) }), print(t, 0, true, func(p *text.Page) error { return p.Status(again, true) }))
	for _, change := range []func(*v1alpha1.DRPlacementControl){relocating, homeLost, needsYou} {
		e, back := view.Explain(detail(drpc("shop", "images", change))), &view.Explanation{}
		through(t, e, back)
		assert.Equal(t, print(t, 0, true, func(p *text.Page) error { return p.Explain(e) }), print(t, 0, true, func(p *text.Page) error { return p.Explain(back) }))
	}
}

func through(t *testing.T, from, into any) {
	t.Helper()
	raw, err := json.Marshal(from)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, into))
}

func TestNothingHostileReachesTheTerminal(t *testing.T) {
	s, e := view.StatusOf(all()), view.Explain(detail(drpc("shop", "hostile", hostile)))
	for _, got := range []string{
		print(t, 80, false, func(p *text.Page) error { return p.Status(s, true) }),
		print(t, 0, false, func(p *text.Page) error { return p.Explain(e) }),
	} {
		for _, r := range got {
			assert.True(t, r == '\n' || unicode.IsPrint(r), "%q in %q", r, got)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain, größer, 日本": "plain, größer, 日本",
		"a\x1b[31mb":        `a\x1b[31mb`,
		"a\r\nb\tc":         `a\x0d\nb\tc`,
		"\u009b31m":         `\u009b31m`,
		"a\u202eb":          `a\u202eb`,
		"bad \xff byte":     `bad \xff byte`,
		"tag \U000e0041":    `tag \U000e0041`,
		"replaced \ufffd":   "replaced \ufffd",
	} {
		assert.Equal(t, want, text.Clean(in))
	}
	assert.Equal(t, 7, text.Width("日本 e\u0301x"))
	assert.Equal(t, "日...", text.Cut("日本語語", 6))
	assert.Equal(t, []string{"one two", "three"}, text.Wrap("one two three", 9))
}
