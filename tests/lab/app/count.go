// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab/journal"
)

// Loss is what a move of the workload lost.
type Loss struct {
	Records int            // acknowledged records that the new side does not have
	Oldest  journal.Record // the first of them; zero if there is none, or if the old side's journal is gone
	Age     time.Duration  // how old it was when the old side was last counted; zero if Oldest is
	Kept    uint64         // the last record that came along
}

// String is the loss in words.
func (l Loss) String() string {
	if l.Records == 0 {
		return "0 records lost"
	}
	return fmt.Sprintf("%d records lost, the oldest written %s before", l.Records, l.Age.Round(time.Millisecond))
}

// LostSince counts what the workload lacks now of what was acknowledged as last elsewhere; was is the journal there. The
// numbers of a writer that lost records start again after those that it found, so that records are told by their times.
func LostSince(last journal.Record, was, now journal.Report) (Loss, error) {
	if len(now.Gaps) > 0 || now.Corrupt > 0 {
		return Loss{}, fmt.Errorf("the journal is damaged: %s", now)
	}
	kept := now.Until(last.Time)
	if kept.Number >= last.Number {
		return Loss{Kept: kept.Number}, nil
	}
	loss := Loss{Records: int(last.Number - kept.Number), Kept: kept.Number}
	if lost := was.After(kept.Number); len(lost) > 0 {
		loss.Oldest, loss.Age = lost[0], last.Time.Sub(lost[0].Time)
	}
	return loss, nil
}
