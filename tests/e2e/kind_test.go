// SPDX-License-Identifier: Apache-2.0

// Package e2e tells the story of the project on three clusters of kind, with real Pods that write real bytes, on the
// images and manifests that users install. It promises the same as the stories of the embedded lab: each step ends in
// status as users see it, and in counted records. It needs the clusters of make kind-up.
package e2e

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/tests/e2e/kindlab"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/story"
)

const patience = 3 * time.Minute

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// place is the lab on kind, without which tests are skipped.
func place(t *testing.T) *kindlab.Lab {
	t.Helper()
	if os.Getenv("RAMEN_KIND") == "" {
		t.Skip("needs three clusters of kind: make kind-up, then make kind-test")
	}
	l, err := kindlab.Open(t.Context(), kindlab.Options{Log: t.Output()})
	require.NoError(t, err, "the clusters of make kind-up are there")
	return l
}

// enter brings an application on whose storage replicates by itself. It leaves with the test.
func enter(t *testing.T, l *kindlab.Lab, name string) *story.Story {
	t.Helper()
	return enterAs(t, l, l.App(name, name), kindlab.Interval)
}

// enterAs brings an application on. interval is how long the interval of its policy really lasts.
func enterAs(t *testing.T, l *kindlab.Lab, a *app.App, interval time.Duration) *story.Story {
	t.Helper()
	s := story.New(l, a, interval)
	ctx, stop := context.WithCancel(t.Context())
	var deployer sync.WaitGroup
	deployer.Go(func() { s.App.Deploy(ctx, t.Logf) })
	t.Cleanup(func() {
		stop()
		deployer.Wait()
		for _, spoke := range lab.Spokes() {
			assert.NoError(t, l.Heal(spoke))
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if t.Failed() {
			for _, name := range lab.Clusters() {
				out, _ := exec.CommandContext(ctx, "kubectl", "--context", "kind-"+name, "get", "drcluster,drpc,vrg,pvc,pods", "-A", "-o", "wide").CombinedOutput()
				t.Logf("how things stand on %s:\n%s", name, out)
			}
		}
		if err := s.App.Unprotect(ctx); err != nil && !apierrors.IsNotFound(err) {
			t.Logf("unprotect: %v", err)
		}
		assert.Eventually(t, func() bool {
			_, err := s.App.Control(ctx)
			return apierrors.IsNotFound(err)
		}, patience, time.Second, "the application is let go")
		assert.NoError(t, s.App.Remove(ctx, t.Logf))
	})
	return s
}

func TestAnApplicationMovesBetweenClustersAndNothingIsLostThatWasSynchronized(t *testing.T) {
	l := place(t)
	restricted(t, l)
	s := enter(t, l, "journal")

	began := time.Now()
	require.NoError(t, s.Protect(t.Context(), lab.DR1))
	t.Logf("protected on dr1 (%s)", time.Since(began).Round(time.Second))

	moved, err := s.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err)
	t.Logf("relocate dr1 -> dr2: %s (%s)", moved.Loss, moved.Took.Round(100*time.Millisecond))

	failed, err := s.FailoverWithout(t.Context(), lab.DR1, faultproxy.BlackHole)
	require.NoError(t, err)
	t.Logf("failover dr2 -> dr1, dr2 paused: %s (%s)", failed.Loss, failed.Took.Round(100*time.Millisecond))
	require.NoError(t, s.Noticed(t.Context(), lab.DR2))

	took, err := s.Return(t.Context(), lab.DR2)
	require.NoError(t, err)
	t.Logf("dr2 is back, Secondary and in sync (%s)", took.Round(100*time.Millisecond))

	report, err := s.Disable(t.Context())
	require.NoError(t, err)
	t.Logf("DR disabled, the application runs on: %d records, none missing", report.Count)
}

func TestAFailoverEndsWhileTheOldHomeIsOffTheNetwork(t *testing.T) {
	l := place(t)
	s := enter(t, l, "severed")
	sever(t, s)
	_, err := s.Disable(t.Context())
	require.NoError(t, err)
}

// sever protects an application on dr1, fails over to dr2 while dr1 is off the network, and lets dr1 return.
func sever(t *testing.T, s *story.Story) {
	t.Helper()
	require.NoError(t, s.Protect(t.Context(), lab.DR1))
	failed, err := s.FailoverWithout(t.Context(), lab.DR2, faultproxy.Cut)
	require.NoError(t, err)
	t.Logf("failover dr1 -> dr2, dr1 off the network: %s (%s)", failed.Loss, failed.Took.Round(100*time.Millisecond))
	took, err := s.Return(t.Context(), lab.DR1)
	require.NoError(t, err)
	t.Logf("dr1 is back, Secondary and in sync (%s)", took.Round(100*time.Millisecond))
}

// TestAnApplicationOutlivesItsHub: the whole cluster is deleted, another one is made and fed with the same manifests.
func TestAnApplicationOutlivesItsHub(t *testing.T) {
	l := place(t)
	s := enter(t, l, "outlives")
	require.NoError(t, s.Protect(t.Context(), lab.DR1))
	took, err := s.ReplaceHub(t.Context())
	require.NoError(t, err)
	t.Logf("adopted, untouched and settled %s after the loss of the hub", took.Round(time.Second))
	moved, err := s.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err)
	t.Logf("relocate dr1 -> dr2 by the new hub: %s (%s)", moved.Loss, moved.Took.Round(100*time.Millisecond))
	_, err = s.Disable(t.Context())
	require.NoError(t, err)
}

// TestTheHubMayConnectToACluster: dr2 is connected by the mirror on the hub, dr1 by its own, and the application moves
// there and back.
func TestTheHubMayConnectToACluster(t *testing.T) {
	l := place(t)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*patience)
		defer cancel()
		assert.NoError(t, l.Pull(ctx, lab.DR2), "it is connected as before")
	})
	s := enter(t, l, "pushed")
	require.NoError(t, s.Protect(t.Context(), lab.DR1))
	require.NoError(t, l.Push(t.Context(), lab.DR2), "the way is changed while an application is protected")
	require.NoError(t, s.GoesOn(t.Context(), lab.DR1))
	for _, target := range []string{lab.DR2, lab.DR1} {
		moved, err := s.Relocate(t.Context(), target)
		require.NoError(t, err)
		t.Logf("relocate to %s: %s (%s)", target, moved.Loss, moved.Took.Round(100*time.Millisecond))
	}
	_, err := s.Disable(t.Context())
	require.NoError(t, err)
}

// restricted sees that all Pods of the operator run in a namespace that enforces the restricted level.
func restricted(t *testing.T, l *kindlab.Lab) {
	t.Helper()
	for _, name := range lab.Clusters() {
		c := l.Cluster(name).Client
		namespace := &corev1.Namespace{}
		require.NoError(t, c.Get(t.Context(), client.ObjectKey{Name: lab.Namespace}, namespace))
		assert.Equal(t, "restricted", namespace.Labels["pod-security.kubernetes.io/enforce"], name)
		pods := &corev1.PodList{}
		require.NoError(t, c.List(t.Context(), pods, client.InNamespace(lab.Namespace)))
		assert.NotEmpty(t, pods.Items, name)
		for _, pod := range pods.Items {
			assert.Equal(t, corev1.PodRunning, pod.Status.Phase, "%s on %s", pod.Name, name)
		}
	}
}
