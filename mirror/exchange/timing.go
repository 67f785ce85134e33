// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// Bounds of what a lease may promise (X5). Below, one slow request would cut a link; above, the hub would believe for too
// long in a cluster that is gone.
const (
	MinLeaseDuration     = 3 * time.Second
	DefaultLeaseDuration = 15 * time.Second
	MaxLeaseDuration     = 60 * time.Second
)

// renewalsPerDuration is how many renewals a lease outlasts by default.
const renewalsPerDuration = 3

// minRenewInterval is the shortest time between renewals that a mirror may be given.
const minRenewInterval = 500 * time.Millisecond

// Timing is how a mirror keeps its lease (X5).
type Timing struct {
	// Duration is how long a renewal lasts, in whole seconds: the lease promises it in leaseDurationSeconds.
	Duration time.Duration
	// Renew is the time from one renewal to the next.
	Renew time.Duration
}

// DefaultTiming renews every 5 seconds a lease that lasts 15.
func DefaultTiming() Timing { return TimingOf(DefaultLeaseDuration) }

// TimingOf renews a lease of a duration at a third of it.
func TimingOf(duration time.Duration) Timing {
	return Timing{Duration: duration, Renew: duration / renewalsPerDuration}
}

// Validate returns an error that says which value is out of which bounds.
func (t Timing) Validate() error {
	switch {
	case t.Duration < MinLeaseDuration || t.Duration > MaxLeaseDuration:
		return fmt.Errorf("the lease duration is %s: choose %s to %s", t.Duration, MinLeaseDuration, MaxLeaseDuration)
	case t.Duration%time.Second != 0:
		return fmt.Errorf("the lease duration is %s: choose whole seconds", t.Duration)
	case t.Renew < minRenewInterval || t.Renew > t.Duration/2:
		return fmt.Errorf("the renew interval is %s: choose %s to %s, half of the lease duration", t.Renew, minRenewInterval, t.Duration/2)
	}
	return nil
}

// Seconds is the duration for leaseDurationSeconds.
func (t Timing) Seconds() int32 { return int32(t.Duration / time.Second) } //nolint:gosec // at most MaxLeaseDuration

// DurationOf is how long a renewal of lease lasts: what it promises, held between MinLeaseDuration and MaxLeaseDuration;
// DefaultLeaseDuration if it promises nothing.
func DurationOf(lease *coordinationv1.Lease) time.Duration {
	if lease.Spec.LeaseDurationSeconds == nil {
		return DefaultLeaseDuration
	}
	return min(max(time.Duration(*lease.Spec.LeaseDurationSeconds)*time.Second, MinLeaseDuration), MaxLeaseDuration)
}
