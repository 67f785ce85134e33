// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/link"
)

const (
	soon    = time.Minute           // on a busy machine a mirror on the hub may lose its election, and win it again
	polling = 25 * time.Millisecond // each is requests to an API server
	hubID   = "hub-1"
)

// world is a hub and a spoke for one test. The test plays the controllers of both.
type world struct {
	t          *testing.T
	cluster    string
	app        string // namespace of the application on the spoke
	hub, spoke client.Client
	hubWire    *wire
	spokeWire  *wire
	logger     logr.Logger
	registry   *prometheus.Registry
	metrics    *link.Metrics
}

var worlds atomic.Int64

// needServers skips a test where the API servers do not run.
func needServers(t *testing.T) {
	t.Helper()
	if hubAdmin == nil {
		t.Skip("needs API servers")
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	needServers(t)
	n := worlds.Add(1)
	w := &world{t: t, cluster: fmt.Sprintf("dr%d", n), app: fmt.Sprintf("app%d", n), hub: newClient(hubAdmin), spoke: newClient(spokeAdmin),
		hubWire: newWire(), spokeWire: newWire(), registry: prometheus.NewRegistry(), logger: log.Log}
	var err error
	w.metrics, err = link.NewMetrics(w.registry)
	require.NoError(t, err)
	agent := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: exchange.Inbox(w.cluster), Name: exchange.ServiceAccount}
	bound := func(role string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
	}
	for ns, role := range map[string]string{exchange.Outbox(w.cluster): "outbox", exchange.Inbox(w.cluster): "inbox"} {
		w.create(w.hub, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns, Labels: map[string]string{exchange.LabelExchange: role, exchange.LabelCluster: w.cluster}}})
		w.create(w.hub, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "mirror"}, RoleRef: bound("ramen-mirror-" + role), Subjects: []rbacv1.Subject{agent}})
	}
	own := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "mirror-" + w.cluster}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"ramendr.openshift.io"}, Resources: []string{"drclusterconfigs"}, ResourceNames: []string{w.cluster}, Verbs: []string{"get", "list", "watch"}},
		{APIGroups: []string{"ramendr.openshift.io"}, Resources: []string{"drclusterconfigs/status"}, ResourceNames: []string{w.cluster}, Verbs: []string{"patch"}},
		{APIGroups: []string{"apiextensions.k8s.io"}, Resources: []string{"customresourcedefinitions"}, ResourceNames: []string{"volumereplicationgroups.ramendr.openshift.io"}, Verbs: []string{"get"}},
	}}
	w.create(w.hub, own)
	w.create(w.hub, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: own.Name}, RoleRef: bound(own.Name), Subjects: []rbacv1.Subject{agent}})
	w.create(w.spoke, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.app}})
	w.record(w.identity())
	t.Cleanup(w.clean)
	return w
}

// identity is that of the spoke.
func (w *world) identity() string {
	w.t.Helper()
	ns := &corev1.Namespace{}
	require.NoError(w.t, w.spoke.Get(w.t.Context(), client.ObjectKey{Name: metav1.NamespaceSystem}, ns))
	return string(ns.UID)
}

// record has the hub record which cluster goes by the name of the link; empty: it has recorded none.
func (w *world) record(identity string) {
	w.t.Helper()
	config := &v1alpha1.DRClusterConfig{ObjectMeta: metav1.ObjectMeta{Name: w.cluster}}
	known := w.hub.Get(w.t.Context(), client.ObjectKeyFromObject(config), config) == nil
	config.Annotations = map[string]string{"exchange.ramendr.openshift.io/spoke-id": identity}
	if known {
		require.NoError(w.t, w.hub.Update(w.t.Context(), config))
		return
	}
	w.create(w.hub, config)
}

// clean leaves no VolumeReplicationGroup behind that the link of the next test would see.
func (w *world) clean() {
	ctx := context.Background()
	for _, c := range []client.Client{w.hub, w.spoke} {
		var all v1alpha1.VolumeReplicationGroupList
		require.NoError(w.t, c.List(ctx, &all))
		for i := range all.Items {
			vrg := &all.Items[i]
			if len(vrg.Finalizers) > 0 {
				// A patch and no update: a last write of the link that was just stopped may still be under way.
				none := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
				require.NoError(w.t, client.IgnoreNotFound(c.Patch(ctx, vrg, none)))
			}
			require.NoError(w.t, client.IgnoreNotFound(c.Delete(ctx, vrg)))
		}
	}
}

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		panic(err)
	}
	if err := v1alpha1.AddToScheme(s); err != nil {
		panic(err)
	}
	return s
}

func newClient(cfg *rest.Config) client.Client {
	c, err := client.New(cfg, client.Options{Scheme: scheme()})
	if err != nil {
		panic(err)
	}
	return c
}

// grantRights gives the mirror its rights: on the spoke those of config/mirror, on the hub those that config/hub lets
// be granted, and no others.
func grantRights(ctx context.Context) error {
	for _, file := range []string{"mirror/base/namespace.yaml", "mirror/base/role.yaml", "hub/agent_roles.yaml"} {
		c := newClient(spokeAdmin)
		if strings.HasPrefix(file, "hub/") {
			c = newClient(hubAdmin)
		}
		objects, err := read(file)
		if err != nil {
			return err
		}
		for _, obj := range objects {
			if err := c.Create(ctx, obj); err != nil {
				return err
			}
		}
	}
	return nil
}

// read reads the objects in a file of config.
func read(file string) ([]*unstructured.Unstructured, error) {
	text, err := os.ReadFile(filepath.Join("..", "..", "config", filepath.FromSlash(file)))
	if err != nil {
		return nil, err
	}
	var out []*unstructured.Unstructured
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		obj := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &obj.Object); err != nil {
			return nil, err
		}
		out = append(out, obj)
	}
	return out, nil
}

func documents(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := read(file)
	require.NoError(t, err)
	return objects
}

func (w *world) create(c client.Client, obj client.Object) {
	w.t.Helper()
	require.NoError(w.t, c.Create(w.t.Context(), obj))
}

// start runs a link until the test ends or stop is called.
func (w *world) start() (stop func()) {
	w.t.Helper()
	l, stop := w.startOn(w.hubWire, w.spokeWire, clock.RealClock{})
	// Everything that is there is looked at first.
	require.Eventually(w.t, func() bool { return l.Live() == nil }, soon, polling, "the link is not live")
	return stop
}

// startOn runs a link, in the mode of the test.
func (w *world) startOn(hubWire, spokeWire *wire, clk clock.Clock) (l kept, stop func()) {
	w.t.Helper()
	if strings.HasPrefix(w.t.Name(), "TestInPushMode") {
		return w.push(hubWire, spokeWire, clk)
	}
	hub, spoke := hubWire.connect(hubAdmin), spokeWire.connect(spokeAdmin)
	hub.Impersonate.UserName = "system:serviceaccount:" + exchange.Inbox(w.cluster) + ":mirror"
	spoke.Impersonate.UserName = "system:serviceaccount:ramen-system:mirror"
	pulled, err := link.New(link.Options{Cluster: w.cluster, Hub: hub, Spoke: spoke, Holder: "test", Clock: clk, Timing: quick, Metrics: w.metrics})
	require.NoError(w.t, err)
	return pulled, w.run(pulled)
}

// run keeps a link until the test ends or stop is called.
func (w *world) run(l *link.Link) (stop func()) {
	ctx, cancel := context.WithCancel(log.IntoContext(w.t.Context(), w.logger))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	w.t.Cleanup(stop)
	return stop
}

// newWish is what the hub's controller would wish for name in the namespace of the application.
func (w *world) newWish(namespace, name string) *v1alpha1.VolumeReplicationGroup {
	return &v1alpha1.VolumeReplicationGroup{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: exchange.Outbox(w.cluster), Name: exchange.ObjectName(namespace, name),
			Labels: map[string]string{v1alpha1.LabelCreatedByRamen: "true"},
			Annotations: map[string]string{
				exchange.AnnotationNamespace: namespace, exchange.AnnotationName: name,
				exchange.AnnotationOrigin: hubID, exchange.AnnotationEpoch: "1", exchange.AnnotationDRPC: namespace + "/drpc",
				v1alpha1.AnnotationDestinationCluster: w.cluster,
			},
			Finalizers: []string{exchange.FinalizerWish},
		},
		Spec: v1alpha1.VolumeReplicationGroupSpec{ReplicationState: v1alpha1.Secondary, S3Profiles: []string{"s3-a"}},
	}
}

// wish creates a wish and returns it.
func (w *world) wish(name string) *v1alpha1.VolumeReplicationGroup {
	w.t.Helper()
	wish := w.newWish(w.app, name)
	w.create(w.hub, wish)
	return wish
}

// edit changes an object until that succeeds.
func edit[T client.Object](w *world, c client.Client, obj T, change func(T)) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		if err := c.Get(w.t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
			return false
		}
		change(obj)
		return c.Update(w.t.Context(), obj) == nil
	}, soon, polling, "cannot change %s", obj.GetName())
}

// get reads a VolumeReplicationGroup; nil: there is none.
func (w *world) get(c client.Client, namespace, name string) *v1alpha1.VolumeReplicationGroup {
	w.t.Helper()
	var vrg v1alpha1.VolumeReplicationGroup
	err := c.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &vrg)
	if apierrors.IsNotFound(err) {
		return nil
	}
	require.NoError(w.t, err)
	return &vrg
}

func (w *world) copy(name string) *v1alpha1.VolumeReplicationGroup {
	return w.get(w.spoke, w.app, name)
}

func (w *world) report(name string) *v1alpha1.VolumeReplicationGroup {
	return w.get(w.hub, exchange.Inbox(w.cluster), exchange.ObjectName(w.app, name))
}

func (w *world) lease() *coordinationv1.Lease {
	w.t.Helper()
	var lease coordinationv1.Lease
	require.NoError(w.t, w.hub.Get(w.t.Context(), client.ObjectKey{Namespace: exchange.Inbox(w.cluster), Name: exchange.LeaseName}, &lease))
	return &lease
}

// inboxComplete reports whether the hub may take what is not in the inbox for absent.
func (w *world) inboxComplete() bool {
	w.t.Helper()
	var all v1alpha1.VolumeReplicationGroupList
	require.NoError(w.t, w.hub.List(w.t.Context(), &all, client.InNamespace(exchange.Inbox(w.cluster))))
	return exchange.Complete(w.lease(), exchange.InventoryOf(all.Items))
}

// absent reports whether the hub may take an object of the application's namespace for absent.
func (w *world) absent(name string) bool {
	w.t.Helper()
	var all v1alpha1.VolumeReplicationGroupList
	require.NoError(w.t, w.hub.List(w.t.Context(), &all, client.InNamespace(exchange.Inbox(w.cluster))))
	return exchange.ViewOf(exchange.Link{State: exchange.LinkLive}, w.lease(), exchange.InventoryOf(all.Items), types.NamespacedName{Namespace: w.app, Name: name}) == exchange.Absent
}

// obey plays the spoke's controller: it looks at the copy and reports its role, unless it has. It reports whether it could.
func (w *world) obey(name string) bool {
	w.t.Helper()
	vrg := w.copy(name)
	if vrg == nil {
		return false
	}
	if vrg.Status.ObservedGeneration == vrg.Generation {
		return true
	}
	vrg.Status.ObservedGeneration = vrg.Generation
	vrg.Status.State = map[v1alpha1.ReplicationState]v1alpha1.State{v1alpha1.Primary: v1alpha1.PrimaryState, v1alpha1.Secondary: v1alpha1.SecondaryState}[vrg.Spec.ReplicationState]
	meta.SetStatusCondition(&vrg.Status.Conditions, metav1.Condition{Type: v1alpha1.VRGDataReady, Status: metav1.ConditionTrue, Reason: "Ready", ObservedGeneration: vrg.Generation})
	return w.spoke.Status().Update(w.t.Context(), vrg) == nil
}

// eventually waits for a condition and says which.
func (w *world) eventually(condition func() bool, what string, args ...any) {
	w.t.Helper()
	require.Eventually(w.t, condition, soon, polling, append([]any{what}, args...)...)
}

// carriedOut plays the spoke's controller until the report answers the wish.
func (w *world) carriedOut(wish *v1alpha1.VolumeReplicationGroup, name string) {
	w.t.Helper()
	w.eventually(func() bool {
		now := w.get(w.hub, wish.Namespace, wish.Name)
		return w.obey(name) && exchange.Answers(now, w.report(name))
	}, "the wish for %s is not answered", name)
}

// applied waits until the wish's condition Applied has this status and reason.
func (w *world) applied(wish *v1alpha1.VolumeReplicationGroup, status metav1.ConditionStatus, reason string) {
	w.t.Helper()
	w.eventually(func() bool {
		now := w.get(w.hub, wish.Namespace, wish.Name)
		c := meta.FindStatusCondition(now.Status.Conditions, v1alpha1.WishApplied)
		return c != nil && c.Status == status && c.Reason == reason && c.ObservedGeneration == now.Generation
	}, "the wish %s is not Applied=%s/%s", wish.Name, status, reason)
}

// quiet waits until nothing but the lease is written for a while, and returns when that is so.
func (w *world) quiet() {
	w.t.Helper()
	last, since := -1, time.Now()
	w.eventually(func() bool {
		if n := w.hubWire.writes() + w.spokeWire.writes(); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 500*time.Millisecond
	}, "the mirror does not stop writing")
}
