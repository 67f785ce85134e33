// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/gitops/guard"
)

// start is when every test begins.
var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// app is the application that most tests are about.
var app = client.ObjectKey{Namespace: "shop", Name: "db"}

// errCrash is what every write meets after the hub crashed.
var errCrash = errors.New("the hub crashed")

// hub is a hub with one policy over dr1 and dr2 and one application, and the two clusters behind it.
type hub struct {
	t      *testing.T
	api    client.WithWatch // as the mirror and the user write: no write is counted, none fails
	clock  *clocktesting.FakePassiveClock
	links  *links
	events *events.FakeRecorder
	r      *drpc.Reconciler
	next   *drpc.Reconciler // of the leader after one that was frozen
	spokes map[string]*spoke
	// volumes are the VolSync volumes that come and go with the workload; nil: its volumes are of another technique.
	volumes []string
	forks   bool // a fork of it can be made: what is read names the managers of fields, without which a fork could not apply
	made    int  // objects that got a UID

	origin     string // of the process that runs
	operations *metrics.Operations

	log     []string // each write of the hub, in words
	count   int      // writes since the process started
	crashAt int      // the number of the first write that fails, as all after it; negative: none
	fail    func(verb, what string) error
	blind   bool        // the cache shows none of the hub's wishes yet
	absent  string      // the namespace of which the next read of a group finds nothing
	refused func(error) // is told of each write that the API server refuses
}

// links are the links as the test sets them.
type links struct {
	h       *hub
	state   map[string]exchange.Link
	awaited []string
	awaits  []await
}

// await is one that was asked for.
type await struct {
	cluster            string
	group, application client.ObjectKey
}

func (l *links) Link(cluster string) exchange.Link { return l.state[cluster] }

func (l *links) View(cluster string, group client.ObjectKey) exchange.View {
	lease := &coordinationv1.Lease{}
	if !l.h.get(lease, clientKey("inbox-"+cluster, "mirror")) {
		lease = nil
	}
	return exchange.ViewOf(l.state[cluster], lease, l.h.inventory(cluster), group)
}

func (l *links) Await(cluster string, group, application client.ObjectKey) bool {
	if l.View(cluster, group) == exchange.Absent {
		return true
	}
	l.awaited = append(l.awaited, cluster+" "+application.String())
	l.awaits = append(l.awaits, await{cluster, group, application})
	return false
}

// newHub returns a hub whose links are live and whose clusters are empty. It knows nothing of drpcs yet.
func newHub(t *testing.T, drpcs ...*v1alpha1.DRPlacementControl) *hub {
	t.Helper()
	h := &hub{
		t: t, clock: clocktesting.NewFakePassiveClock(start), crashAt: -1,
		links:  &links{state: map[string]exchange.Link{}},
		spokes: map[string]*spoke{"dr1": {}, "dr2": {}},
	}
	h.links.h = h
	h.rebuild("hub-uid", drpcs...)
	return h
}

// rebuild gives the clusters a new hub, fed from Git: policy, clusters and applications, and nothing else.
func (h *hub) rebuild(origin string, drpcs ...*v1alpha1.DRPlacementControl) {
	h.t.Helper()
	objects := []client.Object{policy(), cluster("dr1", "s3-b"), cluster("dr2", "s3-a"), classes("dr1"), classes("dr2"), configMap("appNamespacesFrom: [ops]")}
	for _, d := range drpcs {
		objects = append(objects, d.DeepCopy())
	}
	h.serve(objects...)
	h.start(origin)
	for name := range h.spokes {
		h.connect(name)
		h.tell(name)
	}
}

// start starts the hub's process.
func (h *hub) start(origin string) {
	c := interceptor.NewClient(guard.Client(h.t, h.api), h.watched())
	h.origin, h.operations = origin, metrics.NewOperations()
	h.r = drpc.New(drpc.Parts{
		Client: c, Live: real{c}, Configs: real{c}, Namespace: "ramen-system", Links: h.links, Clock: h.clock, Recorder: h.events, Operations: h.operations, Origin: origin,
	})
	h.log, h.count, h.crashAt = nil, 0, -1
}

// pass makes one pass over the application, which must succeed.
func (h *hub) pass() reconcile.Result {
	h.t.Helper()
	res, err := h.try(app)
	require.NoError(h.t, err)
	return res
}

func (h *hub) try(key client.ObjectKey) (reconcile.Result, error) {
	return h.r.Reconcile(h.t.Context(), reconcile.Request{NamespacedName: key})
}

// wrote returns what the hub wrote since it was last asked, status aside.
func (h *hub) wrote() []string {
	var out []string
	for _, line := range h.log {
		if line != "status" {
			out = append(out, line)
		}
	}
	h.log = nil
	return out
}

// drpc is the application's object; nil: it is gone.
func (h *hub) drpc() *v1alpha1.DRPlacementControl {
	h.t.Helper()
	d := &v1alpha1.DRPlacementControl{}
	if !h.get(d, app) {
		return nil
	}
	return d
}

func (h *hub) wish(cluster string) *v1alpha1.VolumeReplicationGroup {
	h.t.Helper()
	return h.group("outbox-" + cluster)
}

func (h *hub) inbox(cluster string) *v1alpha1.VolumeReplicationGroup {
	h.t.Helper()
	return h.group("inbox-" + cluster)
}

func (h *hub) group(namespace string) *v1alpha1.VolumeReplicationGroup {
	h.t.Helper()
	v := &v1alpha1.VolumeReplicationGroup{}
	if !h.get(v, client.ObjectKey{Namespace: namespace, Name: "shop.db"}) {
		return nil
	}
	return v
}

func (h *hub) get(o client.Object, key client.ObjectKey) bool {
	h.t.Helper()
	err := h.api.Get(h.t.Context(), key, o)
	if apierrors.IsNotFound(err) {
		return false
	}
	require.NoError(h.t, err)
	return true
}

func (h *hub) condition(kind string) metav1.Condition {
	h.t.Helper()
	c := meta.FindStatusCondition(h.drpc().Status.Conditions, kind)
	require.NotNil(h.t, c, "condition %s", kind)
	return *c
}

// has reports whether the application has a condition that may be absent.
func (h *hub) has(kind string) bool {
	h.t.Helper()
	return meta.FindStatusCondition(h.drpc().Status.Conditions, kind) != nil
}

// shows is the application's state in a line: phase, progression, decisions, wishes.
func (h *hub) shows() string {
	h.t.Helper()
	d := h.drpc()
	if d == nil {
		return "gone"
	}
	out := fmt.Sprintf("%s/%s [%s]", d.Status.Phase, d.Status.Progression, decided(d.Status.Decisions))
	for _, c := range []string{"dr1", "dr2"} {
		if v := h.wish(c); v != nil {
			out += fmt.Sprintf(" %s:%s@%s", c, v.Spec.ReplicationState, v.Annotations["exchange.ramendr.openshift.io/epoch"])
		}
	}
	return out
}

func decided(list []v1alpha1.ClusterDecision) string {
	var out []string
	for _, d := range list {
		out = append(out, d.ClusterName+" "+string(d.Reason))
	}
	return strings.Join(out, ", ")
}

// ask changes the application's object as its user would.
func (h *hub) ask(edit func(*v1alpha1.DRPlacementControl)) {
	h.t.Helper()
	d := h.drpc()
	edit(d)
	require.NoError(h.t, h.api.Update(h.t.Context(), d))
}

// policy changes the policy, its status included.
func (h *hub) policy(edit func(*v1alpha1.DRPolicy)) {
	h.t.Helper()
	p := &v1alpha1.DRPolicy{}
	require.True(h.t, h.get(p, client.ObjectKey{Name: "policy"}))
	edit(p)
	require.NoError(h.t, h.api.Update(h.t.Context(), p))
}

func (h *hub) failover(to string) {
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.FailoverCluster = "Failover", to })
}

func (h *hub) relocate(to string) {
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action, d.Spec.PreferredCluster = "Relocate", to })
}

func (h *hub) disable() {
	h.t.Helper()
	require.NoError(h.t, h.api.Delete(h.t.Context(), h.drpc()))
}

// told are the events since they were last asked for.
func (h *hub) told() []string {
	var out []string
	for {
		select {
		case e := <-h.events.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

// real reads as a real client does: what an object holds stays, where the answer is silent.
type real struct{ client.Client }

func (r real) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	fresh, ok := o.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%T is no object", o)
	}
	if err := r.Client.Get(ctx, key, fresh, opts...); err != nil {
		return err
	}
	text, err := json.Marshal(fresh)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, o)
}

func newDRPC(edits ...func(*v1alpha1.DRPlacementControl)) *v1alpha1.DRPlacementControl {
	d := &v1alpha1.DRPlacementControl{}
	d.Namespace, d.Name, d.UID, d.Generation = app.Namespace, app.Name, "drpc-uid", 1
	d.CreationTimestamp = metav1.NewTime(start)
	d.Labels = map[string]string{"team": "web"}
	d.Annotations = map[string]string{"note": "mine"}
	d.Spec.PreferredCluster = "dr1"
	d.Spec.DRPolicyRef.Name = "policy"
	d.Spec.PVCSelector.MatchLabels = map[string]string{"app": "db"}
	for _, edit := range edits {
		edit(d)
	}
	return d
}

func policy() *v1alpha1.DRPolicy {
	p := &v1alpha1.DRPolicy{}
	p.Name = "policy"
	p.Spec.SchedulingInterval, p.Spec.DRClusters = "5m", []string{"dr1", "dr2"}
	p.Status.Async.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "fast", ReplicationID: "rep"}}
	p.Status.Conditions = []metav1.Condition{{Type: "Validated", Status: "True", Reason: "Succeeded"}}
	return p
}

func configMap(text string) *corev1.ConfigMap {
	m := &corev1.ConfigMap{Data: map[string]string{"ramen_manager_config.yaml": text}}
	m.Namespace, m.Name = "ramen-system", "ramen-hub-operator-config"
	return m
}

func cluster(name, profile string) *v1alpha1.DRCluster {
	c := &v1alpha1.DRCluster{}
	c.Name, c.Spec.S3ProfileName = name, profile
	return c
}

// classes is what a cluster told about itself: a class that needs no maintenance mode.
func classes(cluster string) *v1alpha1.DRClusterConfig {
	c := &v1alpha1.DRClusterConfig{}
	c.Name = cluster
	c.Status.Classes = []v1alpha1.ClassFact{{Kind: "VolumeReplicationClass", Name: "fast-5m", Provisioner: "d",
		Labels: map[string]string{"ramendr.openshift.io/replicationid": "rep"}}}
	return c
}

func clientKey(namespace, name string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: name}
}
