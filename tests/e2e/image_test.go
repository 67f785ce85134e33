// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/image"
	"github.com/ramendr/ramen-direct/tests/e2e/kindlab"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// TestAnImageThatChangedUnderItsNameIsRun, as by a second make kind-up; one that did not change restarts nothing.
func TestAnImageThatChangedUnderItsNameIsRun(t *testing.T) {
	l := place(t)
	root, err := source.Root(t.Context())
	require.NoError(t, err)
	deployment := &appsv1.Deployment{}
	require.NoError(t, l.Cluster(lab.Hub).Client.Get(t.Context(), client.ObjectKey{Namespace: lab.Namespace, Name: "hubctrl"}, deployment))
	built := filepath.Join(root, "dist", "images", "hubctrl.tar")
	changed := filepath.Join(t.TempDir(), "hubctrl.tar")
	require.NoError(t, image.Image{
		Name: deployment.Spec.Template.Spec.Containers[0].Image, Program: "hubctrl",
		Labels:   map[string]string{"changed": "under its name"},
		Binaries: map[string]string{runtime.GOARCH: filepath.Join(root, "dist", "bin", "linux-"+runtime.GOARCH, "hubctrl")},
	}.Write(changed))

	runs := func(archive string) map[string]string {
		require.NoError(t, l.Load(lab.Hub, archive))
		require.NoError(t, l.RunDeployment(t.Context(), lab.Hub, "hubctrl", archive))
		return imagesOf(t, l, "hubctrl")
	}
	first := runs(built)
	assert.Equal(t, first, runs(built), "the same image")
	second := runs(changed)
	for pod, id := range second {
		assert.NotContains(t, first, pod, "a Pod was not restarted")
		for _, was := range first {
			assert.NotEqual(t, was, id, "the image is the one before")
		}
	}
	third := runs(built)
	for _, id := range third {
		for _, was := range first {
			assert.Equal(t, was, id, "the image is the first again")
		}
	}
}

// imagesOf are the images, by id, that the Pods of a Deployment on the hub run, by the name of the Pod.
func imagesOf(t *testing.T, l *kindlab.Lab, name string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		pods := &corev1.PodList{}
		require.NoError(c, l.Cluster(lab.Hub).Client.List(t.Context(), pods, client.InNamespace(lab.Namespace), client.MatchingLabels{"app.kubernetes.io/name": name}))
		clear(out)
		for _, pod := range pods.Items {
			require.Nil(c, pod.DeletionTimestamp, "%s is leaving", pod.Name)
			require.Len(c, pod.Status.ContainerStatuses, 1)
			out[pod.Name] = pod.Status.ContainerStatuses[0].ImageID
		}
		require.Len(c, out, 2)
	}, patience, time.Second, "only Pods of the last rollout are there")
	return out
}
