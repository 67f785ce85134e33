// SPDX-License-Identifier: Apache-2.0

package hooks_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubefake "k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"

	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

func set(name string, replicas int32) *appsv1.StatefulSet {
	return &appsv1.StatefulSet{ObjectMeta: named(name, name), Spec: appsv1.StatefulSetSpec{Replicas: &replicas}}
}

// What a hook did may lie on a volume, which a Pod that comes up later has again. So it is undone in every Pod, and one that does not
// run yet is waited for, and named. Nothing is left where nothing will come.
func TestWhatIsUndoneIsUndoneInEveryPod(t *testing.T) {
	ending := pod(owned(named("db-0", "db"), "StatefulSet", "db"), corev1.PodRunning)
	ending.DeletionTimestamp, ending.Finalizers = new(metav1.Now()), []string{"a/b"}
	of := func(name string, phase corev1.PodPhase) *corev1.Pod {
		return pod(owned(named(name, "db"), "StatefulSet", "db"), phase)
	}
	byLabel, bySet := recipe.Hook{Selector: app("db")}, recipe.Hook{NamePattern: "db", Kind: recipe.KindStatefulSet}
	one := bySet
	one.OnePod = true
	agents := recipe.Hook{NamePattern: "agent", Kind: recipe.KindDaemonSet}
	for name, tc := range map[string]struct {
		hook   recipe.Hook
		has    []runtime.Object
		ran    int
		absent bool
		says   string // empty: it is undone
	}{
		"all run":                            {byLabel, []runtime.Object{of("db-0", corev1.PodRunning), of("db-1", corev1.PodRunning)}, 2, false, ""},
		"one is pending":                     {byLabel, []runtime.Object{of("db-0", corev1.PodRunning), of("db-1", corev1.PodPending)}, 1, false, "Pod db-1 is pending: it is run in them when they run"},
		"the only one is pending":            {byLabel, []runtime.Object{of("db-0", corev1.PodPending)}, 0, false, "Pod db-0 is pending"},
		"it is terminating":                  {byLabel, []runtime.Object{ending}, 0, false, "Pod db-0 is terminating"},
		"it has ended":                       {byLabel, []runtime.Object{of("db-0", corev1.PodSucceeded), of("db-1", corev1.PodFailed)}, 0, true, "there is no running Pod"},
		"there is none":                      {byLabel, nil, 0, true, "there is no running Pod"},
		"one of a set is pending":            {bySet, []runtime.Object{set("db", 2), of("db-0", corev1.PodRunning), of("db-1", corev1.PodPending)}, 1, false, "Pod db-1 is pending"},
		"one is enough":                      {one, []runtime.Object{set("db", 2), of("db-0", corev1.PodPending), of("db-1", corev1.PodRunning)}, 1, false, ""},
		"one is needed":                      {one, []runtime.Object{set("db", 2), of("db-0", corev1.PodPending)}, 0, false, "Pod db-0 is pending"},
		"a set without Pods":                 {bySet, []runtime.Object{set("db", 2)}, 0, false, "statefulset db has none of its 2 Pods"},
		"a set that is to have none":         {bySet, []runtime.Object{set("db", 0)}, 0, true, "there is no running Pod"},
		"a set that does not exist":          {bySet, nil, 0, true, "there is no running Pod"},
		"a DaemonSet without Pods":           {agents, []runtime.Object{&appsv1.DaemonSet{ObjectMeta: named("agent"), Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: 3}}}, 0, false, "daemonset agent has none of its 3 Pods"},
		"a DaemonSet that fits on no node":   {agents, []runtime.Object{&appsv1.DaemonSet{ObjectMeta: named("agent")}}, 0, true, "there is no running Pod"},
		"a workload that nothing is done to": {recipe.Hook{Type: "scale", Op: "up", NamePattern: "db", Kind: recipe.KindStatefulSet}, nil, 0, true, "there is no statefulset"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(tc.has...)
			h := tc.hook
			h.Namespace, h.Command, h.Timeout = "shop", []string{"run"}, time.Minute
			if h.Type == "" {
				h.Type = "exec"
			}
			err := w.runner.Undo(t.Context(), &h, "1")
			assert.Len(t, w.commands, tc.ran)
			assert.Equal(t, tc.absent, hooks.Absent(err), "%v", err)
			assert.False(t, hooks.Gone(err))
			if tc.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.says)
			}
		})
	}
}

// denied refuses ramen-hooks everything, as where its RoleBinding is gone. spokectrl itself may look.
func (w *world) denied() {
	refused := kubefake.NewClientset()
	no := apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New(`User "system:serviceaccount:shop:ramen-hooks" cannot list resource "pods"`))
	refused.PrependReactor("*", "*", func(ktesting.Action) (bool, runtime.Object, error) { return true, nil, no })
	w.runner.Connect = func(string) (hooks.Clients, error) { return hooks.Clients{Kube: refused, Dynamic: w.dynamic}, nil }
}

func TestWithoutRightsNothingIsUndoneWhereSomethingIsLeft(t *testing.T) {
	h := recipe.Hook{Type: "exec", Namespace: "shop", Selector: app("db"), Command: []string{"run"}, Timeout: time.Minute}
	w := newWorld(pod(named("db-0", "db"), corev1.PodPending))
	w.denied()
	err := w.runner.Undo(t.Context(), &h, "1")
	require.ErrorContains(t, err, "create rolebinding ramen-hooks", "the right is missing, whatever else")
	assert.False(t, hooks.Absent(err) || hooks.Gone(err))

	w = newWorld()
	w.denied()
	err = w.runner.Undo(t.Context(), &h, "1")
	assert.True(t, hooks.Absent(err), "the application was removed with its roles: %v", err)

	job := recipe.Hook{Type: "job", Op: "j", Namespace: "shop", Manifest: `{"apiVersion":"batch/v1","kind":"Job"}`, Timeout: time.Minute}
	err = w.runner.Undo(t.Context(), &job, "1")
	require.Error(t, err)
	assert.False(t, hooks.Absent(err) || hooks.Gone(err), "nobody knows what a Job acts on")
}

func TestOfANamespaceThatIsGoneNothingIsLeft(t *testing.T) {
	for _, kind := range []string{"exec", "job"} {
		h := recipe.Hook{Type: kind, Op: "j", Namespace: "shop", Selector: app("db"), Command: []string{"run"}, Manifest: `{"apiVersion":"batch/v1","kind":"Job"}`, Timeout: time.Minute}
		w := newWorld()
		require.NoError(t, w.kube.CoreV1().Namespaces().Delete(t.Context(), "shop", metav1.DeleteOptions{}))
		w.denied()
		err := w.runner.Undo(t.Context(), &h, "1")
		assert.True(t, hooks.Gone(err), "%v", err)
		require.ErrorContains(t, err, "namespace shop does not exist any more")
	}
}
