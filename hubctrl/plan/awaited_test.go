// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// TestAwaited : a Secondary waits for a peer that took over, and only then it is told so: it lets its claims go.
func TestAwaited(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(at, peer *plan.Cluster)
		want bool
	}{
		"the peer is Primary, and has the workload": {func(_, _ *plan.Cluster) {}, true},
		"it is not Primary yet":                     {func(_, peer *plan.Cluster) { peer.Report.State = plan.Between }, false},
		"it is not ready yet":                       {func(_, peer *plan.Cluster) { peer.Report.Ready = false }, false},
		"it has not answered":                       {func(_, peer *plan.Cluster) { peer.Report.Answered = false }, false},
		"the workload was not sent to it":           {func(_, peer *plan.Cluster) { peer.Decision = plan.Gone }, false},
		"the workload was asked to leave it":        {func(_, peer *plan.Cluster) { peer.Wish.FinalSync = plan.Prepare }, false},
		"its protection ends":                       {func(_, peer *plan.Cluster) { peer.Wish.Deleting = true }, false},
		"this one is not Secondary":                 {func(at, _ *plan.Cluster) { at.Report.State = plan.Between }, false},
		"this one waits for nothing":                {func(at, _ *plan.Cluster) { at.Report.Ready = true }, false},
	} {
		f := home()
		at, peer := f.At(plan.Second), f.At(plan.First)
		at.Report.Ready = false
		tc.edit(at, peer)
		assert.Equal(t, tc.want, f.Awaited(plan.Second), name)
	}
}
