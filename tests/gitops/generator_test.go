// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// errGenerator is what the generator ends with, instead of parameters. The controller then leaves every Application as it
// is, and tries again later.
var errGenerator = errors.New("the generator fails")

// duckType is the ConfigMap that the generator reads.
func duckType(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../config/gitops/applicationset/ducktype.yaml")
	require.NoError(t, err)
	cm := &corev1.ConfigMap{}
	require.NoError(t, yaml.UnmarshalStrict(text, cm))
	return cm.Data
}

// generate tells the contract of the clusterDecisionResource generator of Argo CD 2.14 to 3.5:
//
//   - no object found: an error;
//   - an object without a status, or with an empty one, counts as one without decisions;
//   - a status without the list, or with null in its place: a failed type assertion, which the controller recovers from:
//     an error (before 2.14 nothing recovered, and the controller crashed);
//   - an entry without the match key, or with a cluster that Argo CD does not know, is skipped;
//   - each other entry gives the parameters name and server of the cluster, and all fields of the entry, which must be
//     strings;
//   - no entry at all: no parameters and no error, so every Application is surplus.
func generate(duck map[string]string, clusters map[string]string, objects ...*unstructured.Unstructured) ([]map[string]string, error) {
	if len(objects) == 0 {
		return nil, fmt.Errorf("%w: no object", errGenerator)
	}
	var entries []any
	for _, o := range objects {
		status, _ := o.Object["status"].(map[string]any)
		if len(status) == 0 {
			continue
		}
		list, ok := status[duck["statusListKey"]].([]any)
		if !ok {
			return nil, fmt.Errorf("%w: status.%s is no list", errGenerator, duck["statusListKey"])
		}
		entries = append(entries, list...)
	}
	var out []map[string]string
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%w: an entry is no map", errGenerator)
		}
		name, _ := entry[duck["matchKey"]].(string)
		server, known := clusters[name]
		if !known {
			continue
		}
		params := map[string]string{"name": name, "server": server}
		for key, value := range entry {
			if params[key], ok = value.(string); !ok {
				return nil, fmt.Errorf("%w: %s is no string", errGenerator, key)
			}
		}
		out = append(out, params)
	}
	return out, nil
}

// argoClusters are the clusters that Argo CD knows, by name.
func argoClusters() map[string]string {
	return map[string]string{"dr1": "https://dr1.example.com", "dr2": "https://dr2.example.com", "in-cluster": "https://kubernetes.default.svc"}
}

// applications says what becomes of the Applications of the example: "<cluster> synced" or "<cluster> kept" for each that
// there are to be, "none" if all are deleted, "left alone" if the generator fails.
func applications(t *testing.T, objects ...*unstructured.Unstructured) string {
	t.Helper()
	params, err := generate(duckType(t), argoClusters(), objects...)
	if err != nil {
		require.ErrorIs(t, err, errGenerator)
		return "left alone"
	}
	var out []string
	for _, p := range params {
		does := "kept"
		if automated(t, p) {
			does = "synced"
		}
		out = append(out, p["name"]+" "+does)
	}
	if out == nil {
		return "none"
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// automated reports whether the Application with these parameters is synchronized by itself, by the patch of the example.
func automated(t *testing.T, params map[string]string) bool {
	t.Helper()
	text := render(t, applicationSet(t).Spec.TemplatePatch, params)
	var patch struct {
		Spec struct {
			SyncPolicy struct{ Automated map[string]any }
		}
	}
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &patch))
	return patch.Spec.SyncPolicy.Automated != nil
}

func render(t *testing.T, text string, params map[string]string) string {
	t.Helper()
	parsed, err := template.New("").Option("missingkey=error").Parse(text)
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, parsed.Execute(&out, params))
	return out.String()
}

type applicationSetExample struct {
	Spec struct {
		GoTemplate bool
		Generators []map[string]struct {
			ConfigMapRef, Name string
		}
		SyncPolicy struct {
			ApplicationsSync            string
			PreserveResourcesOnDeletion bool
		}
		Template struct {
			Metadata struct{ Name string }
			Spec     struct {
				Destination map[string]string
				SyncPolicy  map[string]any
			}
		}
		TemplatePatch string
	}
}

func applicationSet(t *testing.T) applicationSetExample {
	t.Helper()
	text, err := os.ReadFile("../../config/gitops/applicationset/applicationset.yaml")
	require.NoError(t, err)
	var out applicationSetExample
	require.NoError(t, yaml.Unmarshal(text, &out))
	return out
}
