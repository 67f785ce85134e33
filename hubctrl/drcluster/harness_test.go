// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoac "k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration"
	"github.com/ramendr/ramen-direct/hubctrl/drcluster"
	"github.com/ramendr/ramen-direct/internal/store"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/internal/store/storetest"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/gitops/guard"
)

const config = `
drClusterOperator:
  namespaceName: spoke-system
s3StoreProfiles:
- s3ProfileName: s3-dr1
  s3Bucket: dr1
  s3CompatibleEndpoint: https://s3.example.com
  s3SecretRef: {name: keys-dr1}
- s3ProfileName: s3-dr2
  s3Bucket: dr2
  s3CompatibleEndpoint: https://s3.example.com
  s3SecretRef: {name: keys-dr2}
`

// world is a hub with one policy over dr1 and dr2 whose object stores answer.
type world struct {
	t        *testing.T
	client   client.Client
	clock    *clocktesting.FakePassiveClock
	links    links
	events   *events.FakeRecorder
	writes   int // that reached the API server
	failures map[op]error
	checks   int              // of buckets
	store    map[string]error // what is wrong with the store of a profile
	apart    func() int       // reports that are not kept; nil: none
	r        *drcluster.Reconciler
}

// op names a call: its verb and the name of the object, or the kind of a list.
type op struct{ verb, name string }

type links map[string]exchange.Link

func (l links) Link(cluster string) exchange.Link { return l[cluster] }

func newWorld(t *testing.T, with ...client.Object) *world {
	t.Helper()
	s := runtime.NewScheme()
	require.NoError(t, scheme.AddToScheme(s))
	require.NoError(t, v1alpha1.AddToScheme(s))
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	w := &world{
		t:        t,
		clock:    clocktesting.NewFakePassiveClock(start),
		links:    links{"dr1": {State: exchange.LinkLive, LastRenewal: start}},
		events:   events.NewFakeRecorder(100),
		failures: map[op]error{},
		store:    map[string]error{},
	}
	objects := map[string]client.Object{}
	for _, o := range append([]client.Object{
		cluster("dr1"), cluster("dr2"), policy("policy", "5m"), secret("keys-dr1"), secret("keys-dr2"), configMap(config),
	}, with...) {
		objects[key(o)] = o // later ones replace earlier ones
	}
	built := fake.NewClientBuilder().WithScheme(s).
		WithTypeConverters(applyconfiguration.NewTypeConverter(s), clientgoac.NewTypeConverter(s)).
		WithStatusSubresource(&v1alpha1.DRCluster{}).
		WithObjects(slices.Collect(maps.Values(objects))...).
		WithInterceptorFuncs(w.interceptors()).
		Build()
	w.client = built
	buckets := mem.New()
	for _, name := range []string{"dr1", "dr2"} {
		buckets.AddBucket(store.Config{Endpoint: "https://s3.example.com", Bucket: name, AccessKey: "id", SecretKey: "key"})
	}
	w.r = drcluster.NewReconciler(guard.Client(t, built), built, w.events, drcluster.Options{
		Namespace: "ramen-system",
		Origin:    "hub-uid",
		Links:     w.links,
		Apart: func(string) int {
			if w.apart == nil {
				return 0
			}
			return w.apart()
		},
		Clock: w.clock,
		Open: storetest.Faulty(buckets.Open, func(_ context.Context, c storetest.Call) error {
			w.checks++
			return w.store[c.Profile]
		}),
	})
	return w
}

func (w *world) interceptors() interceptor.Funcs {
	hit := func(verb, name string) error {
		if err := w.failures[op{verb, name}]; err != nil {
			return err
		}
		w.writes++
		return nil
	}
	return interceptor.Funcs{
		Apply: func(ctx context.Context, c client.WithWatch, intent runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			if err := hit("apply", nameOf(intent)); err != nil {
				return err
			}
			if err := c.Apply(ctx, intent, opts...); err != nil {
				return err
			}
			return identified(ctx, c, intent)
		},
		List: func(ctx context.Context, c client.WithWatch, l client.ObjectList, opts ...client.ListOption) error {
			if _, ok := l.(*v1alpha1.VolumeReplicationGroupList); ok && w.failures[op{"list", "VolumeReplicationGroupList"}] != nil {
				return w.failures[op{"list", "VolumeReplicationGroupList"}]
			}
			return c.List(ctx, l, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			if err := hit("patch", o.GetName()); err != nil {
				return err
			}
			return c.Patch(ctx, o, p, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			if err := hit("delete", o.GetName()); err != nil {
				return err
			}
			return c.Delete(ctx, o, opts...)
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, intent runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			w.writes++
			return c.SubResource(sub).Apply(ctx, intent, opts...)
		},
	}
}

// made counts the Secrets that got a UID.
var made atomic.Int64

// identified gives a Secret that was made by an apply a UID, as a real API server does. The other kinds are not asked for theirs.
func identified(ctx context.Context, c client.WithWatch, intent runtime.ApplyConfiguration) error {
	text, err := json.Marshal(intent)
	if err != nil {
		return err
	}
	of := &unstructured.Unstructured{}
	if err := json.Unmarshal(text, &of.Object); err != nil {
		return err
	}
	if of.GetKind() != "Secret" {
		return nil
	}
	s := &corev1.Secret{}
	if err := c.Get(ctx, client.ObjectKeyFromObject(of), s); err != nil || s.UID != "" {
		return err
	}
	return c.Patch(ctx, s, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"uid":"secret-%d"}}`, made.Add(1))))
}

// withdrawn has the mirror of dr1 tell that it has removed the Secrets whose wishes are being deleted.
func (w *world) withdrawn() {
	w.t.Helper()
	list := &corev1.SecretList{}
	require.NoError(w.t, w.client.List(w.t.Context(), list, client.InNamespace("outbox-dr1")))
	var uids []string
	for _, s := range list.Items {
		if !s.DeletionTimestamp.IsZero() {
			uids = append(uids, string(s.UID))
		}
	}
	w.tells(map[string]string{exchange.AnnotationWithdrawn: strings.Join(uids, ",")})
}

// tells has the mirror of dr1 annotate its lease.
func (w *world) tells(annotations map[string]string) {
	w.t.Helper()
	dc := w.dr1()
	dc.Status.ClusterID = "cluster-uid"
	require.NoError(w.t, w.client.Status().Update(w.t.Context(), dc))
	annotations[exchange.AnnotationSpokeID] = "cluster-uid"
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror", Annotations: annotations}}
	if w.get(&coordinationv1.Lease{}, "inbox-dr1", "mirror") {
		w.update(lease)
	} else {
		require.NoError(w.t, w.client.Create(w.t.Context(), lease))
	}
}

// wishes reports whether a Secret is wished in the outbox of dr1: a tombstone waits for its cluster, and wishes nothing.
func (w *world) wishes(name string) bool {
	w.t.Helper()
	s := &corev1.Secret{}
	return w.get(s, "outbox-dr1", name) && s.DeletionTimestamp.IsZero()
}

// nameOf reads the name of an intent, typed or not.
func nameOf(intent runtime.ApplyConfiguration) string {
	switch named := intent.(type) {
	case interface{ GetName() *string }:
		return *named.GetName()
	case interface{ GetName() string }:
		return named.GetName()
	default:
		return ""
	}
}

// reconcile looks at dr1 as the manager would.
func (w *world) reconcile() (reconcile.Result, error) {
	w.t.Helper()
	return reconcile.AsReconciler(w.client, w.r).Reconcile(w.t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "dr1"}})
}

func (w *world) mustReconcile() reconcile.Result {
	w.t.Helper()
	res, err := w.reconcile()
	require.NoError(w.t, err)
	return res
}

func (w *world) dr1() *v1alpha1.DRCluster {
	w.t.Helper()
	dc := &v1alpha1.DRCluster{}
	require.NoError(w.t, w.client.Get(w.t.Context(), client.ObjectKey{Name: "dr1"}, dc))
	return dc
}

func (w *world) condition(kind string) metav1.Condition {
	w.t.Helper()
	c := meta.FindStatusCondition(w.dr1().Status.Conditions, kind)
	require.NotNil(w.t, c, "condition %s", kind)
	return *c
}

// get reads an object; false: there is none.
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

func key(o client.Object) string { return fmt.Sprintf("%T %s", o, client.ObjectKeyFromObject(o)) }

func cluster(name string) *v1alpha1.DRCluster {
	return &v1alpha1.DRCluster{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-" + name), Generation: 1},
		Spec:       v1alpha1.DRClusterSpec{S3ProfileName: "s3-" + name},
	}
}

func policy(name, interval string) *v1alpha1.DRPolicy {
	return &v1alpha1.DRPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.DRPolicySpec{SchedulingInterval: interval, DRClusters: []string{"dr1", "dr2"}},
	}
}

func secret(name string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: name},
		Data:       map[string][]byte{"AWS_ACCESS_KEY_ID": []byte("id"), "AWS_SECRET_ACCESS_KEY": []byte("key"), "other": []byte("private")},
	}
}

func configMap(text string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "ramen-hub-operator-config"},
		Data:       map[string]string{"ramen_manager_config.yaml": text},
	}
}
