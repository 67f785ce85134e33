// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	clihub "github.com/ramendr/ramen-direct/cli/hub"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/hubctrl/status"
)

// TestTheToolForeseesWhatTheHubDecides: at each moment of an application, and for each thing that its user may ask for then, the
// plugin of kubectl reads the same facts from the API server, and comes to the same plan and words, as the reconciler.
func TestTheToolForeseesWhatTheHubDecides(t *testing.T) {
	asking := func(edit func(*v1alpha1.DRPlacementControlSpec)) func(*v1alpha1.DRPlacementControl) {
		return func(d *v1alpha1.DRPlacementControl) {
			edit(&d.Spec)
			d.Generation++
		}
	}
	edits := map[string]func(*v1alpha1.DRPlacementControl){
		"as it is":        func(*v1alpha1.DRPlacementControl) {},
		"failover to dr2": asking(func(s *v1alpha1.DRPlacementControlSpec) { s.Action, s.FailoverCluster = "Failover", "dr2" }),
		"relocate to dr2": asking(func(s *v1alpha1.DRPlacementControlSpec) { s.Action, s.PreferredCluster = "Relocate", "dr2" }),
	}
	seen, writes, conflicts, ids := 0, 0, 0, map[string]bool{}
	eachMoment(t, edits, func(name string, look drpc.Look, d *v1alpha1.DRPlacementControl, decided verdict) {
		foresee := clihub.Foresee
		if strings.HasPrefix(name, "refused-conflict") { // others are in the way only before a protection begins
			foresee, conflicts = clihub.ForeseeAmong, conflicts+1
		}
		seen++
		f, err := foresee(t.Context(), look, []string{"dr1", "dr2"}, d)
		require.NoError(t, err, name)
		if decided.Refused != "" {
			require.NotNil(t, f.Waiting, name)
			assert.Equal(t, decided.Refused, f.Waiting.Fact, name)
			assert.Empty(t, f.Course, name)
			return
		}
		ids[f.ID(d)] = true
		assert.Equal(t, decided.Facts, f.Facts, name)
		require.NotEmpty(t, f.Course, name)
		assert.Equal(t, decided.Plan, f.Course[0], name)
		for _, w := range f.Course[0].Writes {
			writes++
			assert.NotEmpty(t, f.Says(w), name)
		}
		if decided.Waiting == nil {
			assert.Nil(t, f.Waiting, name)
			return
		}
		assert.Equal(t, decided.Waiting, f.Waiting, name)
		if !slices.Contains([]string{"Interrupted", "ClusterReplaced"}, f.Waiting.Fact) { // these say more than the plan
			assert.Equal(t, f.Waiting.Fact, status.FactOf(f.Course[0].Wait), name)
		}
	})
	assert.Greater(t, seen, 150)
	assert.Greater(t, writes, 20)
	assert.NotZero(t, conflicts)
	assert.Greater(t, len(ids), 60, "what differs has another id")
}
