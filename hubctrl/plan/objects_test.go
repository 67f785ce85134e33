// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// TestObjectsHoldNothingBack asks it of each state of two small worlds, whatever the clusters say about their objects: the same is
// written, in the same phase; and if nothing is, the home that runs the workload is waited for.
func TestObjectsHoldNothingBack(t *testing.T) {
	told := 0
	for name, l := range map[string]limits{
		"a running application, a wish and a cut":       {asks: 1, cuts: 1, deployed: true},
		"an application that begins, and a wish for it": {asks: 1},
	} {
		known := map[world]bool{}
		queue := []world{start(l)}
		for len(queue) > 0 && len(known) < 20_000 {
			w := queue[0]
			queue = queue[1:]
			without := w.observe()
			with := without
			with.Clusters[0].Report.Restoring, with.Clusters[1].Report.Restoring = true, true
			p, q := plan.Decide(without), plan.Decide(with)
			require.Equal(t, p.Writes, q.Writes, name)
			require.Equal(t, p.Phase, q.Phase, name)
			require.Equal(t, p.Tend, q.Tend, name)
			if p.Wait != q.Wait || p.Progression != q.Progression {
				told++
				h := without.Home()
				require.Equal(t, plan.Wait{plan.BeingRestored, h}, q.Wait, name)
				require.Equal(t, plan.WaitingForRestore, q.Progression, name)
				require.Empty(t, unexplained(with), name)
				require.Equal(t, plan.RunHere, without.At(h).Decision, name)
			} else if p.Done() {
				require.Fail(t, "it says that all is done while objects are restored")
			}
			w.next(func(e edge) {
				if !known[e.to] {
					known[e.to] = true
					queue = append(queue, e.to)
				}
			})
		}
	}
	assert.Positive(t, told)
}
