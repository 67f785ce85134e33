// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
)

// assertProtects: what a protection needs is written once, if nothing speaks against it, and deleted on the user's word only.
func assertProtects(t *testing.T, w *world) {
	w.create(namespace("mall"))
	d := application("mall", "till")
	exists := func() bool { return w.Client.Get(t.Context(), client.ObjectKeyFromObject(d), d) == nil }
	protect := []string{"protect", "till", "-n", "mall", "--policy", "5m", "--cluster", "dr1"}
	with := func(args ...string) []string { return append(append([]string{}, protect...), args...) }
	guards := func(got said) (out []string) {
		t.Helper()
		var p view.Protection
		require.NoError(t, json.Unmarshal([]byte(got.out), &p), got.err)
		for _, r := range p.Refusals {
			out = append(out, string(r.Guard))
		}
		return out
	}

	t.Run("a request that is incomplete, or can't be met", func(t *testing.T) {
		got := w.run(protect...)
		assert.Equal(t, 1, got.code)
		assert.Contains(t, got.err, "say which PVCs are protected")
		assert.Equal(t, 1, w.run(with("-l", "app=till", "--all-pvcs")...).code)
		assert.Equal(t, 1, w.run(with("-l", "=;")...).code)
		assert.Equal(t, 1, w.run("protect", "till", "--all-pvcs").code, "policy and cluster are required")
		assert.Equal(t, 1, w.run("protect", "-n", "mall", "Till", "--policy", "5m", "--cluster", "dr1", "--all-pvcs").code, "the API server is asked")
		got = w.run("protect", "till", "-n", "mall", "--policy", "1h", "--cluster", "dr1", "--all-pvcs", "-o", "json")
		assert.Equal(t, 4, got.code)
		assert.Equal(t, []string{"Policy"}, guards(got))
		assert.False(t, exists())
	})

	t.Run("a dry run writes nothing", func(t *testing.T) {
		got := w.run(with("-l", "app=till,tier in (a,b)", "--dry-run=client", "-o", "yaml")...)
		assert.Equal(t, 0, got.code, got.err)
		var printed v1alpha1.DRPlacementControl
		require.NoError(t, yaml.UnmarshalStrict([]byte(got.out), &printed), "only the manifest is there")
		assert.Equal(t, []string{"a", "b"}, printed.Spec.PVCSelector.MatchExpressions[0].Values)
		require.NoError(t, w.Client.Create(t.Context(), &printed, client.DryRunAll))
		got = w.run(with("-l", "app=till", "--dry-run=server")...)
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "Dry run: nothing was changed.")
		assert.False(t, exists())
	})

	t.Run("namespaces and Kubernetes objects", func(t *testing.T) {
		for _, wrong := range [][]string{
			{"--kube-object-selector", "a=b", "--recipe", "r"}, {"--recipe-parameter", "a=b"}, {"--recipe", "a/b/c"}, {"--recipe", "/b"}, {"--kube-object-selector", "=;"},
			{"--kube-objects", "--capture-interval", "-5m"}, {"--recipe", "r", "--recipe-parameter", "b"},
			{"--protected-namespaces", "a,b", "--app-namespace", "c"},
		} {
			got := w.run(with(append([]string{"-l", "app=till"}, wrong...)...)...)
			assert.Equal(t, 1, got.code, wrong)
			assert.Contains(t, got.err, "--", wrong)
		}
		got := w.run(with("-l", "app=till", "--dry-run=client", "--kube-objects", "--kube-object-selector", "app=till", "--capture-interval", "10m")...)
		assert.Equal(t, 0, got.code, got.err)
		var printed v1alpha1.DRPlacementControl
		require.NoError(t, yaml.UnmarshalStrict([]byte(got.out), &printed))
		assert.Equal(t, map[string]string{"app": "till"}, printed.Spec.KubeObjectProtection.KubeObjectSelector.MatchLabels)
		assert.Equal(t, 10*time.Minute, printed.Spec.KubeObjectProtection.CaptureInterval.Duration)
		assert.Contains(t, oneLine(got.err), "Also, its Kubernetes objects with labels app=till are captured every 10m.")
		got = w.run(with("-l", "app=till", "--dry-run=client", "--recipe", "mall/close", "--recipe-parameter", "till=1,2", "--recipe-parameter", "safe=3")...)
		assert.Equal(t, 0, got.code, got.err)
		printed = v1alpha1.DRPlacementControl{}
		require.NoError(t, yaml.UnmarshalStrict([]byte(got.out), &printed))
		assert.Equal(t, &v1alpha1.KubeObjectProtectionSpec{
			RecipeRef: &v1alpha1.RecipeRef{Namespace: "mall", Name: "close"}, RecipeParameters: map[string][]string{"till": {"1", "2"}, "safe": {"3"}},
		}, printed.Spec.KubeObjectProtection)
		got = w.run(with("--all-pvcs", "--dry-run=server", "--protected-namespaces", "mall,arcade", "-o", "json")...)
		assert.Equal(t, []string{"Hub"}, guards(got), "the hub decides who may name others")
		assert.Contains(t, got.err, "It has the namespaces mall, arcade.\n")
	})

	t.Run("what the hub would refuse is refused, by its own code", func(t *testing.T) {
		got := w.run("protect", "more", "-n", "shop", "--policy", "5m", "--cluster", "dr1", "-l", "app=more", "-o", "json")
		assert.Equal(t, 4, got.code, got.err)
		assert.Equal(t, []string{"Hub"}, guards(got))
		assert.Contains(t, oneLine(got.err), "the hub would refuse it (Conflict): ")
		got = w.run("protect", "orders", "-n", "shop", "--policy", "5m", "--cluster", "dr1", "--all-pvcs", "-o", "json")
		assert.Equal(t, []string{"Exists"}, guards(got))
	})

	t.Run("the claims of the cluster are looked at", func(t *testing.T) {
		class := "slow"
		w.create(&corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: "mall", Name: "till-0", Labels: map[string]string{"app": "till"}},
			Spec: corev1.PersistentVolumeClaimSpec{StorageClassName: &class, AccessModes: []corev1.PersistentVolumeAccessMode{"ReadWriteOnce"},
				Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("1Gi")}}},
		})
		got := w.run(with("-l", "app=till", "--cluster-context", "hub", "--dry-run=server", "-o", "json")...)
		assert.Equal(t, 4, got.code)
		assert.Equal(t, []string{"Identity"}, guards(got), "the hub knows dr1 as another cluster")
		dc := &v1alpha1.DRCluster{}
		require.NoError(t, w.Client.Get(t.Context(), client.ObjectKey{Name: "dr1"}, dc))
		was := dc.Status.ClusterID
		dc.Status.ClusterID = ""
		require.NoError(t, w.Client.Status().Update(t.Context(), dc))
		got = w.run(with("-l", "app=till", "--cluster-context", "hub", "--dry-run=server")...)
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.err, "  PVC mall/till-0, StorageClass slow, not replicated\n")
		assert.Contains(t, oneLine(w.run(with("-l", "app=till", "--recipe", "close", "--cluster-context", "hub", "--dry-run=server")...).err), "there is no Recipe mall/close on dr1")
		assert.Contains(t, oneLine(w.run(with("-l", "app=none", "--cluster-context", "hub", "--dry-run=server")...).err), "no PVC on dr1 is selected now")
		dc.Status.ClusterID = was
		require.NoError(t, w.Client.Status().Update(t.Context(), dc))
	})

	t.Run("a protection that is waited for", func(t *testing.T) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			now := application("mall", "till")
			assert.NoError(t, w.until(func() bool { return w.Client.Get(t.Context(), client.ObjectKeyFromObject(now), now) == nil }))
			w.protected(now)
		}()
		got := w.run(with("-l", "app=till", "--wait")...)
		<-done
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "Done: mall/till is protected.")
		require.True(t, exists())
		assert.Equal(t, map[string]string{"app": "till"}, d.Spec.PVCSelector.MatchLabels)
		assert.True(t, slices.ContainsFunc(d.ManagedFields, func(m metav1.ManagedFieldsEntry) bool {
			return m.Manager == "kubectl-ramen-direct" && m.Subresource == ""
		}))
	})

	t.Run("a protection ends on the user's word", func(t *testing.T) {
		end := []string{"unprotect", "till", "-n", "mall"}
		for _, answer := range []string{"", "y\n", "images\n"} {
			got := w.at(answer, end...)
			assert.Equal(t, 4, got.code)
			assert.Contains(t, oneLine(got.err), "Its workload, PVCs and namespace stay as they are on dr1. The copy on dr2 is no longer kept up to date")
		}
		assert.Equal(t, 4, w.run(end...).code)
		assert.Equal(t, 0, w.run(append(end, "--dry-run=server")...).code)
		assert.Equal(t, 0, w.run(append(end, "--dry-run=client")...).code)
		assert.Equal(t, 1, w.run("unprotect", "none", "-n", "mall", "-y").code)
		require.True(t, exists())
		d.Labels, d.Finalizers = map[string]string{"kustomize.toolkit.fluxcd.io/name": "dr"}, []string{"drpc.ramendr.openshift.io/finalizer"}
		require.NoError(t, w.Client.Update(t.Context(), d))
		got := w.run(append(end, "--yes")...)
		assert.Equal(t, 4, got.code)
		assert.Contains(t, got.err, "Remove this:\n    apiVersion: ramendr.openshift.io/v1alpha1\n")
		got = w.run(append(end, "--yes", "--even-if-git", "--wait", "--timeout", "10ms")...)
		assert.Equal(t, 3, got.code, got.err)
		got = w.run(append(end, "--yes")...)
		assert.Equal(t, 0, got.code)
		assert.Contains(t, got.out, "Nothing to do: the protection of mall/till is being ended already.")
		require.True(t, exists())
		d.Finalizers = nil
		require.NoError(t, w.Client.Update(t.Context(), d))
		w.create(application("mall", "till"))
		got = w.at("till\n", end...)
		assert.Equal(t, 0, got.code, got.err)
		assert.Contains(t, got.out, "Done: mall/till is not protected any more.")
		assert.False(t, exists())
	})
}
