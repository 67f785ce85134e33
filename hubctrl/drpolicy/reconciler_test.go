// SPDX-License-Identifier: Apache-2.0

package drpolicy_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoac "k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration"
	"github.com/ramendr/ramen-direct/hubctrl/drpolicy"
	"github.com/ramendr/ramen-direct/tests/gitops/guard"
)

// world is a hub whose clusters dr1 and dr2 are well and have a common class.
type world struct {
	t       *testing.T
	client  client.Client
	events  *events.FakeRecorder
	writes  int
	failing error // of patches: of finalizers
	r       *drpolicy.Reconciler
}

func newWorld(t *testing.T, with ...client.Object) *world {
	t.Helper()
	s := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(s))
	w := &world{t: t, events: events.NewFakeRecorder(100)}
	built := fake.NewClientBuilder().WithScheme(s).
		WithTypeConverters(applyconfiguration.NewTypeConverter(s), clientgoac.NewTypeConverter(s)).
		WithStatusSubresource(&v1alpha1.DRPolicy{}, &v1alpha1.DRCluster{}, &v1alpha1.DRClusterConfig{}).
		WithObjects(with...).
		WithObjects(&v1alpha1.DRPolicy{
			ObjectMeta: metav1.ObjectMeta{Name: "policy", UID: "uid", Generation: 1},
			Spec:       v1alpha1.DRPolicySpec{SchedulingInterval: "5m", DRClusters: []string{"dr1", "dr2"}},
		}).
		WithInterceptorFuncs(interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
				if w.failing != nil {
					return w.failing
				}
				w.writes++
				return c.Patch(ctx, o, p, opts...)
			},
			SubResourceApply: func(ctx context.Context, c client.Client, sub string, intent runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
				w.writes++
				return c.SubResource(sub).Apply(ctx, intent, opts...)
			},
		}).
		Build()
	w.client = built
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	w.r = drpolicy.NewReconciler(guard.Client(t, built), built, w.events, drpolicy.Options{Clock: clock})
	return w
}

func (w *world) reconcile() error {
	w.t.Helper()
	_, err := reconcile.AsReconciler(w.client, w.r).Reconcile(w.t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "policy"}})
	return err
}

func (w *world) mustReconcile() {
	w.t.Helper()
	require.NoError(w.t, w.reconcile())
}

func (w *world) policy() *v1alpha1.DRPolicy {
	w.t.Helper()
	p := &v1alpha1.DRPolicy{}
	require.NoError(w.t, w.client.Get(w.t.Context(), client.ObjectKey{Name: "policy"}, p))
	return p
}

func (w *world) condition(kind string) metav1.Condition {
	w.t.Helper()
	c := meta.FindStatusCondition(w.policy().Status.Conditions, kind)
	require.NotNil(w.t, c, "condition %s", kind)
	return *c
}

func drCluster(name string, valid bool) *v1alpha1.DRCluster {
	dc := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: "s3"}}
	c := metav1.Condition{Type: "Validated", Status: metav1.ConditionTrue, Reason: "Succeeded"}
	if !valid {
		c.Status, c.Reason = metav1.ConditionFalse, "s3BucketNotFound"
	}
	dc.Status.Conditions = []metav1.Condition{c}
	return dc
}

func report(name string) *v1alpha1.DRClusterConfig {
	labels := map[string]string{"ramendr.openshift.io/storageid": "storage-" + name}
	paired := map[string]string{"ramendr.openshift.io/storageid": "storage-" + name, "ramendr.openshift.io/replicationid": "pair"}
	return &v1alpha1.DRClusterConfig{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status: v1alpha1.DRClusterConfigStatus{
			ClusterID:  "id-" + name,
			Conditions: []metav1.Condition{{Type: "Processed", Status: metav1.ConditionTrue}},
			Classes: []v1alpha1.ClassFact{
				{Kind: "StorageClass", Name: "fast", Provisioner: "csi", Labels: labels},
				{Kind: "VolumeReplicationClass", Name: "fast-5m", Provisioner: "csi", Labels: paired, Parameters: map[string]string{"schedulingInterval": "5m"}},
			},
		},
	}
}

func healthy() []client.Object {
	return []client.Object{drCluster("dr1", true), drCluster("dr2", true), report("dr1"), report("dr2")}
}

func drpc(name, policy string) *v1alpha1.DRPlacementControl {
	return &v1alpha1.DRPlacementControl{
		ObjectMeta: metav1.ObjectMeta{Namespace: "app", Name: name},
		Spec:       v1alpha1.DRPlacementControlSpec{DRPolicyRef: corev1.ObjectReference{Name: policy}},
	}
}

var fast = []v1alpha1.PeerClass{{
	StorageClassName: "fast", StorageID: []string{"storage-dr1", "storage-dr2"}, ClusterIDs: []string{"id-dr1", "id-dr2"}, ReplicationID: "pair",
}}

func TestAPolicyOverTwoGoodClustersIsValidWithItsClasses(t *testing.T) {
	w := newWorld(t, healthy()...)
	w.mustReconcile()
	p := w.policy()
	assert.Equal(t, []string{"drpolicies.ramendr.openshift.io/ramen"}, p.Finalizers)
	assert.Equal(t, fast, p.Status.Async.PeerClasses)
	c := w.condition("Validated")
	assert.Equal(t, metav1.ConditionTrue, c.Status)
	assert.Equal(t, "Succeeded", c.Reason)
	assert.Contains(t, c.Message, "fast")

	w.writes = 0
	w.mustReconcile()
	assert.Zero(t, w.writes, "a second pass writes nothing")
}

func TestAPolicyIsNotValidBeforeItIsHeld(t *testing.T) {
	w := newWorld(t, healthy()...)
	w.failing = errors.New("boom")
	require.ErrorIs(t, w.reconcile(), w.failing)
	assert.Empty(t, w.policy().Status.Conditions)
}

func TestWhatKeepsAPolicyFromBeingValid(t *testing.T) {
	silent := report("dr2")
	silent.Status = v1alpha1.DRClusterConfigStatus{}
	unread := report("dr2")
	unread.Status.Conditions = []metav1.Condition{{Type: "Processed", Status: metav1.ConditionFalse, Message: "no right to list"}}
	twin := report("dr2")
	twin.Status.ClusterID = "id-dr1"
	second := drCluster("dr2", true)
	second.Status.Conditions = append(second.Status.Conditions, metav1.Condition{Type: "Connected", Status: metav1.ConditionFalse, Reason: "DRClustersAreOne", Message: "it is dr1"})
	unlabeled := report("dr1")
	unlabeled.Status.Classes = nil
	for name, tc := range map[string]struct {
		with       []client.Object
		wantValid  bool
		wantReason string
		says       string
	}{
		"a cluster is missing": {
			[]client.Object{drCluster("dr1", true), report("dr1"), report("dr2")}, false, "DRClusterNotFound", "there is no DRCluster dr2",
		},
		"no cluster is valid": {
			[]client.Object{drCluster("dr1", false), drCluster("dr2", false), report("dr1"), report("dr2")}, false, "DRClustersUnavailable", "dr1: s3BucketNotFound. dr2: s3BucketNotFound",
		},
		"one cluster is not valid: nothing": {
			[]client.Object{drCluster("dr1", false), drCluster("dr2", true), report("dr1"), report("dr2")}, true, "Succeeded", "fast",
		},
		"a cluster has no DRClusterConfig yet": {
			[]client.Object{drCluster("dr1", true), drCluster("dr2", true), report("dr1")}, false, "ClassesNotReported", "dr2: the cluster has not reported yet",
		},
		"a cluster has not reported": {
			[]client.Object{drCluster("dr1", true), drCluster("dr2", true), report("dr1"), silent}, false, "ClassesNotReported", "dr2: the cluster has not reported yet",
		},
		"a cluster could not read its classes": {
			[]client.Object{drCluster("dr1", true), drCluster("dr2", true), report("dr1"), unread}, false, "ClassesNotReported", "no right to list",
		},
		"both agents run on one cluster": {
			[]client.Object{drCluster("dr1", true), drCluster("dr2", true), report("dr1"), twin}, false, "DRClustersAreOne", "id-dr1",
		},
		"the agent of one runs on the cluster of the other": {
			[]client.Object{drCluster("dr1", true), second, report("dr1")}, false, "DRClustersAreOne", "DRCluster dr2: it is dr1",
		},
		"no class can be protected: nothing, but it is said": {
			[]client.Object{drCluster("dr1", true), drCluster("dr2", true), unlabeled, report("dr2")}, true, "Succeeded", "no StorageClass can be protected: none has the label ramendr.openshift.io/storageid",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.with...)
			w.mustReconcile()
			c := w.condition("Validated")
			assert.Equal(t, tc.wantValid, c.Status == metav1.ConditionTrue)
			assert.Equal(t, tc.wantReason, c.Reason)
			assert.Contains(t, c.Message, tc.says)
		})
	}
}

func TestClassesThatAreNotKnownAreNotNone(t *testing.T) {
	w := newWorld(t, healthy()...)
	w.mustReconcile()
	require.NoError(t, w.client.Delete(t.Context(), report("dr2")))
	w.mustReconcile()
	assert.Equal(t, "ClassesNotReported", w.condition("Validated").Reason)
	assert.Equal(t, fast, w.policy().Status.Async.PeerClasses)
}

func TestAClassThatIsGoneIsGone(t *testing.T) {
	w := newWorld(t, healthy()...)
	w.mustReconcile()
	r := report("dr2")
	require.NoError(t, w.client.Get(t.Context(), client.ObjectKeyFromObject(r), r))
	r.Status.Classes = nil
	require.NoError(t, w.client.Status().Update(t.Context(), r))
	w.mustReconcile()
	assert.Empty(t, w.policy().Status.Async.PeerClasses)
	assert.Contains(t, w.condition("Validated").Message, "fast: the other cluster has no StorageClass of this name")
}

func TestADRPolicyThatADRPCRefersToStaysAndSaysSo(t *testing.T) {
	w := newWorld(t, append(healthy(), drpc("one", "policy"), drpc("two", "another"))...)
	w.mustReconcile()
	require.NoError(t, w.client.Delete(t.Context(), w.policy()))
	for len(w.events.Events) > 0 {
		<-w.events.Events
	}
	w.mustReconcile()
	c := w.condition("DeletionBlocked")
	assert.Equal(t, "ReferredToByDRPC", c.Reason)
	assert.Equal(t, "delete the DRPlacementControls that refer to this policy first: app/one", c.Message)
	assert.Equal(t, metav1.ConditionTrue, w.condition("Validated").Status, "what is protected stays usable")
	require.Len(t, w.events.Events, 1)
	assert.Contains(t, <-w.events.Events, "Warning ReferredToByDRPC")
	w.writes = 0
	w.mustReconcile()
	assert.Zero(t, w.writes)

	require.NoError(t, w.client.Delete(t.Context(), drpc("one", "policy")))
	w.mustReconcile()
	assert.True(t, apierrors.IsNotFound(w.client.Get(t.Context(), client.ObjectKey{Name: "policy"}, &v1alpha1.DRPolicy{})))
	w.mustReconcile()
}
