// SPDX-License-Identifier: Apache-2.0

package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	ktesting "k8s.io/client-go/testing"
	"k8s.io/client-go/util/exec"

	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// world is a namespace with objects.
type world struct {
	kube    *kubefake.Clientset
	dynamic *dynamicfake.FakeDynamicClient
	runner  *hooks.Runner
	// commands are what ran, as Pod/container: words; does says what each does.
	commands []string
	does     func(ctx context.Context, pod string) (string, error)
}

func newWorld(objects ...runtime.Object) *world {
	w := &world{does: func(context.Context, string) (string, error) { return "", nil }}
	w.kube = kubefake.NewClientset(append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})...)
	w.dynamic = dynamicfake.NewSimpleDynamicClient(scheme.Scheme, objects...)
	w.runner = &hooks.Runner{Connect: func(string) (hooks.Clients, error) {
		return hooks.Clients{Kube: w.kube, Dynamic: w.dynamic, Stream: func(ctx context.Context, _, pod, container string, command []string) (string, error) {
			w.commands = append(w.commands, fmt.Sprintf("%s/%s: %v", pod, container, command))
			return w.does(ctx, pod)
		}}, nil
	}}
	w.runner.Own = hooks.Clients{Kube: w.kube, Dynamic: w.dynamic}
	return w
}

func owned(o metav1.ObjectMeta, kind, uid string) metav1.ObjectMeta {
	o.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: uid, UID: types.UID(uid), Controller: new(true)}}
	return o
}

func named(name string, labels ...string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), Labels: map[string]string{}}
	for _, l := range labels {
		m.Labels["app"] = l
	}
	return m
}

func pod(m metav1.ObjectMeta, phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: m, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main"}, {Name: "side"}}}, Status: corev1.PodStatus{Phase: phase}}
}

func app(name string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}
}

func TestCommandsRunInTheRightPods(t *testing.T) {
	ending := pod(named("db-9", "db"), corev1.PodRunning)
	ending.DeletionTimestamp, ending.Finalizers = new(metav1.Now()), []string{"a/b"}
	objects := []runtime.Object{
		&appsv1.Deployment{ObjectMeta: named("web", "web")}, &appsv1.Deployment{ObjectMeta: named("web2", "web")},
		&appsv1.ReplicaSet{ObjectMeta: owned(named("web-1"), "Deployment", "web")}, &appsv1.ReplicaSet{ObjectMeta: owned(named("web2-1"), "Deployment", "web2")},
		pod(owned(named("web-1-a", "x"), "ReplicaSet", "web-1"), corev1.PodRunning), pod(owned(named("web-1-b", "x"), "ReplicaSet", "web-1"), corev1.PodRunning),
		pod(owned(named("web2-1-a", "x"), "ReplicaSet", "web2-1"), corev1.PodRunning),
		&appsv1.StatefulSet{ObjectMeta: named("db", "db")},
		pod(owned(named("db-0", "db"), "StatefulSet", "db"), corev1.PodRunning), pod(owned(named("db-1", "db"), "StatefulSet", "db"), corev1.PodRunning),
		pod(named("db-2", "db"), corev1.PodPending), pod(named("db-3", "db"), corev1.PodSucceeded), ending,
		&appsv1.DaemonSet{ObjectMeta: named("agent", "agent")}, pod(owned(named("agent-a"), "DaemonSet", "agent"), corev1.PodRunning),
	}
	for name, tc := range map[string]struct {
		hook recipe.Hook
		want []string
	}{
		"all by label, if they run":        {recipe.Hook{Selector: app("db")}, []string{"db-0/main", "db-1/main"}},
		"one by label":                     {recipe.Hook{Selector: app("db"), OnePod: true}, []string{"db-0/main"}},
		"by name":                          {recipe.Hook{NamePattern: "db-1"}, []string{"db-1/main"}},
		"by an expression":                 {recipe.Hook{NamePattern: "^web.*-a$"}, []string{"web-1-a/main", "web2-1-a/main"}},
		"by either, once":                  {recipe.Hook{Selector: app("db"), NamePattern: "db-0|agent-a", Kind: recipe.KindPod}, []string{"agent-a/main", "db-0/main", "db-1/main"}},
		"in a container":                   {recipe.Hook{NamePattern: "db-1", Container: "side"}, []string{"db-1/side"}},
		"of Deployments":                   {recipe.Hook{Selector: app("web"), Kind: recipe.KindDeployment}, []string{"web-1-a/main", "web-1-b/main", "web2-1-a/main"}},
		"of Deployments, one of each":      {recipe.Hook{Selector: app("web"), Kind: recipe.KindDeployment, OnePod: true}, []string{"web-1-a/main", "web2-1-a/main"}},
		"of a StatefulSet":                 {recipe.Hook{NamePattern: "db", Kind: recipe.KindStatefulSet}, []string{"db-0/main", "db-1/main"}},
		"of a StatefulSet, the first one":  {recipe.Hook{NamePattern: "db", Kind: recipe.KindStatefulSet, OnePod: true}, []string{"db-0/main"}},
		"of a DaemonSet":                   {recipe.Hook{NamePattern: "agent", Kind: recipe.KindDaemonSet}, []string{"agent-a/main"}},
		"nothing by label":                 {recipe.Hook{Selector: app("none")}, nil},
		"nothing that runs":                {recipe.Hook{NamePattern: "db-2"}, nil},
		"nothing of a workload not there":  {recipe.Hook{NamePattern: "none", Kind: recipe.KindStatefulSet}, nil},
		"nothing of a Pod that terminates": {recipe.Hook{NamePattern: "db-9"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(objects...)
			h := tc.hook
			h.Type, h.Namespace, h.Command, h.Timeout = "exec", "shop", []string{"run"}, time.Minute
			err := w.runner.Run(t.Context(), &h, "1")
			assert.Equal(t, tc.want == nil, hooks.Absent(err), "%v", err)
			var want []string
			for _, p := range tc.want {
				want = append(want, p+": [run]")
			}
			assert.Equal(t, want, w.commands)
		})
	}
}

func TestACommandThatFailsSaysWhy(t *testing.T) {
	h := recipe.Hook{Type: "exec", Namespace: "shop", Selector: app("db"), Command: []string{"run", "--password=secret"}, Timeout: 5 * time.Second}
	both := []runtime.Object{pod(named("db-0", "db"), corev1.PodRunning), pod(named("db-1", "db"), corev1.PodRunning)}
	w := newWorld(both...)
	w.does = func(context.Context, string) (string, error) {
		return "it is\nlocked\n", exec.CodeExitError{Code: 3, Err: errors.New("exit")}
	}
	err := w.runner.Run(t.Context(), &h, "1")
	require.EqualError(t, err, "in Pod db-0: the command ended with exit code 3: it is\nlocked")
	assert.Len(t, w.commands, 1, "the first failure ends it")

	w.commands, h.Continue = nil, true
	err = w.runner.Run(t.Context(), &h, "1")
	require.ErrorContains(t, err, "in Pod db-1")
	assert.Len(t, w.commands, 2, "the rest is tried")

	synctest.Test(t, func(t *testing.T) {
		w := newWorld(both...)
		w.does = func(ctx context.Context, pod string) (string, error) {
			if pod == "db-0" {
				return "", nil
			}
			<-ctx.Done()
			return "", ctx.Err()
		}
		begun := time.Now()
		err := w.runner.Run(t.Context(), &h, "1")
		require.EqualError(t, err, "in Pod db-1: the command did not end within 5s, and may still run there")
		assert.Equal(t, 5*time.Second, time.Since(begun), "the time is that of one Pod")
	})

	w.does = func(context.Context, string) (string, error) {
		return "", errors.New(`unable to upgrade connection: pods "db-0" is forbidden: User "system:serviceaccount:shop:ramen-hooks" cannot create resource "pods/exec"`)
	}
	err = w.runner.Run(t.Context(), &h, "1")
	require.ErrorContains(t, err, `cannot create resource "pods/exec"`)
	require.ErrorContains(t, err, "kubectl -n shop create rolebinding ramen-hooks --clusterrole=ramen-hooks --serviceaccount=shop:ramen-hooks")
	assert.NotContains(t, err.Error(), "secret")
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: named(name, name), Spec: appsv1.DeploymentSpec{Replicas: &replicas}, Status: appsv1.DeploymentStatus{Replicas: replicas, ReadyReplicas: replicas},
	}
}

var deployments = appsv1.SchemeGroupVersion.WithResource("deployments")

func (w *world) set(t *testing.T, name string, value int64, fields ...string) {
	t.Helper()
	of := w.dynamic.Resource(deployments).Namespace("shop")
	d, err := of.Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	require.NoError(t, unstructured.SetNestedField(d.Object, value, fields...))
	_, err = of.Update(t.Context(), d, metav1.UpdateOptions{})
	require.NoError(t, err)
}

func (w *world) get(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	d, err := w.dynamic.Resource(deployments).Namespace("shop").Get(t.Context(), name, metav1.GetOptions{})
	require.NoError(t, err)
	return d
}

func TestACheckWaits(t *testing.T) {
	h := recipe.Hook{Type: "check", Namespace: "shop", Kind: recipe.KindDeployment, NamePattern: "web", Timeout: 20 * time.Second, Condition: "{$.status.readyReplicas} == {$.spec.replicas}"}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(deployment("web", 2))
		w.set(t, "web", 0, "status", "readyReplicas")
		begun := time.Now()
		time.AfterFunc(5*time.Second, func() { w.set(t, "web", 2, "status", "readyReplicas") })
		require.NoError(t, w.runner.Run(t.Context(), &h, "1"))
		assert.Equal(t, 5*time.Second, time.Since(begun), "an event tells")

		w.set(t, "web", 1, "status", "readyReplicas")
		require.EqualError(t, w.runner.Run(t.Context(), &h, "1"), "it did not succeed within 20s: Deployment web does not meet {$.status.readyReplicas} == {$.spec.replicas}")
		missing := h
		missing.Condition = "{$.status.updatedReplicas} == {2}"
		require.ErrorContains(t, w.runner.Run(t.Context(), &missing, "1"), "Deployment web has no {$.status.updatedReplicas}")
		senseless := h
		senseless.Condition = "{$.spec} == {2}"
		begun = time.Now()
		require.ErrorContains(t, w.runner.Run(t.Context(), &senseless, "1"), "can't be compared")
		assert.Equal(t, begun, time.Now(), "waiting would not help")

		none := h
		none.NamePattern = "none"
		err := w.runner.Run(t.Context(), &none, "1")
		assert.True(t, hooks.Absent(err))
		assert.ErrorContains(t, err, "within 20s: there is no object of type deployments in namespace shop")
		none.SkipAbsent = true
		begun = time.Now()
		assert.True(t, hooks.Absent(w.runner.Run(t.Context(), &none, "1")))
		assert.Equal(t, begun, time.Now(), "what may be missing is not waited for")
	})
}

func TestWorkloadsAreScaledDownAndUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(deployment("web", 3), deployment("idle", 0))
		h := recipe.Hook{Type: "scale", Op: "down", Namespace: "shop", Kind: recipe.KindDeployment, NamePattern: "web|idle", Timeout: time.Minute}
		begun := time.Now()
		time.AfterFunc(7*time.Second, func() { w.set(t, "web", 0, "status", "replicas") })
		require.NoError(t, w.runner.Run(t.Context(), &h, "1"))
		assert.Equal(t, 7*time.Second, time.Since(begun), "until the Pods are gone")
		d := w.get(t, "web")
		n, _, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
		assert.Zero(t, n)
		assert.Equal(t, "3", d.GetAnnotations()[hooks.AnnotationReplicas])
		require.NoError(t, w.runner.Run(t.Context(), &h, "2"))
		assert.Equal(t, "3", w.get(t, "web").GetAnnotations()[hooks.AnnotationReplicas], "a second one forgets nothing")
		assert.Empty(t, w.get(t, "idle").GetAnnotations())

		h.NamePattern, h.Op = "web", "up"
		for range 2 {
			require.NoError(t, w.runner.Run(t.Context(), &h, "3"), "a second one is none")
			d = w.get(t, "web")
			n, _, _ = unstructured.NestedInt64(d.Object, "spec", "replicas")
			assert.Equal(t, int64(3), n)
			assert.Empty(t, d.GetAnnotations())
		}
		h.Op = "sync"
		w.set(t, "web", 3, "status", "replicas")
		w.set(t, "web", 1, "status", "readyReplicas")
		require.EqualError(t, w.runner.Run(t.Context(), &h, "4"), "it did not succeed within 1m0s: Deployment web has 3 Pods, of which 1 are ready, and is to have 3")
		time.AfterFunc(time.Second, func() { w.set(t, "web", 3, "status", "readyReplicas") })
		require.NoError(t, w.runner.Run(t.Context(), &h, "5"))

		h.NamePattern, h.Op = "idle", "up"
		require.ErrorContains(t, w.runner.Run(t.Context(), &h, "6"), "no annotation "+hooks.AnnotationReplicas)
		h.NamePattern = "none"
		assert.True(t, hooks.Absent(w.runner.Run(t.Context(), &h, "7")))
	})
}

func TestAJobRunsInEachAttempt(t *testing.T) {
	h := recipe.Hook{
		Name: "load", Op: "loader", Type: "job", Namespace: "shop", Timeout: time.Minute,
		Manifest: `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"x","namespace":"other","labels":{"a":"b"}},"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"b"}]}}}}`,
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		end := func(kind batchv1.JobConditionType) {
			list, err := w.kube.BatchV1().Jobs("shop").List(t.Context(), metav1.ListOptions{})
			require.NoError(t, err)
			for _, j := range list.Items {
				j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", Message: "it failed 7 times"})
				_, err = w.kube.BatchV1().Jobs("shop").UpdateStatus(t.Context(), &j, metav1.UpdateOptions{})
				require.NoError(t, err)
			}
		}
		for _, run := range []string{"1", "2"} {
			begun := time.Now()
			time.AfterFunc(10*time.Second, func() { end(batchv1.JobComplete) })
			require.NoError(t, w.runner.Run(t.Context(), &h, run))
			assert.InDelta(t, 10, time.Since(begun).Seconds(), 0.5, "one that ended before is none of this run")
		}
		list, err := w.kube.BatchV1().Jobs("shop").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Len(t, list.Items, 2)
		assert.Regexp(t, "^loader-[0-9a-f]{10}$", list.Items[0].Name)
		assert.Equal(t, map[string]string{"a": "b", "ramendr.openshift.io/hook-name": "load", "ramendr.openshift.io/job-name": "loader", "ramendr.openshift.io/created-by-ramen": "true"}, list.Items[0].Labels)
		assert.Equal(t, int32(3600), *list.Items[0].Spec.TTLSecondsAfterFinished)

		time.AfterFunc(time.Second, func() { end(batchv1.JobFailed) })
		require.ErrorContains(t, w.runner.Run(t.Context(), &h, "3"), "failed: BackoffLimitExceeded: it failed 7 times")
		require.ErrorContains(t, w.runner.Run(t.Context(), &h, "4"), "it did not succeed within 1m0s: Job loader-")
		list, err = w.kube.BatchV1().Jobs("shop").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		assert.Len(t, list.Items, 3, "what did not end is removed")
	})
}

func TestAMissingRightIsNamed(t *testing.T) {
	w := newWorld(deployment("web", 1))
	forbidden := apierrors.NewForbidden(deployments.GroupResource(), "web", errors.New(`User "system:serviceaccount:shop:ramen-hooks" cannot patch resource "deployments/scale"`))
	w.dynamic.PrependReactor("patch", "deployments", func(ktesting.Action) (bool, runtime.Object, error) { return true, nil, forbidden })
	h := recipe.Hook{Type: "scale", Op: "down", Namespace: "shop", Kind: recipe.KindDeployment, NamePattern: "web", Timeout: time.Minute}
	err := w.runner.Run(t.Context(), &h, "1")
	require.ErrorContains(t, err, `cannot patch resource "deployments/scale"`)
	assert.ErrorContains(t, err, "Hooks act as ServiceAccount ramen-hooks of the namespace")
	impersonate := apierrors.NewForbidden(deployments.GroupResource(), "", errors.New(`User "spokectrl" cannot impersonate resource "serviceaccounts"`))
	w.dynamic.PrependReactor("list", "deployments", func(ktesting.Action) (bool, runtime.Object, error) { return true, nil, impersonate })
	assert.ErrorContains(t, w.runner.Run(t.Context(), &h, "1"), "apply config/spoke/objects to this cluster")
}
