// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
)

// Pass is all that a status is computed from.
type Pass struct {
	*snapshot.Snapshot
	Plan plan.Plan
	Done Done
}

// restored reports whether the gate before everything that a primary does is open.
func (s Pass) restored() bool {
	return s.away() || s.Facts.Restore == plan.RestoreDone || s.Facts.Restore == plan.RestoreComplete
}

// away says that the application was told to leave, and everything that it takes along was here before.
func (s Pass) away() bool {
	return s.Facts.FinalSync && (s.Facts.SentAway || slices.Contains(s.Plan.Writes, plan.Write{Kind: plan.SendAway, Volume: plan.GroupWrite}))
}
