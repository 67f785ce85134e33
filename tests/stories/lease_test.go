// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// TestALinkOfTheDefaultDurationOutlastsAShortSilence: with the lease that mirrors keep unless they are told otherwise, a link that
// is silent for longer than the leases of other stories last is live all the time; one that stays silent is lost.
func TestALinkOfTheDefaultDurationOutlastsAShortSilence(t *testing.T) {
	calm(t) // its lab is its own
	l := labtest.Up(t, lab.Options{Restart: true, LeaseDuration: exchange.DefaultLeaseDuration})
	connected := func(c require.TestingT) string {
		cluster := &v1alpha1.DRCluster{}
		require.NoError(c, l.Cluster(lab.Hub).Client.Get(t.Context(), client.ObjectKey{Name: lab.DR1}, cluster))
		return string(meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionConnected).Reason)
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, "Live", connected(c)) }, patience, tick)

	require.NoError(t, l.Fault(lab.DR1, faultproxy.BlackHole))
	began := time.Now()
	for time.Since(began) < 2*exchange.MinLeaseDuration {
		require.Equal(t, "Live", connected(t), "after %s", time.Since(began))
		think(t, tick)
	}
	require.NoError(t, l.Heal(lab.DR1))
	require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, "Live", connected(c)) }, patience, tick)

	require.NoError(t, l.Fault(lab.DR1, faultproxy.Cut))
	began = time.Now()
	require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Equal(c, "Lost", connected(c)) }, patience, tick)
	assert.Greater(t, time.Since(began), 2*exchange.MinLeaseDuration)
}
