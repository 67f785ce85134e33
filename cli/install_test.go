// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/cli/view"
)

// assertValidates: what a real API server has of the definitions is what this program was built with, and what is not there is
// found.
func assertValidates(t *testing.T, w *world) {
	got := w.run("validate", "--pre", "--strict")
	assert.Equal(t, 0, got.code, got.out+got.err)
	got = w.run("validate", "--pre", "--as", "ada", "-o", "wide")
	assert.Equal(t, 2, got.code, got.err)
	assert.Contains(t, oneLine(got.out), "FAIL you may apply a Deployment you may not get, create, patch deployments in namespace ramen-system see ")
	assert.Contains(t, oneLine(got.out), "WARN you may give the controllers their rights")
	got = w.run("validate", "--pre", "--cluster-context", "dr1=hub", "-o", "wide")
	assert.Equal(t, 0, got.code, got.out)
	assert.Contains(t, got.out, "your rights on cluster dr1\n  ok    you may apply a Namespace\n")
	got = w.run("validate", "-o", "json", "--cluster-context", "dr1=hub")
	assert.Equal(t, 2, got.code, got.err)
	var v view.Validation
	require.NoError(t, json.Unmarshal([]byte(got.out), &v))
	assert.False(t, v.Success)
	by := map[string]map[string]view.CheckResult{}
	for _, c := range v.Categories {
		by[c.CategoryName] = map[string]view.CheckResult{}
		for _, k := range c.Checks {
			by[c.CategoryName][k.Description] = k.Result
			if strings.Contains(k.Description, "are defined as") || strings.HasPrefix(k.Description, "Kubernetes is") {
				assert.Equal(t, view.CheckSuccess, k.Result, "%s: %s", k.Description, k.Error)
			}
		}
	}
	assert.Equal(t, view.CheckError, by["hub"]["Deployment hubctrl is available"])
	assert.Equal(t, view.CheckError, by["configuration"]["ConfigMap ramen-hub-operator-config is a configuration"])
	assert.Equal(t, view.CheckError, by["cluster dr1"]["its mirror is connected"])
	assert.Equal(t, view.CheckError, by["cluster dr1, itself"]["Deployment spokectrl is available"])
	assert.Equal(t, view.CheckError, by["cluster dr1, itself"]["it is the cluster that the hub knows by this name"])
	assert.Equal(t, view.CheckError, by["policies"]["DRPolicy 5m is valid"])

	got = w.run("validate", "--as", "ada")
	assert.Equal(t, 0, got.code, "what may not be read is not wrong: %s %s", got.out, got.err)
	assert.Contains(t, got.out, "you may not read CustomResourceDefinitions")
	assert.Equal(t, 2, w.run("validate", "--as", "ada", "--strict").code)
	assert.Equal(t, 1, w.run("validate", "--cluster-context", "dr1=none").code)

	for _, pre := range []string{"--pre=false", "--pre"} {
		got = w.run("validate", pre, "--cluster-context", "dr1=dead")
		assert.Equal(t, 2, got.code, got.err)
		assert.Contains(t, oneLine(got.out), "cluster dr1, itself FAIL its API server answers you", "a cluster that is down hides nothing else")
	}
}

// assertGathers: what is gathered has everything but the content of Secrets, and what may not be read is listed.
func assertGathers(t *testing.T, w *world) {
	const secret = "c2VjcmV0LWtleQ=="
	w.create(
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "keys", Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": `{"data":{"key":"` + secret + `"}}`}}, Data: map[string][]byte{"key": []byte("secret-key")}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-system", Name: "hubctrl-0"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "hubctrl", Image: "hubctrl"}}}},
	)
	file := filepath.Join(t.TempDir(), "all.tar.gz")
	got := w.run("gather", "--file", file, "--cluster-context", "dr1=hub,dr2=dead", "-o", "json")
	require.Equal(t, 0, got.code, got.err)
	var g view.Gathering
	require.NoError(t, json.Unmarshal([]byte(got.out), &g))
	files := unpack(t, file)
	for name, has := range map[string]string{
		"hub/drplacementcontrols.ramendr.openshift.io.yaml":               "name: orders",
		"hub/inbox-dr1/volumereplicationgroups.ramendr.openshift.io.yaml": "name: shop.images",
		"hub/inbox-dr1/leases.coordination.k8s.io.yaml":                   "name: mirror",
		"hub/ramen-system/pods.yaml":                                      "name: hubctrl-0",
		"hub/ramen-system/secrets.yaml":                                   "fingerprint: ",
		"clusters/dr1/volumereplicationgroups.ramendr.openshift.io.yaml":  "name: shop.images",
		"status.json":     "ApplicationStatusList",
		"validation.json": "categoryName",
		"index.yaml":      "hub/ramen-system/logs/hubctrl-0-hubctrl",
	} {
		assert.Contains(t, files[name], has, "%s of %v", name, slices.Sorted(maps.Keys(files)))
	}
	for name, content := range files {
		assert.NotContains(t, content, secret, name)
		assert.NotContains(t, content, "secret-key", name)
	}
	assert.Contains(t, g.Missing, view.Missing{What: "clusters/dr1/volumereplications.replication.storage.openshift.io", Reason: "the cluster has no such kind"})

	assert.Contains(t, g.Missing, view.Missing{What: "clusters/dr2", Reason: "its API server does not answer, so nothing more is read there"})

	assert.Equal(t, 1, w.run("gather", "--file", file).code, "no file is overwritten")
	less := filepath.Join(t.TempDir(), "less.tar.gz")
	got = w.run("gather", "--file", less, "--as", "ada")
	require.Equal(t, 0, got.code, got.err)
	assert.Contains(t, oneLine(got.out), "Missing: hub/ramen-system/secrets: you may not read it")
	assert.Contains(t, unpack(t, less)["index.yaml"], "hub/ramen-system/secrets")
}

// unpack reads an archive: the files below its one folder.
func unpack(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	zip, err := gzip.NewReader(f)
	require.NoError(t, err)
	out := map[string]string{}
	for r := tar.NewReader(zip); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		raw, err := io.ReadAll(r)
		require.NoError(t, err)
		_, name, _ := strings.Cut(head.Name, "/")
		out[name] = string(raw)
	}
}
