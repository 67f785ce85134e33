// SPDX-License-Identifier: Apache-2.0

package hooks_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/exec"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

func TestWhatACommandWritesIsItsOwn(t *testing.T) {
	h := recipe.Hook{Type: "exec", Namespace: "shop", Selector: app("db"), Command: []string{"run"}, Timeout: 5 * time.Second}
	w := newWorld(pod(named("db-0", "db"), corev1.PodRunning))
	w.does = func(context.Context, string) (string, error) {
		return "\x1b[2J\xffpods is forbidden: User \"app\" cannot list\r\x00\n", exec.CodeExitError{Code: 1, Err: errors.New("exit")}
	}
	err := w.runner.Run(t.Context(), &h, "1")
	require.EqualError(t, err, "in Pod db-0: the command ended with exit code 1: [2J\uFFFDpods is forbidden: User \"app\" cannot list", "rights of the hooks would not help, and no terminal is steered")
}

// A Deployment counts no Pod that is terminating, and such a Pod may still write.
func TestDownWaitsForPodsThatTerminate(t *testing.T) {
	ending := pod(owned(named("web-1-a"), "ReplicaSet", "web-1"), corev1.PodRunning)
	ending.DeletionTimestamp, ending.Finalizers = new(metav1.Now()), []string{"a/b"}
	set := &appsv1.ReplicaSet{ObjectMeta: owned(named("web-1"), "Deployment", "web")}
	h := recipe.Hook{Type: "scale", Op: "down", Namespace: "shop", Kind: recipe.KindDeployment, NamePattern: "web", Timeout: time.Minute}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(deployment("web", 3), set, ending, pod(owned(named("web-1-b"), "ReplicaSet", "web-1"), corev1.PodSucceeded), pod(named("db-0"), corev1.PodRunning))
		time.AfterFunc(time.Second, func() { w.set(t, "web", 0, "status", "replicas") })
		require.EqualError(t, w.runner.Run(t.Context(), &h, "1"), "it did not succeed within 1m0s: Pod web-1-a of deployment web still runs")
		time.AfterFunc(10*time.Second, func() {
			assert.NoError(t, w.dynamic.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace("shop").Delete(t.Context(), "web-1-a", metav1.DeleteOptions{}))
		})
		begun := time.Now()
		require.NoError(t, w.runner.Run(t.Context(), &h, "2"))
		assert.Equal(t, 10*time.Second, time.Since(begun))
	})
}
