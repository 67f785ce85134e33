// SPDX-License-Identifier: Apache-2.0

package install

import (
	"path/filepath"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// monitored applies a file for the Prometheus operator where its definitions are, which know each field of it.
func (s *site) monitored(file string) {
	s.t.Helper()
	module, err := source.ModuleFor(s.t.Context(), filepath.Join("tests", "install", "operator"), "github.com/prometheus-operator/prometheus-operator")
	require.NoError(s.t, err)
	for _, plural := range []string{"servicemonitors", "podmonitors", "prometheusrules"} {
		s.apply(filepath.Join(module, "example", "prometheus-operator-crd", "monitoring.coreos.com_"+plural+".yaml"))
		s.run("wait", "--for=condition=Established", "--timeout=1m", "crd/"+plural+".monitoring.coreos.com")
	}
	// Else the API server may not know the fields yet, and would take any.
	require.Eventually(s.t, func() bool {
		return apierrors.IsBadRequest(s.create("PodMonitor", map[string]any{"podMetricsEndpoints": []any{}, "selector": map[string]any{}, "selektor": "x"}))
	}, patience, tick, "a field that is not known is refused")
	s.run("apply", "--server-side", "--validate=strict", "-f", file)
	s.isStable(file)
	for _, o := range objects(s.t, file) {
		if o.GroupVersionKind().Group != "monitoring.coreos.com" {
			continue // Kubernetes adds what it assumes
		}
		assert.Equal(s.t, o.Object["spec"], s.live(o).Object["spec"], "%s %s is taken as it is", o.GetKind(), o.GetName())
	}
}

// create creates an object of the Prometheus operator, as strict as the API server can be, without making it.
func (s *site) create(kind string, spec map[string]any) error {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "monitoring.coreos.com/v1", "kind": kind,
		"metadata": map[string]any{"namespace": system, "name": "example"}, "spec": spec,
	}}
	return client.WithFieldValidation(s.Client, "Strict").Create(s.t.Context(), o, client.DryRunAll)
}
