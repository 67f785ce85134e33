// SPDX-License-Identifier: Apache-2.0

package volsync_test

import (
	"testing"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/provider/volsync"
)

// TestDataIsNeverOlderThanTheInterval asks the parser that VolSync uses: for two years that hold a leap day, or, where each hour
// is as the other, for a day.
func TestDataIsNeverOlderThanTheInterval(t *testing.T) {
	day := 24 * time.Hour
	for interval, want := range map[string]struct {
		cron  string
		lasts time.Duration
	}{
		"1m":   {"*/1 * * * *", time.Minute},
		"5m":   {"*/5 * * * *", 5 * time.Minute},
		"7m":   {"*/7 * * * *", 7 * time.Minute},
		"59m":  {"*/59 * * * *", 59 * time.Minute},
		"60m":  {"0 */1 * * *", time.Hour},
		"90m":  {"0 */1 * * *", 90 * time.Minute},
		"5h":   {"0 */5 * * *", 5 * time.Hour},
		"24h":  {"0 0 */1 * *", day},
		"25h":  {"0 0 */1 * *", 25 * time.Hour},
		"1d":   {"0 0 */1 * *", day},
		"6d":   {"0 0 */6 * *", 6 * day},
		"7d":   {"0 0 * * 0", 7 * day},
		"168h": {"0 0 * * 0", 7 * day},
		"30d":  {"0 0 */28 * *", 30 * day},
		"400d": {"0 0 */28 * *", 400 * day},
	} {
		t.Run(interval, func(t *testing.T) {
			got, err := volsync.Schedule(interval)
			require.NoError(t, err)
			assert.Equal(t, want.cron, got)
			s, err := cron.ParseStandard(got)
			require.NoError(t, err)
			at := s.Next(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
			end := at.AddDate(2, 0, 0)
			if want.lasts < time.Hour {
				end = at.Add(day)
			}
			for at.Before(end) {
				next := s.Next(at)
				if next.Sub(at) > want.lasts {
					require.Fail(t, "too late", "from %s to %s", at, next)
				}
				at = next
			}
		})
	}
	for _, wrong := range []string{"", "m", "0m", "-5m", "5", "1h30m", "5s"} {
		_, err := volsync.Schedule(wrong)
		assert.Error(t, err, "%q", wrong)
	}
}
