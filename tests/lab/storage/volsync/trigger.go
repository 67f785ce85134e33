// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"fmt"
	"time"

	volsyncv1alpha1 "github.com/backube/volsync/api/v1alpha1"
	"github.com/robfig/cron/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Speed tells how long an interval really lasts; ok is false for one that lasts what it says.
type Speed interface {
	Real(interval time.Duration) (length time.Duration, ok bool)
}

// trigger is what the spec says about when to synchronize.
type trigger struct{ manual, schedule string }

// history is what the status says about it.
type history struct {
	last   *metav1.Time // end of the newest synchronization; nil: there was none
	manual string       // tag that was claimed
}

// timing is when to synchronize next.
type timing struct {
	due    bool
	reason string    // why not, if not
	next   time.Time // by schedule; zero: there is none
}

// when decides. The first synchronization waits for nothing. A manual trigger goes before a schedule; with neither, one
// synchronization follows the other.
func (t trigger) when(h history, now time.Time, speed Speed) (timing, error) {
	if t.manual != "" {
		return timing{due: h.last == nil || t.manual != h.manual, reason: volsyncv1alpha1.SynchronizingReasonManual}, nil
	}
	if t.schedule == "" {
		return timing{due: true}, nil
	}
	after := now
	if h.last != nil {
		after = h.last.Time
	}
	next, err := tick(t.schedule, after, speed)
	if err != nil {
		return timing{}, err
	}
	return timing{due: h.last == nil || !now.Before(next), reason: volsyncv1alpha1.SynchronizingReasonSched, next: next}, nil
}

// tick is the first time of a schedule after a time. The ticks of one that was sped up are as regular as those of the clock,
// and a second apart at least, as times in a status are.
func tick(schedule string, after time.Time, speed Speed) (time.Time, error) {
	parsed, err := cron.ParseStandard(schedule)
	if err != nil {
		return time.Time{}, fmt.Errorf("schedule %q: %w", schedule, err)
	}
	next := parsed.Next(after.UTC())
	if length, ok := speed.Real(parsed.Next(next).Sub(next)); ok {
		length = max(length, time.Second)
		return after.Truncate(length).Add(length), nil
	}
	return next, nil
}

// says is the reason in words.
func says(reason string) string {
	if reason == volsyncv1alpha1.SynchronizingReasonManual {
		return "the next synchronization waits for another manual trigger"
	}
	return "the next synchronization waits for its time"
}
