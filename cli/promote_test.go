// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/credential"
)

// assertPromotes: a group is promoted past a hub that is not there, and only then. The cluster is the same API server.
func assertPromotes(t *testing.T, w *world) {
	g := &v1alpha1.VolumeReplicationGroup{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "glass", Annotations: map[string]string{
			"exchange.ramendr.openshift.io/epoch": "2", "exchange.ramendr.openshift.io/origin": "hub", "exchange.ramendr.openshift.io/wish-uid": "w",
			"drplacementcontrol.ramendr.openshift.io/peer-serves": "true",
		}},
		Spec: v1alpha1.VolumeReplicationGroupSpec{ReplicationState: v1alpha1.Secondary, S3Profiles: []string{"s3-a"}},
	}
	w.create(g)
	promote := []string{"promote", "glass", "--on-cluster", "hub"}
	with := func(args ...string) []string { return append(append([]string{}, promote...), args...) }
	role := func() v1alpha1.ReplicationState {
		t.Helper()
		require.NoError(t, w.Client.Get(t.Context(), client.ObjectKeyFromObject(g), g))
		return g.Spec.ReplicationState
	}

	assert.Equal(t, 1, w.run("promote", "glass").code, "the cluster is named")
	assert.Equal(t, 1, w.run("promote", "none", "--on-cluster", "hub").code)
	got := w.run(with("--yes")...)
	assert.Equal(t, 4, got.code, got.err)
	assert.Contains(t, oneLine(got.err), "nothing on the cluster tells whether its hub works")
	got = w.run(with("--yes", "--hub-is-down", "--dry-run=server")...)
	assert.Equal(t, 0, got.code, got.err)

	way, err := credential.Secret("ramen-system", "dr2", &rest.Config{Host: w.Admin.Host, TLSClientConfig: rest.TLSClientConfig{CAData: w.Admin.CAData}}, "none")
	require.NoError(t, err)
	w.create(way)
	got = w.run(with("--yes")...)
	assert.Equal(t, 4, got.code, got.err)
	assert.Contains(t, oneLine(got.err), "the API server of the hub answers at "+w.Admin.Host, "a refusal is an answer, too")
	require.NoError(t, w.Client.Delete(t.Context(), way))
	gone, err := credential.Secret("ramen-system", "dr2", &rest.Config{Host: "https://127.0.0.1:1"}, "none")
	require.NoError(t, err)
	w.create(gone)

	for _, answer := range []string{"", "y\n", "Glass\n"} {
		got := w.at(answer, promote...)
		assert.Equal(t, 4, got.code)
		assert.Contains(t, got.out, "Not confirmed: nothing was changed.")
	}

	replicas := int32(2)
	labels := map[string]string{"app": "mirror"}
	mirror := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "mirror"}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "mirror", Image: "mirror"}}}},
	}}
	w.create(mirror)
	ready := func(n int32) {
		t.Helper()
		mirror.Status.Replicas, mirror.Status.ReadyReplicas = replicas, n
		require.NoError(t, w.Client.Status().Update(t.Context(), mirror))
	}
	ready(2)
	got = w.run(with("--yes")...)
	assert.Equal(t, 4, got.code)
	assert.Contains(t, oneLine(got.err), "the mirror on the cluster is connected to the hub: fail over on the hub")
	ready(1) // the one that waits is ready, the one that keeps the link is not
	assert.Equal(t, v1alpha1.Secondary, role())

	w.before(http.MethodPatch, func() {
		mine := g.DeepCopy()
		mine.Labels = map[string]string{"touched": "meanwhile"}
		assert.NoError(t, w.Client.Update(t.Context(), mine))
	})
	got = w.run(with("--yes")...)
	assert.Equal(t, 1, got.code)
	assert.Contains(t, got.err, "nothing was written; run the command again")
	assert.Equal(t, v1alpha1.Secondary, role())

	got = w.at("glass\n", with("--timeout", "10ms")...)
	assert.Equal(t, 3, got.code, got.err)
	assert.Contains(t, oneLine(got.out), "It takes longer than the time-out, and continues.")
	assert.Equal(t, v1alpha1.Primary, role())
	assert.Equal(t, "1002", g.Annotations["exchange.ramendr.openshift.io/epoch"])
	assert.NotContains(t, g.Annotations, "drplacementcontrol.ramendr.openshift.io/peer-serves")
	assert.Equal(t, v1alpha1.VRGActionFailover, g.Spec.Action)
	got = w.run(with("--yes")...)
	assert.Equal(t, 0, got.code)
	assert.Contains(t, got.err, "Nothing to do: the cluster is told to be Primary already.")
	for _, o := range []client.Object{g, mirror, gone} {
		require.NoError(t, w.Client.Delete(t.Context(), o))
	}
}
