// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"time"

	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/captures"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
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
	// Findings are of the last capture. Objects are, too, and Problems the stores that do not have it, if this process made it.
	Objects  int
	Findings objects.Findings
	Problems archive.Problems
	Partly   error // groups that it lacks, which are not essential
	// Failure is why the last attempt, of either task, failed, and Failures how many did in a row; nil: it did not.
	Failure  error
	Denied   bool // for want of a right
	Failures int
	Failed   time.Time
	// Hooks is what became of the hooks of the last attempt that had some, Step the step of one that is under way, and Undo what
	// an attempt left to be undone; nil: nothing.
	Hooks HooksRun
	Step  *steps.Record
	Undo  *Undoing
	// Recovered says that all is known of Undo that the process before this one left. Unknown is why it could not be found out, and
	// UnknownSince when this process began to ask.
	Recovered    bool
	Unknown      error
	UnknownSince time.Time
	// Stays is what the last attempt left, and is not undone any more; empty: nothing.
	Stays string
	// Queued is since when the task waits for its turn; nil: not for long.
	Queued *queued
	// Next is when something is to be done; zero: as soon as the group asks for something else.
	Next time.Time

	// Asked is the last Want.For, and AskedAt when it came.
	Asked   int64
	AskedAt time.Time

	tried string // the content of the last capture, or attempt at one
	// unread is what could not be read, and since when no attempt could.
	unread map[string]time.Time
	// attempted is of the last attempt at a restore; nil: this process made none.
	attempted *attempted
}

// Restored is what a restore did.
type Restored struct {
	From     *capsule.Pointer // nil: no store has a capture
	Profile  string
	Problems archive.Problems // of stores that were not read: what they hold may be newer
	Objects  int
	Findings objects.Findings
	Captured objects.Findings // of the capture, when it was made
	Skipped  bool             // something is missing, by the user's word
	Partly   error            // groups that are missing, which are not essential
	Note     string           // by what it was restored, if that is to be told
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
		case s.Failures > 0 || s.Last == nil || !s.fresh(w):
			return Capturing, retry
		default:
			return Capturing, s.Last.Pointer.Start.Add(w.Interval)
		}
	}
	return Nothing, time.Time{}
}

// Unread says that this process has not found out yet which captures there are, and is about to.
func (s *Standing) Unread(w *Want, now time.Time) bool {
	return s.Last == nil && s.Failure == nil && s.tried == "" && now.Before(s.overdueAt(w.Interval))
}

// fresh reports whether the capture that is asked for before the application leaves was made, if one is.
func (s *Standing) fresh(w *Want) bool {
	if w.For == 0 {
		return true
	}
	if s.Last == nil {
		return false
	}
	epoch, _, _ := s.Last.Pointer.Term()
	return epoch == w.Term.Epoch && s.Last.Pointer.Generation >= w.For
}

// Awaits reports whether a capture is still to be made before the application leaves. Without the rights to capture, and after a
// while, it is not waited for.
func (s *Standing) Awaits(w *Want, now time.Time) bool {
	return !s.fresh(w) && !s.Denied && (s.Asked != w.For || now.Before(s.AskedAt.Add(Fresh)))
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
