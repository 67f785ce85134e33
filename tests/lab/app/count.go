// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab/journal"
)

// Loss is what a move of the workload lost.
type Loss struct {
	Records int           // acknowledged records that the new side does not have
	Age     time.Duration // how old the oldest of them was when the old side was last counted; zero if there is none
	Kept    uint64        // the last record that came along
}

// String is the loss in words.
func (l Loss) String() string {
	if l.Records == 0 {
		return "0 records lost"
	}
	return fmt.Sprintf("%d records lost, the oldest written %s before", l.Records, l.Age.Round(time.Millisecond))
}

// LostSince counts what the workload on cluster lacks of what was acknowledged as last elsewhere. The numbers of a writer
// that lost records start again after those that it found, so that records are told by their times.
func LostSince(last journal.Record, now journal.Report) (Loss, error) {
	if len(now.Gaps) > 0 || now.Corrupt > 0 {
		return Loss{}, fmt.Errorf("the journal is damaged: %s", now)
	}
	kept := now.Until(last.Time)
	if kept.Number >= last.Number {
		return Loss{Kept: kept.Number}, nil
	}
	loss := Loss{Records: int(last.Number - kept.Number), Kept: kept.Number} //nolint:gosec // counts of a lab
	// Records are written at an even pace: the one after the last that was kept is the oldest that was lost.
	loss.Age = last.Time.Sub(kept.Time)
	return loss, nil
}
