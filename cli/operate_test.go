// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli"
	"github.com/ramendr/ramen-direct/hubctrl/status"
)

// spec is what an application's spec asks for now.
func (w *world) spec(d *v1alpha1.DRPlacementControl) string {
	w.t.Helper()
	require.NoError(w.t, w.Client.Get(w.t.Context(), client.ObjectKeyFromObject(d), d))
	return string(d.Spec.Action) + " " + d.Spec.FailoverCluster + " " + d.Spec.PreferredCluster
}

// assertOperations: what operations write, and with which exit codes they end.
func assertOperations(t *testing.T, w *world) {
	d := application("shop", "images")
	w.create(d)
	w.protected(d)
	failover := []string{"failover", "images", "--source-is-down"}
	with := func(args ...string) []string { return append(append([]string{}, failover...), args...) }
	const untouched = "  dr1"

	t.Run("nothing is written without a yes, nor by a yes that is none", func(t *testing.T) {
		got := w.run(failover...)
		assert.Equal(t, 4, got.code)
		assert.Contains(t, got.err, "nobody is there to confirm it: say --yes")
		for _, answer := range []string{"", "y\n", "yes\n", "Images\n", "orders\n"} {
			got := w.at(answer, failover...)
			assert.Equal(t, 4, got.code, "%q", answer)
			assert.Contains(t, got.err, "Type the name of the application to go on: ")
			assert.Contains(t, got.out, "Not confirmed: nothing was changed.")
		}
		assert.Equal(t, 4, w.at("\n", "relocate", "images").code)
		assert.Equal(t, untouched, w.spec(d))
	})

	t.Run("a guard is not passed by a yes", func(t *testing.T) {
		got := w.run("failover", "images", "--yes")
		assert.Equal(t, 4, got.code)
		assert.Contains(t, strings.Join(strings.Fields(got.err), " "), "Refused: cluster dr1 answers: it was heard of")
		got = w.run(with("--yes", "--max-loss", "10s", "-o", "json")...)
		assert.Equal(t, 4, got.code)
		var o struct {
			Outcome  string
			Refusals []struct{ Guard string }
		}
		require.NoError(t, json.Unmarshal([]byte(got.out), &o))
		assert.Equal(t, "Refused", o.Outcome)
		assert.Equal(t, "MaxLoss", o.Refusals[0].Guard)
		assert.Equal(t, untouched, w.spec(d))
	})

	t.Run("a dry run writes nothing", func(t *testing.T) {
		got := w.run(with("--dry-run", "client")...)
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "spec:\n  action: Failover\n  failoverCluster: dr2\n")
		got = w.run(with("--dry-run=server")...)
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "Dry run: the API server would accept this, and nothing was changed.")
		assert.Equal(t, 1, w.run(with("--dry-run=perhaps")...).code)
		assert.Equal(t, untouched, w.spec(d))
	})

	t.Run("a plan changes nothing, and its id holds the operation to it", func(t *testing.T) {
		w.exchange(d)
		got := w.run("plan", "failover", "images", "--source-is-down")
		assert.Equal(t, 0, got.code, got.out+got.err)
		assert.Contains(t, got.out, "tell dr2 to be Primary")
		assert.Contains(t, got.out, "The application runs on dr2 then.")
		assert.Equal(t, 2, w.run("plan", "failover", "images").code, "a guard says no")
		var p struct {
			Kind, ID string
			Runs     bool
			Steps    []struct{ Fact, Cluster, By string }
		}
		require.NoError(t, json.Unmarshal([]byte(w.run("plan", "relocate", "images", "-o", "json").out), &p))
		assert.Equal(t, "OperationPlan", p.Kind)
		assert.True(t, p.Runs)
		assert.Contains(t, p.Steps, struct{ Fact, Cluster, By string }{"WorkloadGone", "dr1", "Deployer"})
		got = w.run("relocate", "images", "--plan", "00000000", "--yes")
		assert.Equal(t, 4, got.code)
		assert.Contains(t, strings.Join(strings.Fields(got.err), " "), "what plan 00000000 was made from has changed: look at the new plan, "+p.ID)
		assert.Equal(t, 0, w.run("relocate", "images", "--plan", p.ID, "--dry-run=server").code)
		w.heard("dr1", "an-hour-ago")
		got = w.run("relocate", "images", "--plan", p.ID, "--yes")
		assert.Equal(t, 4, got.code, "dr1 is lost since")
		got = w.run("plan", "relocate", "images")
		assert.Equal(t, 2, got.code)
		assert.Contains(t, strings.Join(strings.Fields(got.out), " "), "the hub would wait at once for dr1: LinkLive")
		w.heard("dr1", "now")
		assert.Equal(t, 1, w.run("plan", "relocate", "images", "--to", "dr2", "--as", "ada").code, "half of the facts would decide something else")
		assert.Equal(t, 1, w.run("plan", "nonsense", "images").code)
		assert.Equal(t, untouched, w.spec(d))
	})

	t.Run("who may not write is told so", func(t *testing.T) {
		got := w.run(with("--to", "dr2", "--yes", "--as", "ada")...)
		assert.Equal(t, 1, got.code)
		assert.Contains(t, got.err, "cannot patch resource")
	})

	touch := func(what func(*v1alpha1.DRPlacementControl)) {
		mine := application("shop", "images")
		assert.NoError(t, w.Client.Get(t.Context(), client.ObjectKeyFromObject(mine), mine))
		what(mine)
		assert.NoError(t, w.Client.Update(t.Context(), mine))
	}
	t.Run("a spec that changed meanwhile is looked at again", func(t *testing.T) {
		w.before(http.MethodPatch, func() {
			touch(func(d *v1alpha1.DRPlacementControl) { d.Spec.FailoverCluster = "dr1" })
		})
		got := w.run(with("--yes")...)
		assert.Equal(t, 1, got.code)
		assert.Contains(t, got.err, "was changed while this command looked at it: nothing was written; run the command again")
		assert.NotEqual(t, untouched, w.spec(d), "what the other one wrote")
		touch(func(d *v1alpha1.DRPlacementControl) { d.Spec.FailoverCluster = "" })
		assert.Equal(t, untouched, w.spec(d))
	})
	t.Run("a status or a label that changed meanwhile is no matter", func(t *testing.T) {
		w.before(http.MethodPatch, func() {
			touch(func(d *v1alpha1.DRPlacementControl) { d.Labels = map[string]string{"touched": "meanwhile"} })
		})
		got := w.run(with("--yes", "--dry-run=server")...)
		assert.Equal(t, 0, got.code, got.err)
		assert.Equal(t, untouched, w.spec(d))
	})

	t.Run("a failover that is confirmed, and waited for", func(t *testing.T) {
		w.before(http.MethodPatch, func() { go w.carryOut(t, d, v1alpha1.FailedOver, "dr2") })
		got := w.at("images\n", with("--reason", "the array burns")...)
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "Done: shop/images runs on dr2.")
		assert.Regexp(t, `\ds  FailingOver, WaitForReadiness: waits for dr2: Primary, \d+s: is being restored`, got.err)
		assert.Equal(t, "Failover dr2 dr1", w.spec(d))
		by, why := status.Request(d)
		assert.Equal(t, "the array burns", why, "the hub reads it, as it is of this generation")
		assert.NotEmpty(t, by)
		for _, m := range d.ManagedFields {
			if m.Manager == "kubectl-ramen-direct" {
				assert.Contains(t, m.FieldsV1.GetRawString(), "f:action")
				return
			}
		}
		assert.Fail(t, "the fields tell who wrote them")
	})

	t.Run("to ask again changes nothing", func(t *testing.T) {
		got := w.run("failover", "images", "--to", "dr2")
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.err, "Nothing to do: the failover to dr2 is what the spec asks for already")
	})

	t.Run("the history is told, and a plan learns from it", func(t *testing.T) { assertHistory(t, w, d) })

	t.Run("a wait that takes too long, and one that is interrupted", func(t *testing.T) {
		got := w.run("relocate", "images", "--yes", "--wait", "--timeout", "10ms")
		assert.Equal(t, 3, got.code, got.err)
		assert.Contains(t, got.out, "The operation continues.")
		assert.Equal(t, "Relocate dr2 dr1", w.spec(d))
		got = w.run("clear", "images", "--yes")
		assert.Equal(t, 0, got.code, got.err)
		assert.Equal(t, " dr2 dr1", w.spec(d))
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		w.before(http.MethodPatch, func() { time.AfterFunc(100*time.Millisecond, interrupt) })
		got = w.runIn(ctx, "", false, "relocate", "images", "--yes", "--wait")
		assert.Equal(t, 130, got.code, got.err)
		assert.Contains(t, got.out, "Interrupted. The operation continues.\n  Look again:   kubectl ramen-direct why images -n shop\n  Take it back: kubectl ramen-direct clear images -n shop\n")
		assert.Equal(t, "Relocate dr2 dr1", w.spec(d))
	})

	t.Run("an operation that waits for you", func(t *testing.T) {
		assert.Equal(t, 0, w.run("clear", "images", "-y").code)
		w.before(http.MethodPatch, func() {
			go func() {
				now := application("shop", "images")
				assert.NoError(t, w.until(func() bool {
					return w.Client.Get(t.Context(), client.ObjectKeyFromObject(now), now) == nil && now.Spec.Action != ""
				}))
				w.protected(now, needsYou)
			}()
		})
		got := w.run("relocate", "images", "-y", "--wait")
		assert.Equal(t, 2, got.code, got.err)
		assert.Contains(t, got.out, "It waits for you: both clusters, dr1 and dr2, are Primary")
	})

	t.Run("what Git owns is committed there", func(t *testing.T) {
		mine := application("shop", "in-git")
		mine.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "dr:ramendr.openshift.io/DRPlacementControl:shop/in-git"}
		w.create(mine)
		w.protected(mine)
		got := w.run("relocate", "in-git", "--yes")
		assert.Equal(t, 4, got.code)
		assert.Contains(t, got.err, "Commit this:\n    apiVersion: ramendr.openshift.io/v1alpha1\n")
		assert.Equal(t, untouched, w.spec(mine))
		got = w.run("relocate", "in-git", "--yes", "--even-if-git")
		assert.Equal(t, 0, got.code)
		assert.Contains(t, got.out, "Begun: the hub carries it out.")
		assert.Equal(t, "Relocate  dr2", w.spec(mine))
		require.NoError(t, w.Client.Delete(t.Context(), mine))
	})
	require.NoError(t, w.Client.Delete(t.Context(), d))
}

// carryOut does to the status what the hub does during an operation: first it waits, then the workload runs on a cluster.
func (w *world) carryOut(t *testing.T, d *v1alpha1.DRPlacementControl, phase v1alpha1.DRState, cluster string) {
	now := application(d.Namespace, d.Name)
	asked := w.requests.Load()
	assert.NoError(t, w.until(func() bool {
		return w.Client.Get(t.Context(), client.ObjectKeyFromObject(d), now) == nil && now.Spec.Action != ""
	}))
	at := metav1.Now()
	w.protected(now, func(s *v1alpha1.DRPlacementControlStatus) {
		s.Phase, s.Progression = v1alpha1.FailingOver, v1alpha1.ProgressionWaitForReadiness
		s.Conditions[0].Status = "False"
		s.Waiting = &v1alpha1.Waiting{Cluster: cluster, Fact: "Primary", Since: &at, Message: "is being restored"}
	})
	assert.NoError(t, w.until(func() bool { return w.requests.Load() >= asked+2 })) // the command has read it, and watches
	w.protected(now, func(s *v1alpha1.DRPlacementControlStatus) {
		s.Phase = phase
		s.Decisions[0].ClusterName, s.Decisions[0].ClusterNamespace = cluster, cluster
	})
}

// until waits until a thing is so.
func (w *world) until(so func() bool) error {
	ctx, stop := context.WithTimeout(w.t.Context(), time.Minute)
	defer stop()
	for !so() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// at runs a command of somebody who is at a terminal, and types an answer.
func (w *world) at(in string, args ...string) said { return w.runIn(w.t.Context(), in, true, args...) }

func (w *world) runIn(ctx context.Context, in string, interactive bool, args ...string) said {
	w.t.Helper()
	var out, errs strings.Builder
	env := cli.Env{In: strings.NewReader(in), Out: &out, Err: &errs, Clock: clock.RealClock{}, Version: "test", Interactive: interactive}
	code := cli.Run(ctx, env, append([]string{"kubectl-ramen_direct", "--kubeconfig", w.kubeconfig}, args...))
	return said{out.String(), errs.String(), code}
}

// before has do done before the next request with a method.
func (w *world) before(method string, do func()) {
	w.meanwhile.Store(&meanwhile{method: method, do: do})
}

// instead has do done instead of the next request with a method, which never arrives: what is asked for may else be done at any
// time after the one who asked has gone.
func (w *world) instead(method string, do func()) {
	w.meanwhile.Store(&meanwhile{method: method, do: do, instead: true})
}

type meanwhile struct {
	method  string
	do      func()
	instead bool
}

// exchange puts on the hub what lies there between it and the clusters of an application that runs on dr1.
func (w *world) exchange(d *v1alpha1.DRPlacementControl) {
	w.t.Helper()
	w.clusters()
	w.groups(d)
}

// clusters connects both clusters, once.
func (w *world) clusters() {
	w.t.Helper()
	if w.Client.Get(w.t.Context(), client.ObjectKey{Name: "inbox-dr2"}, namespace("inbox-dr2")) == nil {
		return
	}
	w.create(namespace("inbox-dr2"), namespace("outbox-dr2"),
		&v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr2"}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: "s3-b"}},
		&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr2", Name: "mirror"}})
	for _, cluster := range []string{"dr1", "dr2"} {
		dc := &v1alpha1.DRCluster{}
		require.NoError(w.t, w.Client.Get(w.t.Context(), client.ObjectKey{Name: cluster}, dc))
		dc.Status.ClusterID = "id-of-" + cluster
		require.NoError(w.t, w.Client.Status().Update(w.t.Context(), dc))
		w.heard(cluster, "now")
	}
}

// groups puts on the hub the wishes and reports of an application that runs on dr1.
func (w *world) groups(d *v1alpha1.DRPlacementControl) {
	w.t.Helper()
	for cluster, role := range map[string]v1alpha1.ReplicationState{"dr1": v1alpha1.Primary, "dr2": v1alpha1.Secondary} {
		group := func(box string) *v1alpha1.VolumeReplicationGroup {
			return &v1alpha1.VolumeReplicationGroup{
				ObjectMeta: metav1.ObjectMeta{Namespace: box + "-" + cluster, Name: d.Namespace + "." + d.Name, Annotations: map[string]string{
					"exchange.ramendr.openshift.io/namespace": d.Namespace, "exchange.ramendr.openshift.io/name": d.Name, "exchange.ramendr.openshift.io/drpc": d.Namespace + "/" + d.Name,
					"exchange.ramendr.openshift.io/epoch": map[string]string{"dr1": "2", "dr2": "1"}[cluster], "exchange.ramendr.openshift.io/spoke-id": "id-of-" + cluster,
					"drplacementcontrol.ramendr.openshift.io/drpc-uid": string(d.UID),
				}},
				Spec: v1alpha1.VolumeReplicationGroupSpec{ReplicationState: role, S3Profiles: []string{"s3-a", "s3-b"}},
			}
		}
		wish, report := group("outbox"), group("inbox")
		w.create(wish, report)
		report.Status = v1alpha1.VolumeReplicationGroupStatus{
			State: map[string]v1alpha1.State{"dr1": v1alpha1.PrimaryState, "dr2": v1alpha1.SecondaryState}[cluster], ObservedGeneration: 1,
			Exchange: &v1alpha1.ExchangeStamp{WishUID: string(wish.UID), WishGeneration: wish.Generation, Epoch: map[string]int64{"dr1": 2, "dr2": 1}[cluster], SpokeUID: "c", SpokeGeneration: 1, ClusterID: "id-of-" + cluster},
		}
		for _, kind := range []string{"DataReady", "DataProtected", "ClusterDataReady", "ClusterDataProtected", "NoClusterDataConflict"} {
			report.Status.Conditions = append(report.Status.Conditions, metav1.Condition{Type: kind, Status: "True", Reason: "Fine", ObservedGeneration: 1, LastTransitionTime: metav1.Now()})
		}
		if cluster == "dr1" {
			report.Status.ProtectedPVCs = []v1alpha1.ProtectedPVC{{Namespace: d.Namespace, Name: d.Name + "-1"}}
			report.Status.Conditions = append(report.Status.Conditions, metav1.Condition{Type: "InUse", Status: "True", Reason: "PodsRunning", ObservedGeneration: 1, LastTransitionTime: metav1.Now()})
		}
		require.NoError(w.t, w.Client.Status().Update(w.t.Context(), report))
	}
}

// heard has the mirror of a cluster renew its Lease, or say that it can't since an hour.
func (w *world) heard(cluster, when string) {
	w.t.Helper()
	lease := &coordinationv1.Lease{}
	require.NoError(w.t, w.Client.Get(w.t.Context(), client.ObjectKey{Namespace: "inbox-" + cluster, Name: "mirror"}, lease))
	at, word := metav1.NowMicro(), "live"
	if when != "now" {
		at, word = metav1.NewMicroTime(at.Add(-time.Hour)), "lost: can't reach the cluster"
	}
	promised := int32(600) // longer than a busy machine takes
	lease.Spec.RenewTime, lease.Spec.LeaseDurationSeconds = &at, &promised
	lease.Annotations = map[string]string{"exchange.ramendr.openshift.io/spoke-id": "id-of-" + cluster, "exchange.ramendr.openshift.io/link": word}
	require.NoError(w.t, w.Client.Update(w.t.Context(), lease))
}
