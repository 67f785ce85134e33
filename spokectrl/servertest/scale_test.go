// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/store/mem"
	"github.com/ramendr/ramen-direct/internal/testlayer"
)

const patience = 5 * time.Minute

// crowd is how many other objects there are, and how many bytes of each count.
type crowd struct{ secrets, pods, groups, bytes int }

// others are few and large in the gate, so that it shows if they are kept. If all tests were asked for they are as many as
// a large cluster has, so that it shows if anything of each is kept.
func others() crowd {
	if testlayer.All() {
		return crowd{secrets: 5_000, pods: 20_000, groups: 1_000, bytes: 1 << 10}
	}
	return crowd{secrets: 500, pods: 1_000, groups: 100, bytes: 32 << 10}
}

// crowd makes many objects, in parallel. They go with the test: the operator of each later one would list them, and look at them.
// One request that deletes thousands takes longer than an API server allows.
func (s *spoke) crowd(n int, object func(i int) client.Object) {
	s.t.Helper()
	s.t.Cleanup(func() {
		assert.NoError(s.t, many(context.Background(), n, func(ctx context.Context, i int) error {
			return client.IgnoreNotFound(s.client.Delete(ctx, object(i), client.GracePeriodSeconds(0)))
		}))
	})
	require.NoError(s.t, many(s.t.Context(), n, func(ctx context.Context, i int) error { return s.client.Create(ctx, object(i)) }))
}

// many calls do for each of n, in parallel.
func many(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// memory is what the process keeps, in bytes.
func memory() uint64 {
	for range 3 {
		runtime.GC() // what finalizers and pools hold goes by the second and third
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// keepsLess requires that the process comes to keep less than limit bytes. On a busy machine something is still under way when
// all has been seen; what is kept stays.
func keepsLess(t *testing.T, limit float64, when string) {
	t.Helper()
	var is uint64
	assert.Eventually(t, func() bool { is = memory(); return float64(is) < limit }, patience, often, "memory %s", when)
	t.Logf("%d KiB %s, of at most %.0f", is>>10, when, limit/1024)
}

// TestACrowdOfOthersCostsNoMemory: Secrets and Pods that have nothing to do with us are not kept. Of the operator and of
// this test together, so that what the operator alone keeps is less.
func TestACrowdOfOthersCostsNoMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("many objects")
	}
	foreign := others()
	s := up(t, "crowd")
	s.provision("data")
	s.wish(v1alpha1.Primary, 1)
	seen := func(name string) {
		t.Helper()
		// What is seen of a Pod that came last tells that all others came.
		pod := s.pod(name, "data")
		require.Eventually(t, s.says("InUse", "True/PodsRunning"), patience, often, "the Pod %s is seen", name)
		require.NoError(t, s.client.Delete(t.Context(), pod, client.GracePeriodSeconds(0)))
		require.Eventually(t, s.says("InUse", "False/NotInUse"), patience, often, "it is gone")
		rested(t)
	}
	s.create(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "default"}})
	seen("before")
	before := memory()
	s.crowd(foreign.secrets, func(i int) client.Object {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("foreign-%d", i)},
			Data:       map[string][]byte{"token": make([]byte, foreign.bytes)},
		}
	})
	s.crowd(foreign.pods, func(i int) client.Object {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("foreign-%d", i), Labels: map[string]string{"app": "foreign"},
				Annotations: map[string]string{"example.com/note": strings.Repeat("x", foreign.bytes)}},
			Spec: corev1.PodSpec{
				AutomountServiceAccountToken: new(false),
				Containers:                   []corev1.Container{{Name: "c", Image: "example.com/foreign:1", Env: []corev1.EnvVar{{Name: "A", Value: "a"}}}},
				Volumes:                      []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
			},
		}
	})
	seen("after")
	keepsLess(t, 1.1*float64(before), "after")
	s.start(mem.New())
	seen("again")
	keepsLess(t, 1.1*2*float64(before), "with a second operator that listed them all")
}

// passes is how often groups were looked at.
func passes(t *testing.T) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	require.NoError(t, err)
	total := 0.0
	for _, f := range families {
		if f.GetName() != "controller_runtime_reconcile_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "controller" && l.GetValue() == "volumereplicationgroup" {
					total += m.GetCounter().GetValue()
				}
			}
		}
	}
	return total
}

// rested waits until no group is looked at any more, and tells how often they were by then.
func rested(t *testing.T) float64 {
	t.Helper()
	was, since := passes(t), time.Now()
	require.Eventually(t, func() bool {
		if now := passes(t); now != was {
			was, since = now, time.Now()
		}
		return time.Since(since) > 2*time.Second
	}, patience, often)
	return was
}

// TestAnEventWakesTheGroupThatItConcerns and none of many others, wherever they are.
func TestAnEventWakesTheGroupThatItConcerns(t *testing.T) {
	if testing.Short() {
		t.Skip("many groups")
	}
	groups := others().groups
	s := up(t, "one-of-many")
	s.provision("data")
	s.wish(v1alpha1.Primary, 1)
	s.crowd(groups, func(i int) client.Object {
		return &v1alpha1.VolumeReplicationGroup{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: fmt.Sprintf("other-%d", i), Annotations: map[string]string{"exchange.ramendr.openshift.io/epoch": "1"}},
			Spec: v1alpha1.VolumeReplicationGroupSpec{
				PVCSelector:      metav1.LabelSelector{MatchLabels: map[string]string{"app": fmt.Sprintf("other-%d", i)}},
				ReplicationState: v1alpha1.Secondary, S3Profiles: []string{"NoS3"},
				Async: &v1alpha1.VRGAsyncSpec{SchedulingInterval: "1m"},
			},
		}
	})
	require.Eventually(t, func() bool { // a busy machine may take a break before it has looked at all of them
		list := &v1alpha1.VolumeReplicationGroupList{}
		require.NoError(t, s.client.List(t.Context(), list, client.InNamespace(s.ns)))
		return len(list.Items) == groups+1 && !slices.ContainsFunc(list.Items, func(g v1alpha1.VolumeReplicationGroup) bool { return g.Status.ObservedGeneration == 0 })
	}, patience, time.Second)
	for what, change := range map[string]func(){
		"its claim": func() {
			claim := s.claim("data")
			was := claim.DeepCopy()
			claim.Annotations["example.com/touched"] = "true"
			require.NoError(t, s.client.Patch(t.Context(), claim, client.StrategicMergeFrom(was)))
		},
		"its volume": func() {
			pv := s.pv("data")
			was := pv.DeepCopy()
			metav1.SetMetaDataAnnotation(&pv.ObjectMeta, "example.com/touched", "true")
			require.NoError(t, s.client.Patch(t.Context(), pv, client.StrategicMergeFrom(was)))
		},
		"a Pod that uses its claim": func() { s.pod("user", "data") },
	} {
		before := rested(t)
		change()
		require.Eventually(t, func() bool { return passes(t) > before }, patience, often, "nobody looks: %s", what)
		after := rested(t)
		t.Logf("%s: %.0f passes", what, after-before)
		assert.LessOrEqual(t, after-before, 3.0, what) // what a pass writes wakes it once more
	}
}
