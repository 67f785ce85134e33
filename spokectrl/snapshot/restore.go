// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"slices"
	"strings"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// Restore is what the stores remember, compared with what is here.
type Restore struct {
	State   plan.Restore
	Message string
	Unread  bool   // what the stores say may change without anything that wakes us: try again later
	Reason  string // of a conflict, if it has one of its own
	Moves   []Move
	Copies  []Restoring
}

// Move is what the restore of one pair needs next.
type Move struct {
	Kind capsule.Move
	Pair capsule.Pair
	Here capsule.Here
}

// Combined is the worst of several parts. Only what is not complete is told, if anything is not.
func Combined(parts ...Restore) Restore {
	rank := func(s plan.Restore) int {
		return slices.Index([]plan.Restore{plan.RestoreComplete, plan.RestoreMissing, plan.RestoreConflict, plan.RestoreUnknown}, s)
	}
	out := Restore{State: plan.RestoreComplete}
	for _, p := range parts {
		if rank(p.State) > rank(out.State) {
			out.State = p.State
		}
	}
	var messages []string
	for i, p := range parts {
		out.Unread = out.Unread || p.Unread
		if p.State == plan.RestoreConflict && p.Reason != "" {
			out.Reason = p.Reason
		}
		out.Moves, out.Copies = append(out.Moves, p.Moves...), append(out.Copies, p.Copies...)
		told := p.Message != "" && (p.State != plan.RestoreComplete || out.State == plan.RestoreComplete)
		if told && (i == 0 || p.Message != NothingToRestore) {
			messages = append(messages, p.Message)
		}
	}
	out.Message = strings.Join(messages, "; ")
	return out
}

// NothingToRestore is told of a restore that has nothing to do.
const NothingToRestore = "nothing to restore"
