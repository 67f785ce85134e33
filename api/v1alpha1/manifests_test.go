// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// testManifests applies manifests as people write them for Ramen, consoles make them and kubectl exports them. The first
// line of each says what becomes of it. Fields that the definition does not know are errors, as they are for kubectl.
func testManifests(t *testing.T, c client.Client) {
	paths, err := filepath.Glob(filepath.Join("testdata", "manifests", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	ns := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "web-ns"}}}
	require.NoError(t, client.IgnoreAlreadyExists(c.Create(t.Context(), ns)))
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			result, _, _ := strings.Cut(string(text), "\n")
			obj := &unstructured.Unstructured{}
			require.NoError(t, yaml.Unmarshal(text, &obj.Object))
			if obj.GetNamespace() != "" {
				obj.SetNamespace("web-ns")
			}
			err = c.Create(t.Context(), obj, client.FieldValidation("Strict"), client.DryRunAll)
			says, refused := strings.CutPrefix(result, "# Refused: ")
			if refused {
				assert.ErrorContains(t, err, says)
				return
			}
			require.True(t, strings.HasPrefix(result, "# Accepted"), result)
			assert.NoError(t, err)
		})
	}
}
