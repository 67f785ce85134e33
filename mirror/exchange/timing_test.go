// SPDX-License-Identifier: Apache-2.0

package exchange_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func lasting(seconds int32, renewedAt time.Time) *coordinationv1.Lease {
	l := renewed("a", renewedAt)
	l.Spec.LeaseDurationSeconds = &seconds
	return l
}

func TestX5_ALinkLivesAsLongAsItsLeasePromisesWithinBounds(t *testing.T) {
	for name, tc := range map[string]struct {
		promised int32
		want     time.Duration
	}{
		"as promised":               {10, 10 * time.Second},
		"the least":                 {3, 3 * time.Second},
		"less than the least":       {1, 3 * time.Second},
		"nothing":                   {0, 3 * time.Second},
		"a negative time":           {-5, 3 * time.Second},
		"the most":                  {60, time.Minute},
		"more than the most":        {3600, time.Minute},
		"the greatest of all times": {1<<31 - 1, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			h := exchange.NewHeartbeats()
			h.See("dr1", lasting(tc.promised, noon), noon)
			beat := lasting(tc.promised, noon.Add(time.Second))
			assert.Equal(t, exchange.LinkLive, h.See("dr1", beat, noon).State)
			before := h.See("dr1", beat, noon.Add(tc.want-time.Nanosecond))
			assert.Equal(t, exchange.LinkLive, before.State)
			assert.Equal(t, noon.Add(tc.want), before.Expires)
			after := h.See("dr1", beat, noon.Add(tc.want))
			assert.Equal(t, exchange.LinkLost, after.State)
			assert.Zero(t, after.Expires)
		})
	}
}

func TestX5_ALeaseThatPromisesNoDurationLastsFifteenSeconds(t *testing.T) {
	assert.Equal(t, 15*time.Second, exchange.DurationOf(&coordinationv1.Lease{}))
}

func TestX5_APromiseCountsFromTheRenewalThatMakesIt(t *testing.T) {
	h := exchange.NewHeartbeats()
	h.See("dr1", lasting(10, noon), noon)
	h.See("dr1", lasting(10, noon.Add(time.Second)), noon.Add(time.Second))
	// Somebody edits the duration of the lease, and renews nothing.
	assert.Equal(t, exchange.LinkLost, h.See("dr1", lasting(60, noon.Add(time.Second)), noon.Add(11*time.Second)).State)
	assert.Equal(t, noon.Add(72*time.Second), h.See("dr1", lasting(60, noon.Add(2*time.Second)), noon.Add(12*time.Second)).Expires)
}

func TestATimingThatCannotBeKeptIsRefused(t *testing.T) {
	second := time.Second
	for name, tc := range map[string]struct {
		exchange.Timing
		want string
	}{
		"the default":      {exchange.DefaultTiming(), ""},
		"the shortest":     {exchange.TimingOf(exchange.MinLeaseDuration), ""},
		"the longest":      {exchange.TimingOf(exchange.MaxLeaseDuration), ""},
		"too short":        {exchange.TimingOf(2 * second), "the lease duration is 2s: choose 3s to 1m0s"},
		"too long":         {exchange.TimingOf(61 * second), "the lease duration is 1m1s"},
		"part of a second": {exchange.TimingOf(3500 * time.Millisecond), "choose whole seconds"},
		"renewed too late": {exchange.Timing{Duration: 10 * second, Renew: 6 * second}, "the renew interval is 6s: choose 500ms to 5s"},
		"renewed too soon": {exchange.Timing{Duration: 10 * second, Renew: second / 10}, "the renew interval is 100ms"},
		"nothing":          {exchange.Timing{}, "the lease duration is 0s"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.Validate()
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
	assert.Equal(t, exchange.Timing{Duration: 15 * second, Renew: 5 * second}, exchange.DefaultTiming())
}
