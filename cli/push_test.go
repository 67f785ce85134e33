// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
)

// assertPushes: the mirror on the hub gets its access to a cluster, once, and loses it at once. The cluster is the same API server.
func assertPushes(t *testing.T, w *world) {
	dc := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr8"}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: "s3-a"}}
	way := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "mirror-dr8"}}
	bound := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "mirror-credential"}}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "mirror"}}
	exists := func(o client.Object) bool { return w.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o) == nil }
	connect := func(args ...string) said {
		return w.run(append([]string{"connect", "dr8", "--mode=push", "--cluster-context", "hub", "-o", "json"}, args...)...)
	}
	of := func(got said) (c view.Connection, changes []string) {
		t.Helper()
		require.NoError(t, json.Unmarshal([]byte(got.out), &c), got.err)
		for _, change := range c.Changes {
			changes = append(changes, string(change.Result)+" "+change.Of+" "+change.Where)
		}
		return c, changes
	}

	for _, wrong := range [][]string{
		{"connect", "dr8", "--mode=push", "--s3-profile", "s3-a"},
		{"connect", "dr8", "--mode=pish", "--s3-profile", "s3-a"},
		{"connect", "dr8", "--mode=push", "--s3-profile", "s3-a", "--cluster-context", "hub", "--certificate-authority-of-hub", "x"},
		{"connect", "dr8", "--s3-profile", "s3-a", "--cluster-context", "hub", "--certificate-authority-of-cluster", "x"},
	} {
		got := w.run(wrong...)
		assert.Equal(t, 1, got.code, wrong)
		assert.Contains(t, got.err, "--", wrong)
	}
	got := connect("--s3-profile", "s3-a")
	assert.Equal(t, 4, got.code, got.err)
	c, _ := of(got)
	assert.Equal(t, view.GuardInstalled, c.Refusals[0].Guard, "nothing is installed there")
	assert.False(t, exists(dc))

	w.create(account, bound)
	got = connect("--s3-profile", "s3-a")
	assert.Equal(t, 0, got.code, got.err)
	c, changes := of(got)
	assert.Equal(t, []string{"Created DRCluster dr8 hub", "Created Secret ramen-system/mirror-dr8 hub"}, changes)
	assert.True(t, c.Push)
	assert.Contains(t, c.Warnings[0], "there is no Deployment mirror-push")
	require.True(t, exists(way))
	assert.Equal(t, "dr8", way.Labels["ramendr.openshift.io/cluster"])
	user, ok := w.accepted(t, way)
	assert.True(t, ok)
	assert.Equal(t, "system:serviceaccount:ramen-system:mirror", user)

	labels := map[string]string{"app": "mirror-push"}
	mirror := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "mirror-push"}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "mirror", Image: "mirror"}}}},
	}}
	w.create(mirror)
	c, changes = of(connect())
	assert.Equal(t, []string{"Kept DRCluster dr8 hub", "Kept Secret ramen-system/mirror-dr8 hub"}, changes, "again, it changes nothing")
	assert.NotContains(t, oneLine(c.Warnings[0]), "mirror-push")
	_, changes = of(connect("--server", "https://dr8.example.com"))
	assert.Equal(t, "Replaced Secret ramen-system/mirror-dr8 hub", changes[1])

	got = w.run("connect", "dr8", "--cluster-context", "hub")
	assert.Equal(t, 4, got.code, "a second mirror would keep the same link")
	assert.Contains(t, oneLine(got.out), "a mirror on the hub keeps the link: say --mode=push, or end it first: kubectl -n ramen-system delete secret mirror-dr8")

	got = w.at("dr8\n", "disconnect", "dr8", "--revoke")
	assert.Equal(t, 2, got.code, "the token that somebody may have counts still")
	assert.NotContains(t, got.out, "Done")
	assert.Contains(t, oneLine(got.out), "Cluster dr8 accepts the token that the mirror had until that expires. To take it back, on the cluster: kubectl -n ramen-system delete secret mirror-credential")
	assert.Contains(t, oneLine(got.err), "Take back the access of the hub to dr8.")
	assert.Contains(t, oneLine(got.err), "the cluster accepts the token that the mirror had until it expires")
	assert.False(t, exists(way))
	assert.True(t, exists(bound))
	_, changes = of(connect())
	assert.Equal(t, "Created Secret ramen-system/mirror-dr8 hub", changes[1])
	require.True(t, exists(way))
	got = w.run("disconnect", "dr8", "--revoke", "--yes", "--cluster-context", "hub", "-o", "json")
	assert.Equal(t, 0, got.code, got.err)
	_, changes = of(got)
	assert.Equal(t, []string{"Deleted Secret ramen-system/mirror-credential cluster", "Deleted Secret ramen-system/mirror-dr8 hub"}, changes)
	_, ok = w.accepted(t, way)
	assert.False(t, ok, "the token is not accepted any more")

	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "mirror-credential"}})
	require.Equal(t, 0, connect().code)
	got = w.run("disconnect", "dr8", "--yes", "--wait", "--cluster-context", "hub", "-o", "json")
	assert.Equal(t, 0, got.code, got.err)
	_, changes = of(got)
	assert.Equal(t, []string{"Deleted DRCluster dr8 hub", "Deleted Secret ramen-system/mirror-dr8 hub", "Deleted Secret ramen-system/mirror-credential cluster"}, changes)
	assert.False(t, exists(way) || exists(dc))
	for _, o := range []client.Object{mirror, account} {
		require.NoError(t, w.Client.Delete(t.Context(), o))
	}
}
