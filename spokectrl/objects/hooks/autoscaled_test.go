// SPDX-License-Identifier: Apache-2.0

package hooks_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ktesting "k8s.io/client-go/testing"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

func autoscaler(name, kind, target string, least *int32) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: named(name), Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: kind, Name: target}, MinReplicas: least,
	}}
}

var downWeb = recipe.Hook{Type: "scale", Op: "down", Namespace: "shop", Kind: recipe.KindDeployment, NamePattern: "web", Timeout: time.Minute}

// What would give a workload its Pods back while it is scaled down is told, before anything is scaled. A HorizontalPodAutoscaler rests
// while its target has no replicas, which is told, too; that of KEDA does not, since KEDA itself scales from none to one.
func TestWhatElseScalesAWorkloadIsNamed(t *testing.T) {
	byKEDA := autoscaler("keda-hpa-queue", "Deployment", "web", new(int32(1)))
	byKEDA.OwnerReferences = []metav1.OwnerReference{{APIVersion: "keda.sh/v1alpha1", Kind: "ScaledObject", Name: "queue"}}
	for name, tc := range map[string]struct {
		has        *autoscalingv2.HorizontalPodAutoscaler
		says, note string
	}{
		"KEDA":                      {byKEDA, "ScaledObject queue scales deployment web, too, and would start its Pods again. Pause it meanwhile, as by annotation autoscaling.keda.sh/paused: \"true\", or use a hook of type exec that quiesces the application", ""},
		"one that scales from none": {autoscaler("hpa", "Deployment", "web", new(int32(0))), "HorizontalPodAutoscaler hpa scales deployment web, too, and would start its Pods again. Set its minReplicas to 1 or more, with which it rests", ""},
		"one that rests":            {autoscaler("hpa", "Deployment", "web", new(int32(1))), "", "HorizontalPodAutoscaler hpa of deployment web rests while that is scaled down"},
		"one that says nothing":     {autoscaler("hpa", "Deployment", "web", nil), "", "HorizontalPodAutoscaler hpa of deployment web rests while that is scaled down"},
		"one of another workload":   {autoscaler("hpa", "Deployment", "other", new(int32(0))), "", ""},
		"one of another kind":       {autoscaler("hpa", "StatefulSet", "web", new(int32(0))), "", ""},
		"one of a kind of something": {func() *autoscalingv2.HorizontalPodAutoscaler {
			a := autoscaler("hpa", "Deployment", "web", new(int32(0)))
			a.Spec.ScaleTargetRef.APIVersion = "example.com/v1"
			return a
		}(), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(deployment("web", 3), tc.has)
				time.AfterFunc(time.Second, func() { w.set(t, "web", 0, "status", "replicas") })
				h := downWeb
				err := w.runner.Run(t.Context(), &h, "1")
				if tc.says == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, tc.says)
					for _, a := range w.dynamic.Actions() {
						assert.NotEqual(t, "patch", a.GetVerb(), "nothing is scaled")
					}
					assert.Empty(t, w.get(t, "web").GetAnnotations())
				}
				assert.Equal(t, tc.note, w.runner.Note(t.Context(), &h))
				<-time.After(2 * time.Second)
				h.Op = "up"
				require.NoError(t, w.runner.Run(t.Context(), &h, "2"), "what was scaled down before somebody made it comes back")
			})
		})
	}
}

// That nobody else scales a workload is known or not; it is not taken for granted.
func TestThatNobodyElseScalesAWorkloadIsNotTakenForGranted(t *testing.T) {
	w := newWorld(deployment("web", 3))
	w.kube.PrependReactor("list", "horizontalpodautoscalers", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("there is no API server")
	})
	h := downWeb
	require.ErrorContains(t, w.runner.Run(t.Context(), &h, "1"), "list HorizontalPodAutoscalers: there is no API server")
	n := int64(0)
	for _, a := range w.dynamic.Actions() {
		if a.GetVerb() == "patch" {
			n++
		}
	}
	assert.Zero(t, n)

	w = newWorld(deployment("web", 3))
	w.kube.PrependReactor("list", "horizontalpodautoscalers", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(autoscalingv2.Resource("horizontalpodautoscalers"), "", errors.New(`User "spokectrl" cannot list resource "horizontalpodautoscalers"`))
	})
	err := w.runner.Run(t.Context(), &h, "1")
	require.ErrorContains(t, err, "Apply config/spoke/objects to this cluster")
	assert.NotContains(t, err.Error(), "create rolebinding ramen-hooks", "it is spokectrl that looks")

	w = newWorld(deployment("web", 0))
	w.kube.PrependReactor("list", "horizontalpodautoscalers", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewNotFound(autoscalingv2.Resource("horizontalpodautoscalers"), "")
	})
	require.NoError(t, w.runner.Run(t.Context(), &h, "1"), "an API server may not know them")
}
