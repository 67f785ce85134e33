// SPDX-License-Identifier: Apache-2.0

package drpolicy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/gitops/record"
)

func TestWhatADRPolicyGoesThroughIsRecorded(t *testing.T) {
	twin := report("dr2")
	twin.Status.ClusterID = "id-dr1"
	recorded := map[string]*unstructured.Unstructured{}
	for name, way := range map[string]func() *world{
		"valid": func() *world { return newWorld(t, healthy()...) },
		"cluster-missing": func() *world {
			return newWorld(t, drCluster("dr1", true), report("dr1"), report("dr2"))
		},
		"clusters-not-valid": func() *world {
			return newWorld(t, drCluster("dr1", false), drCluster("dr2", false), report("dr1"), report("dr2"))
		},
		"classes-not-reported": func() *world {
			return newWorld(t, drCluster("dr1", true), drCluster("dr2", true), report("dr1"))
		},
		"clusters-are-one": func() *world {
			return newWorld(t, drCluster("dr1", true), drCluster("dr2", true), report("dr1"), twin)
		},
		"changed": func() *world { // and not looked at since
			w := newWorld(t, healthy()...)
			w.mustReconcile()
			p := w.policy()
			p.Generation++
			require.NoError(t, w.client.Update(t.Context(), p))
			w.r = nil
			return w
		},
		"deleting": func() *world {
			w := newWorld(t, append(healthy(), drpc("one", "policy"))...)
			w.mustReconcile()
			require.NoError(t, w.client.Delete(t.Context(), w.policy()))
			return w
		},
	} {
		w := way()
		if w.r != nil {
			w.mustReconcile()
		}
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("DRPolicy"))
		require.NoError(t, w.client.Get(t.Context(), client.ObjectKey{Name: "policy"}, u))
		recorded[name] = record.Plain(u, time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	}
	record.Check(t, "testdata/recorded", recorded)
}
