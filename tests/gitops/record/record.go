// SPDX-License-Identifier: Apache-2.0

// Package record keeps whole objects as the reconcilers leave them, in files: the tests of those who write them fail if
// a file is out of date, and the tests of tools that read such objects need no hub.
package record

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var write = flag.Bool("record", false, "rewrite recorded objects")

const head = "# SPDX-License-Identifier: Apache-2.0\n# As the reconciler left it. Written by its test with -record; don't edit.\n"

// Check compares objects, keyed by what they show, with the files in dir: one for each, and no other. With -record it
// writes them.
func Check(t *testing.T, dir string, objects map[string]*unstructured.Unstructured) {
	t.Helper()
	if *write {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.MkdirAll(dir, 0o750))
	}
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		text, err := yaml.Marshal(objects[name].Object)
		require.NoError(t, err)
		path := filepath.Join(dir, name+".yaml")
		if *write {
			require.NoError(t, os.WriteFile(path, append([]byte(head), text...), 0o600))
			continue
		}
		was, err := os.ReadFile(path)
		require.NoError(t, err, "run this test with -record")
		assert.Equal(t, string(was), head+string(text), "%s is out of date: run this test with -record, and read the difference", path)
	}
	for _, name := range files(t, dir) {
		assert.Contains(t, objects, name, "nobody writes %s/%s.yaml any more: run this test with -record", dir, name)
	}
}

// Load returns the objects that were recorded in dir.
func Load(t *testing.T, dir string) map[string]*unstructured.Unstructured {
	t.Helper()
	out := map[string]*unstructured.Unstructured{}
	for _, name := range files(t, dir) {
		text, err := os.ReadFile(filepath.Join(dir, name+".yaml"))
		require.NoError(t, err)
		out[name] = Parse(t, text)
	}
	require.NotEmpty(t, out, "nothing is recorded in %s", dir)
	return out
}

// Parse reads one object as the client of a real API server does: integers are integers.
func Parse(t *testing.T, text []byte) *unstructured.Unstructured {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	require.NoError(t, err)
	u := &unstructured.Unstructured{}
	require.NoError(t, u.UnmarshalJSON(asJSON))
	return u
}

// Plain takes off what differs from run to run, or that only a real API server gives.
func Plain(u *unstructured.Unstructured, deleted time.Time) *unstructured.Unstructured {
	u = u.DeepCopy()
	unstructured.RemoveNestedField(u.Object, "metadata", "managedFields")
	unstructured.RemoveNestedField(u.Object, "metadata", "resourceVersion")
	if u.GetDeletionTimestamp() != nil {
		// The fake API server takes the time of the machine.
		_ = unstructured.SetNestedField(u.Object, deleted.UTC().Format(time.RFC3339), "metadata", "deletionTimestamp")
	}
	return u
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	require.NoError(t, err)
	var out []string
	for _, p := range paths {
		out = append(out, strings.TrimSuffix(filepath.Base(p), ".yaml"))
	}
	return out
}
