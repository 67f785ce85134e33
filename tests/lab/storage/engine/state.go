// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"encoding/json"
	"fmt"
	"time"
)

// Role is what a volume may be used for.
type Role string

const (
	// Absent means that the store has no such volume.
	Absent Role = ""
	// Primary means that data can be mounted and written.
	Primary Role = "primary"
	// Secondary means that the volume holds copies only.
	Secondary Role = "secondary"
)

// State is all that a store knows about a volume.
type State struct {
	Role Role `json:"role"`
	// Replicating says that a primary is to be copied to the peer every Interval.
	Replicating bool          `json:"replicating,omitempty"`
	Interval    time.Duration `json:"interval,omitempty"`

	// Generation numbers the copies of this volume on this side and never goes back. It is the newest complete copy
	// of a secondary, and on a primary the copy that became data.
	Generation int `json:"generation,omitempty"`
	// Tip identifies the content of a secondary's newest copy; empty if it has none.
	Tip string `json:"tip,omitempty"`
	// TipTime is when the pass that made the tip began: what was durable before is in it.
	TipTime time.Time `json:"tipTime,omitzero"`
	// Final says that the tip was the last that a side wrote before it was demoted.
	Final bool `json:"final,omitempty"`
	// Basis identifies the copy from which this side was last promoted: its content contains that copy's.
	Basis string `json:"basis,omitempty"`
	// Unshipped says that the tip was written by this side, and that it is not known that the peer has it.
	Unshipped bool `json:"unshipped,omitempty"`
	// Incoming is the copy that the peer has begun.
	Incoming *Incoming `json:"incoming,omitempty"`
	// Resyncing says that own content was moved aside and that no copy from the peer is complete yet.
	Resyncing bool `json:"resyncing,omitempty"`
	// Overwrite says that the next copy of this side may replace what only the peer has.
	Overwrite bool `json:"overwrite,omitempty"`
	// Forced says that a promotion by force took the session of this side apart, and that nobody has asked to join it again.
	Forced bool `json:"forced,omitempty"`
	// Aside is the folder into which own content went, or is going, when it had diverged.
	Aside string `json:"aside,omitempty"`

	// Received is content that replaced data, or is about to, and that nobody has acknowledged.
	Received *Received `json:"received,omitempty"`

	// LastPass is the newest pass of this primary that the peer committed.
	LastPass *Pass `json:"lastPass,omitempty"`
}

// Incoming is a copy that was begun and not yet committed.
type Incoming struct {
	// Token names this attempt: a commit that was held up on its way must not complete a later attempt.
	Token string `json:"token"`
	Offer Offer  `json:"offer"`
}

// Pass is one complete copy from a primary to its peer.
type Pass struct {
	ID    string    `json:"id"`
	Start time.Time `json:"start"` // what was durable before is in the copy
	// Duration is from the start to the peer's answer to the commit.
	Duration time.Duration `json:"duration"`
	Bytes    int64         `json:"bytes"` // copied; files that had not changed are not counted
	Files    int           `json:"files"` // in the copy, changed or not
	Torn     int           `json:"torn"`  // files that changed while they were read
}

func decodeState(content []byte) (State, error) {
	var st State
	if err := json.Unmarshal(content, &st); err != nil {
		return State{}, fmt.Errorf("decode state: %w", err)
	}
	return st, nil
}
