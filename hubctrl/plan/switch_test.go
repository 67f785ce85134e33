// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// TestNothingIsWishedOfASideThatIsNotKnown: neither side is home, and one of them has no wish. Before it is given one, or
// is promoted, it has to be known that nothing is there.
func TestNothingIsWishedOfASideThatIsNotKnown(t *testing.T) {
	secondary := plan.Cluster{
		Live: true, Decision: plan.Gone, Wish: plan.Wish{Role: plan.Secondary},
		Report: plan.Report{View: plan.Present, Answered: true, State: plan.IsSecondary, Level: true, Ready: true},
	}
	unknown := plan.Cluster{Decision: plan.Gone}
	for name, tc := range map[string]struct {
		clusters [2]plan.Cluster
		on       plan.Side
	}{
		"the source": {[2]plan.Cluster{secondary, unknown}, plan.Second},
		"the target": {[2]plan.Cluster{unknown, secondary}, plan.First},
	} {
		t.Run(name, func(t *testing.T) {
			got := plan.Decide(plan.Facts{Ask: plan.Relocate, Target: plan.First, Usable: true, Clusters: tc.clusters})
			assert.Empty(t, got.Writes)
			assert.Equal(t, plan.Wait{Fact: plan.InboxComplete, On: tc.on}, got.Wait)
		})
	}
}
