// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// TestOnStorageLikeCephRBD : there and back, with storage that calls a returned side in sync only while nobody is primary,
// and releases a secondary only while its peer is primary. Each move ends without help, and the failed side is a target again.
func TestOnStorageLikeCephRBD(t *testing.T) {
	calm(t) // its lab is its own
	l := labtest.Up(t, lab.Options{Restart: true, Storage: "rbd", Intervals: map[string]time.Duration{lab.SchedulingInterval: interval}})
	a := protected(t, l, "rbd", lab.DR1)
	ctx := t.Context()
	for _, to := range []string{lab.DR2, lab.DR1} {
		moved, err := a.Relocate(ctx, to)
		require.NoError(t, err)
		t.Logf("to %s: %s", to, moved.Loss)
	}
	moved, err := a.FailoverWithout(ctx, lab.DR2, faultproxy.Cut)
	require.NoError(t, err)
	t.Logf("failover: %s", moved.Loss)
	_, err = a.Return(ctx, lab.DR1)
	require.NoError(t, err)
	a.Settled(v1alpha1.FailedOver, lab.DR2)
	group := a.Group(lab.DR1)
	assert.Equal(t, v1alpha1.SecondaryState, group.Status.State)

	moved, err = a.FailoverWithout(ctx, lab.DR1, faultproxy.Cut)
	require.NoError(t, err)
	t.Logf("failover back: %s", moved.Loss)
	_, err = a.Return(ctx, lab.DR2)
	require.NoError(t, err)
	_, err = a.Relocate(ctx, lab.DR2)
	require.NoError(t, err)
}
