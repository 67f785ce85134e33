// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoac "k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration"
	"github.com/ramendr/ramen-direct/tests/gitops/guard"
)

// world is a hub whose dr1 has a class that needs a maintenance mode, and applications that run on dr2.
type world struct {
	t       *testing.T
	client  client.Client
	clock   *clocktesting.FakePassiveClock
	writes  int   // that reached the API server
	refused error // of every apply
	m       *Reconciler
}

func newWorld(t *testing.T, apps ...string) *world {
	t.Helper()
	s := runtime.NewScheme()
	require.NoError(t, scheme.AddToScheme(s))
	require.NoError(t, v1alpha1.AddToScheme(s))
	config := &v1alpha1.DRClusterConfig{ObjectMeta: metav1.ObjectMeta{Name: "dr1", UID: "config-uid"}}
	config.Spec.ReplicationSchedules = []string{"5m"}
	config.Status.Classes = []v1alpha1.ClassFact{{
		Kind: "VolumeReplicationClass", Name: "c", Provisioner: "d",
		Labels: map[string]string{"ramendr.openshift.io/replicationid": "rep", "ramendr.openshift.io/maintenancemodes": "Failover"},
	}}
	policy := &v1alpha1.DRPolicy{ObjectMeta: metav1.ObjectMeta{Name: "policy"}}
	policy.Spec.DRClusters = []string{"dr1", "dr2"}
	objects := []client.Object{config, policy, &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr1", UID: "uid-dr1"}}}
	for _, name := range apps {
		objects = append(objects, drpc(name))
		for _, namespace := range []string{"outbox-dr1", "inbox-dr1", "outbox-dr2", "inbox-dr2"} {
			objects = append(objects, group(namespace, name))
		}
	}
	w := &world{t: t, clock: clocktesting.NewFakePassiveClock(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))}
	built := fake.NewClientBuilder().WithScheme(s).
		WithTypeConverters(applyconfiguration.NewTypeConverter(s), clientgoac.NewTypeConverter(s)).
		WithStatusSubresource(&v1alpha1.DRCluster{}).
		WithObjects(objects...).
		WithInterceptorFuncs(interceptor.Funcs{
			Apply: func(ctx context.Context, c client.WithWatch, intent runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
				if w.refused != nil {
					return w.refused
				}
				w.writes++
				return c.Apply(ctx, intent, opts...)
			},
			SubResourceApply: func(ctx context.Context, c client.Client, sub string, intent runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
				w.writes++
				return c.SubResource(sub).Apply(ctx, intent, opts...)
			},
		}).Build()
	w.client = built
	w.m = newReconciler(guard.Client(t, built), built, w.clock)
	return w
}

func (w *world) get(o client.Object, namespace, name string) bool {
	w.t.Helper()
	err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, o)
	if apierrors.IsNotFound(err) {
		return false
	}
	require.NoError(w.t, err)
	return true
}

func (w *world) update(o client.Object) {
	w.t.Helper()
	require.NoError(w.t, w.client.Update(w.t.Context(), o))
}

func (w *world) delete(o client.Object) {
	w.t.Helper()
	require.NoError(w.t, w.client.Delete(w.t.Context(), o))
}

func (w *world) dr1() *v1alpha1.DRCluster {
	w.t.Helper()
	dc := &v1alpha1.DRCluster{}
	require.True(w.t, w.get(dc, "", "dr1"))
	return dc
}

func drpc(name string) *v1alpha1.DRPlacementControl {
	d := &v1alpha1.DRPlacementControl{}
	d.Namespace, d.Name = "shop", name
	d.Spec.DRPolicyRef.Name = "policy"
	d.Status.Decisions = []v1alpha1.ClusterDecision{{ClusterName: "dr2", Reason: "Run"}}
	return d
}

func group(namespace, name string) *v1alpha1.VolumeReplicationGroup {
	g := &v1alpha1.VolumeReplicationGroup{}
	g.Namespace, g.Name = namespace, "shop."+name
	g.Annotations = map[string]string{"exchange.ramendr.openshift.io/drpc": "shop/" + name}
	g.Spec.ReplicationState, g.Status.State = "secondary", "Secondary"
	if namespace[len(namespace)-1] == '2' {
		g.Spec.ReplicationState, g.Status.State = "primary", "Primary"
	}
	g.Spec.Async = &v1alpha1.VRGAsyncSpec{PeerClasses: []v1alpha1.PeerClass{{StorageClassName: "fast", ReplicationID: "rep"}}}
	g.Status.Exchange = &v1alpha1.ExchangeStamp{WishUID: "uid"}
	class := "fast"
	g.Status.ProtectedPVCs = []v1alpha1.ProtectedPVC{{Name: "data", CSIProvisioner: "d", StorageClassName: &class, ReplicationID: v1alpha1.Identifier{ID: "rep"}}}
	return g
}

func (w *world) look() {
	w.t.Helper()
	_, err := w.m.Reconcile(w.t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "dr1"}})
	require.NoError(w.t, err)
}

func (w *world) failover(name string) {
	w.t.Helper()
	d := drpc(name)
	require.True(w.t, w.get(d, "shop", name))
	d.Spec.Action, d.Spec.FailoverCluster = "Failover", "dr1"
	w.update(d)
}

// end lets the failover of an application reach its end.
func (w *world) end(name string) {
	w.t.Helper()
	g := &v1alpha1.VolumeReplicationGroup{}
	require.True(w.t, w.get(g, "outbox-dr1", "shop."+name))
	g.Spec.ReplicationState = "primary"
	w.update(g)
	d := drpc(name)
	require.True(w.t, w.get(d, "shop", name))
	d.Status.Decisions[0].ClusterName = "dr1"
	w.update(d)
}

func (w *world) config() *v1alpha1.DRClusterConfig {
	w.t.Helper()
	c := &v1alpha1.DRClusterConfig{}
	require.True(w.t, w.get(c, "", "dr1"))
	return c
}

const modeName = "failover-3f8e38c9df937f47fef50a52354bde33" // of driver d and id rep

func TestAModeIsAskedForWhileAnyFailoverNeedsIt(t *testing.T) {
	w := newWorld(t, "one", "two")
	w.look()
	assert.Zero(t, w.writes, "nobody asks for a failover")

	w.failover("one")
	w.look()
	config := w.config()
	require.Equal(t, []v1alpha1.MaintenanceModeRequest{{
		Name: modeName, StorageProvisioner: "d", TargetID: "rep", Modes: []v1alpha1.MMode{"Failover"},
		RequestedTime: config.Spec.MaintenanceModes[0].RequestedTime,
	}}, config.Spec.MaintenanceModes)
	assert.True(t, config.Spec.MaintenanceModes[0].RequestedTime.Time.Equal(w.clock.Now()))
	assert.Equal(t, []string{"5m"}, config.Spec.ReplicationSchedules, "what another controller keeps stays")
	assert.Equal(t, []v1alpha1.ClusterMaintenanceMode{{StorageProvisioner: "d", TargetID: "rep", State: "Unknown"}}, w.dr1().Status.MaintenanceModes)

	w.clock.SetTime(w.clock.Now().Add(time.Minute))
	w.failover("two")
	w.writes = 0
	w.look()
	assert.Zero(t, w.writes, "the mode is shared, and asked for since the first needed it")

	w.end("one")
	w.writes = 0
	w.look()
	assert.Zero(t, w.writes, "the second needs it still")

	w.end("two")
	w.look()
	assert.Empty(t, w.config().Spec.MaintenanceModes)
	assert.Equal(t, []string{"5m"}, w.config().Spec.ReplicationSchedules)
	assert.Empty(t, w.dr1().Status.MaintenanceModes)
	w.writes = 0
	w.look()
	assert.Zero(t, w.writes)
}

func TestAModeThatIsNeededAgainIsAskedForAnew(t *testing.T) {
	w := newWorld(t, "one", "two")
	w.failover("one")
	w.look()
	first := w.config().Spec.MaintenanceModes[0].RequestedTime
	w.end("one")
	w.look()
	w.clock.SetTime(w.clock.Now().Add(time.Minute))
	w.failover("two")
	w.look()
	assert.True(t, first.Before(&w.config().Spec.MaintenanceModes[0].RequestedTime))
}

func TestAModeEndsWithItsApplication(t *testing.T) {
	for name, end := range map[string]func(w *world, d *v1alpha1.DRPlacementControl){
		"the user takes the failover back": func(w *world, d *v1alpha1.DRPlacementControl) { d.Spec.Action = ""; w.update(d) },
		"the user names the other cluster": func(w *world, d *v1alpha1.DRPlacementControl) { d.Spec.FailoverCluster = "dr2"; w.update(d) },
		"DR is disabled":                   func(w *world, d *v1alpha1.DRPlacementControl) { w.delete(d) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "one")
			w.failover("one")
			w.look()
			require.Len(t, w.config().Spec.MaintenanceModes, 1)
			d := drpc("one")
			require.True(t, w.get(d, "shop", "one"))
			end(w, d)
			w.look()
			assert.Empty(t, w.config().Spec.MaintenanceModes)
		})
	}
}

func TestAModeIsNotEndedByWhatACacheShows(t *testing.T) {
	w := newWorld(t, "one")
	w.failover("one")
	w.look()
	behind := newWorld(t) // a cache in which the failover is not seen yet
	w.m.client = behind.client
	w.look()
	assert.Len(t, w.config().Spec.MaintenanceModes, 1)
}

func TestWhatAClusterAnswersIsShown(t *testing.T) {
	w := newWorld(t, "one")
	w.failover("one")
	w.look()
	config := w.config()
	active := []metav1.Condition{{Type: "FailoverActivated", Status: "True", Reason: "Done", LastTransitionTime: metav1.NewTime(w.clock.Now())}}
	config.Status.MaintenanceModes = []v1alpha1.MaintenanceModeAnswer{{
		Name: modeName, RequestedTime: config.Spec.MaintenanceModes[0].RequestedTime, Generation: 1, State: "Completed", Conditions: active,
	}}
	w.update(config)
	w.look()
	shown := w.dr1().Status.MaintenanceModes
	require.Len(t, shown, 1)
	assert.Equal(t, v1alpha1.MModeState("Completed"), shown[0].State)
	assert.Equal(t, "True", string(shown[0].Conditions[0].Status))
}

func TestWhatFailsIsTriedAgain(t *testing.T) {
	w := newWorld(t, "one")
	w.failover("one")
	w.refused = errors.New("refused")
	_, err := w.m.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "dr1"}})
	require.ErrorContains(t, err, "ask cluster dr1 for maintenance modes")
	w.refused = nil
	w.look()
	assert.Len(t, w.config().Spec.MaintenanceModes, 1)
}

func TestAClusterThatIsNotSetUpIsNotAsked(t *testing.T) {
	w := newWorld(t, "one")
	w.failover("one")
	w.delete(w.config())
	w.writes = 0
	w.look()
	assert.Zero(t, w.writes, "it would be re-created, without its other fields")
}

func TestAClusterThatIsGivenUpMeanwhileIsNotAsked(t *testing.T) {
	w, before := newWorld(t, "one"), newWorld(t, "one")
	w.failover("one")
	w.m.live = before.client // in which the cluster was still there
	w.delete(w.config())
	_, err := w.m.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "dr1"}})
	require.Error(t, err)
	assert.False(t, w.get(&v1alpha1.DRClusterConfig{}, "", "dr1"), "it is not re-created")
}

func TestWhoIsWokenByWhat(t *testing.T) {
	w := newWorld(t, "one", "two")
	w.failover("one")
	both := []reconcile.Request{{NamespacedName: types.NamespacedName{Name: "dr1"}}, {NamespacedName: types.NamespacedName{Name: "dr2"}}}
	assert.Equal(t, both, w.m.clustersOfGroup(t.Context(), group("inbox-dr2", "one")), "the report of the source tells what the target needs")
	assert.Empty(t, w.m.clustersOfGroup(t.Context(), group("inbox-dr2", "two")), "nobody asked for a failover of it")
	assert.Empty(t, w.m.clustersOfGroup(t.Context(), group("elsewhere-2", "one")))
	assert.Empty(t, w.m.clustersOfGroup(t.Context(), group("inbox-dr2", "gone")))

	changed := func(edit func(*v1alpha1.DRPlacementControl)) bool {
		was, now := drpc("one"), drpc("one")
		was.Spec.Action, now.Spec.Action = "Failover", "Failover"
		edit(now)
		return failoverChanged().Update(event.UpdateEvent{ObjectOld: was, ObjectNew: now})
	}
	assert.True(t, changed(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action = ""; d.Generation++ }), "taken back")
	assert.True(t, changed(func(d *v1alpha1.DRPlacementControl) { d.Status.Decisions = nil }))
	assert.False(t, changed(func(d *v1alpha1.DRPlacementControl) { d.Status.LastGroupSyncTime = &metav1.Time{} }))
	assert.False(t, failoverChanged().Create(event.CreateEvent{Object: drpc("one")}))
}

// lists counts how often applications are listed.
type lists struct {
	client.Reader
	n int
}

func (l *lists) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	l.n++
	return l.Reader.List(ctx, list, opts...)
}

// TestFailoversToAClusterThatNeedsNoModeLookAtNoOtherApplication: a thousand that fail over at once must not look at a thousand each.
func TestFailoversToAClusterThatNeedsNoModeLookAtNoOtherApplication(t *testing.T) {
	w := newWorld(t, "db")
	config := &v1alpha1.DRClusterConfig{}
	require.True(t, w.get(config, "", "dr1"))
	reads := &lists{Reader: w.m.client}
	_, err := w.m.requests(t.Context(), reads, config)
	require.NoError(t, err)
	assert.Equal(t, 1, reads.n, "its class asks for one")
	delete(config.Status.Classes[0].Labels, "ramendr.openshift.io/maintenancemodes")
	requests, err := w.m.requests(t.Context(), reads, config)
	require.NoError(t, err)
	assert.Empty(t, requests)
	assert.Equal(t, 1, reads.n)
}
