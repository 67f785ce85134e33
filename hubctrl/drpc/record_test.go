// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/status"
	"github.com/ramendr/ramen-direct/tests/gitops/record"
)

// moments are what a DRPlacementControl goes through, each with the way there. The last pass is not made by them.
var moments = func() map[string]func(*testing.T) *hub {
	out := maps.Clone(steadyMoments)
	maps.Copy(out, movingMoments)
	return out
}()

func unreadable(verb, what string) error {
	if verb == "get" && strings.HasPrefix(what, "DRPolicy") {
		return errors.New("the API server is down")
	}
	return nil
}

// notYet makes a condition of a report False.
func notYet(kind, reason, message string) func(*v1alpha1.VolumeReplicationGroupStatus) {
	return func(s *v1alpha1.VolumeReplicationGroupStatus) {
		for i := range s.Conditions {
			if s.Conditions[i].Type == kind {
				s.Conditions[i].Status, s.Conditions[i].Reason, s.Conditions[i].Message = "False", reason, message
			}
		}
	}
}

func TestWhatADRPlacementControlGoesThroughIsRecorded(t *testing.T) {
	recorded := map[string]*unstructured.Unstructured{}
	var shown []v1alpha1.DRState
	var awaited []string
	for name, way := range moments {
		h := way(t)
		_, _ = h.try(app) // an error is told in the status
		d := h.drpc()
		require.NotNil(t, d, name)
		shown = append(shown, d.Status.Phase)
		if d.Status.Waiting != nil {
			awaited = append(awaited, d.Status.Waiting.Fact)
		}
		recorded[name] = h.raw()
	}
	phases := 0
	for ; ; phases++ {
		phase, _ := status.PhaseOf(plan.Plan{Phase: plan.Phase(phases)})
		if phase == "" {
			break
		}
		assert.Contains(t, shown, phase, "no record shows this phase")
	}
	assert.Equal(t, 9, phases)
	for _, fact := range facts(t) {
		assert.Contains(t, awaited, fact, "no record waits for this fact")
	}
	record.Check(t, "testdata/recorded", recorded)
}

// raw is the application's object as a tool reads it.
func (h *hub) raw() *unstructured.Unstructured {
	h.t.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("DRPlacementControl"))
	require.NoError(h.t, h.api.Get(h.t.Context(), client.ObjectKey(app), u))
	return record.Plain(u, h.clock.Now())
}

// facts are the words for all facts that a plan can wait for and that the hub can see.
func facts(t *testing.T) []string {
	t.Helper()
	h := deployed(t)
	w, err := h.r.Observe(t.Context(), h.drpc())
	require.NoError(t, err)
	var out []string
	for fact := plan.LinkIsLive; ; fact++ {
		word, known := "", false
		func() {
			defer func() { _ = recover() }() // explain panics past the last one
			word, known = status.Explain(w, plan.Wait{Fact: fact, On: plan.First}).Fact, true
		}()
		if !known {
			require.Greater(t, len(out), 10)
			return out
		}
		out = append(out, word)
	}
}
