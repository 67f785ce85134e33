// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fast lets a minute last two seconds.
type fast struct{}

func (fast) Real(interval time.Duration) (time.Duration, bool) {
	return 2 * time.Second, interval == time.Minute
}

func TestWhenASynchronizationIsDue(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 1, 0, time.UTC)
	past := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: noon.Add(-d)} }
	tests := map[string]struct {
		trigger
		history
		due    bool
		reason string
		next   time.Time
	}{
		"the first one, without a trigger":        {due: true},
		"the first one, by a tag":                 {trigger: trigger{manual: "a"}, due: true},
		"the first one, by a schedule":            {trigger: trigger{schedule: "*/5 * * * *"}, due: true, next: noon.Add(5*time.Minute - time.Second)},
		"another one at once, without a trigger":  {history: history{last: past(0)}, due: true},
		"a tag that was claimed":                  {trigger: trigger{manual: "a"}, history: history{past(time.Hour), "a"}, reason: "WaitingForManual"},
		"a new tag":                               {trigger: trigger{manual: "b"}, history: history{past(0), "a"}, due: true},
		"a tag goes before a schedule":            {trigger: trigger{"a", "*/1 * * * *"}, history: history{past(time.Hour), "a"}, reason: "WaitingForManual"},
		"a schedule whose time is to come":        {trigger: trigger{schedule: "*/5 * * * *"}, history: history{last: past(0)}, reason: "WaitingForSchedule", next: noon.Add(5*time.Minute - time.Second)},
		"a schedule whose time is over":           {trigger: trigger{schedule: "*/5 * * * *"}, history: history{last: past(10 * time.Minute)}, due: true, next: noon.Add(-5*time.Minute - time.Second)},
		"a schedule that was sped up, to come":    {trigger: trigger{schedule: "*/1 * * * *"}, history: history{last: past(0)}, reason: "WaitingForSchedule", next: noon.Add(time.Second)},
		"a schedule that was sped up, which came": {trigger: trigger{schedule: "*/1 * * * *"}, history: history{last: past(2 * time.Second)}, due: true, next: noon.Add(-time.Second)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.when(tt.history, noon, fast{})
			require.NoError(t, err)
			assert.Equal(t, tt.due, got.due)
			assert.True(t, tt.next.Equal(got.next), "next is %s, want %s", got.next, tt.next)
			if !tt.due {
				assert.Equal(t, tt.reason, got.reason)
			}
		})
	}
	_, err := trigger{schedule: "sometimes"}.when(history{}, noon, fast{})
	require.ErrorContains(t, err, `schedule "sometimes"`)
}
