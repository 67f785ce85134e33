// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// TestAClusterIsPromotedPastItsHub: hub and home are lost, and somebody breaks the glass on the other cluster. The hub that comes
// back is told of a failover, takes over what runs there, and demotes the old home when that returns.
func TestAClusterIsPromotedPastItsHub(t *testing.T) {
	testlayer.Slow(t, "hubctrl/plan TestEveryReachableStateIsSafeAndLive")
	l := shared.Lab(t)
	both := protectedOn(t, l, lab.DR1, "glass", "pane")
	a := both[0]
	require.NoError(t, a.GoesOn(t.Context(), lab.DR1))
	const link = lab.DR2 + "-" + lab.Hub
	require.NoError(t, l.Stop("hubctrl"))
	require.NoError(t, l.Fault(lab.DR1, faultproxy.Cut))
	require.NoError(t, l.Fault(link, faultproxy.Cut))
	before := a.Group(lab.DR2)
	require.Equal(t, v1alpha1.Secondary, before.Spec.ReplicationState)

	out, code := pluginOn(t, l, lab.DR2, "promote", "glass", "-n", "glass", "--on-cluster", lab.DR2, "--hub-is-down", "--yes", "--wait")
	require.Zero(t, code)
	assert.Contains(t, out, "Done: dr2 is Primary of glass/glass, and its volumes are there.")
	out, code = pluginOn(t, l, lab.DR2, "promote", "--all", "--on-cluster", lab.DR2, "--hub-is-down", "--yes", "--wait")
	require.Zero(t, code)
	assert.Contains(t, out, "It is told to be Primary of 1 more already.")
	assert.Contains(t, out, "Done: 1 done. Deploy the workloads on dr2.")
	for _, a := range both {
		assert.Equal(t, v1alpha1.PrimaryState, a.Group(lab.DR2).Status.State)
	}

	require.NoError(t, l.Heal(link))
	require.NoError(t, l.StartProcess(t.Context(), "hubctrl"))
	a.Control("it does not take the role back", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		if assert.NotNil(c, drpc.Status.Waiting) {
			assert.Contains(c, []string{"SpecConfirmed", "ConflictSolved", "LinkLive", "InboxComplete"}, drpc.Status.Waiting.Fact)
		}
	})
	for _, a := range both {
		name := a.App.Key().Name
		assert.Equal(t, v1alpha1.Primary, a.Group(lab.DR2).Spec.ReplicationState)
		_, _ = plugin(t, l, "why", name, "-n", name)
		_, code = plugin(t, l, "failover", name, "-n", name, "--to", lab.DR2, "--yes", "--wait", "--source-is-down", "--reason", "the glass was broken")
		assert.Zero(t, code)
	}
	require.NoError(t, l.Heal(lab.DR1))
	for _, a := range both {
		a.Settled(v1alpha1.FailedOver, lab.DR2)
		require.NoError(t, a.GoesOn(t.Context(), lab.DR2))
		assert.Equal(t, v1alpha1.SecondaryState, a.Group(lab.DR1).Status.State)
	}
}
