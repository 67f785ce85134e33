// SPDX-License-Identifier: Apache-2.0

package link

import "time"

// Phase tells how far a link is.
type Phase uint8

// Phases of a link.
const (
	// Connecting : not both API servers have answered yet.
	Connecting Phase = iota
	// Listing : both answer; what is on both sides is not known completely yet.
	Listing
	// Live : the lease was renewed less than its duration ago.
	Live
	// Lost : the lease was last renewed longer ago.
	Lost
)

// String is the phase as users read it.
func (p Phase) String() string {
	return [...]string{"connecting", "listing", "live", "lost"}[p]
}

// State is the state of a link.
type State struct {
	Phase Phase
	// Since is when the lease was last renewed if the link is lost; otherwise zero.
	Since time.Time
	// Cause is what keeps the link from being live, as far as it is known. A live link may have one: what it wishes to
	// read or write on one side fails, but what the cluster reports is up to date.
	Cause string
}

// String is the state as users read it, without an age: it changes only if the state does.
func (s State) String() string {
	text := s.Phase.String()
	if !s.Since.IsZero() {
		text += " since " + s.Since.UTC().Format(time.RFC3339)
	}
	if s.Cause != "" {
		text += ": " + s.Cause
	}
	return text
}

// progress is what is known of a link.
type progress struct {
	answered bool      // both API servers have
	renewed  time.Time // when the lease was; zero: never
	lasts    time.Duration
	cause    string // of what does not work
}

func stateOf(p progress, now time.Time) State {
	switch {
	case !p.renewed.IsZero() && now.Sub(p.renewed) < p.lasts:
		return State{Phase: Live, Cause: p.cause}
	case !p.renewed.IsZero():
		return State{Phase: Lost, Since: p.renewed, Cause: p.cause}
	case p.answered:
		return State{Phase: Listing, Cause: p.cause}
	default:
		return State{Phase: Connecting, Cause: p.cause}
	}
}
