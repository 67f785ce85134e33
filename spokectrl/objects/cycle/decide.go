// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"time"

	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
)

// Task is something that runs for a group.
type Task uint8

// Tasks.
const (
	Nothing Task = iota
	Restoring
	Capturing
)

// Standing is what is known of the objects of a group in its term.
type Standing struct {
	Doing Task
	// Since is when the process heard of the group in this term.
	Since time.Time
	// Restored is what became of the restore; nil: this process has ended none.
	Restored *Restored
	// Last is the newest capture; nil: none is known.
	Last *captures.Last
	// Objects and Findings are of the last capture, and Problems the stores that do not have it, if this process made it.
	Objects  int
	Findings objects.Findings
	Problems archive.Problems
	// Failure is why the last attempt, of either task, failed, and Failures how many did in a row; nil: it did not.
	Failure  error
	Denied   bool // for want of a right
	Failures int
	Failed   time.Time
	// Next is when something is to be done; zero: as soon as the group asks for something else.
	Next time.Time

	tried string // the content of the last capture, or attempt at one
}

// Restored is what a restore did.
type Restored struct {
	From     *capsule.Pointer // nil: no store has a capture
	Profile  string
	Problems archive.Problems // of stores that were not read: what they hold may be newer
	Objects  int
	Findings objects.Findings
	Skipped  bool // something is missing, by the user's word
}

// Times between attempts: the first one, doubled with each, up to the longest.
const (
	firstPause   = 15 * time.Second
	longestPause = 5 * time.Minute
)

func pause(failures int) time.Duration {
	d := firstPause
	for range failures - 1 {
		if d *= 2; d >= longestPause {
			return longestPause
		}
	}
	return d
}

// next says what is to be done for a group, and when.
func next(w *Want, s *Standing) (Task, time.Time) {
	retry := time.Time{}
	if s.Failures > 0 {
		retry = s.Failed.Add(pause(s.Failures))
	}
	switch w.Mode {
	case Off, Pause, Idle:
	case Restore:
		if s.Restored == nil {
			return Restoring, retry
		}
	case Capture:
		switch {
		case s.tried != w.content():
			return Capturing, time.Time{}
		case s.Failures > 0 || s.Last == nil:
			return Capturing, retry
		default:
			return Capturing, s.Last.Pointer.Start.Add(w.Interval)
		}
	}
	return Nothing, time.Time{}
}

// overdueAt is when the last capture will be too old; before the first one that is counted from when the group was heard of.
func (s *Standing) overdueAt(interval time.Duration) time.Time {
	from := s.Since
	if s.Last != nil && s.Last.Pointer.Start.After(from) {
		from = s.Last.Pointer.Start
	}
	return from.Add(Overdue * interval)
}

// fits reports whether what runs is still wanted.
func fits(doing Task, m Mode) bool {
	switch m {
	case Off, Pause:
		return false
	case Restore:
		return doing == Restoring
	case Capture:
		return doing == Capturing
	case Idle:
	}
	return true
}
