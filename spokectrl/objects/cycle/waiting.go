// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// What takes long is told: a hook that runs, one that is undone, a turn that does not come, records that can't be read.

// long is how long something takes before the group is woken to tell so.
const long = 10 * time.Second

// Now begins what is said of something that is under way, or waited for. It is true for one process only.
const Now = "; now: "

// queued is a task that waits for its turn.
type queued struct {
	since time.Time
	most  int // tasks of its kind that run at the same time
}

// Waiting says what is under way, or waited for, as the end of a sentence; empty: nothing that takes long.
func (s *Standing) Waiting() string {
	var all []string
	if s.Unknown != nil {
		all = append(all, fmt.Sprintf("what the hooks of an earlier process did could not be read since %s: %s. Nothing is captured or restored on this cluster before that is known; it is tried again, at the latest after %s",
			moment(s.UnknownSince), bounded.Text(oneLine(s.Unknown), bounded.Quote), longestPause))
	}
	if at := s.Step; at != nil {
		all = append(all, fmt.Sprintf("%s, step %d of %d, is under way since %s", at.Title, at.Step, at.Of, moment(at.Since)))
	}
	if u := s.Undo; u != nil && u.Now != "" {
		all = append(all, fmt.Sprintf("%s is under way on this cluster since %s, and nothing is captured or restored before it has ended", u.Now, moment(u.Began)))
	}
	if q := s.Queued; q != nil {
		what := "captures"
		if s.Doing == Restoring {
			what = "restores"
		}
		all = append(all, fmt.Sprintf("its turn is waited for since %s: %d %s like it run at the same time on this cluster, and it begins when one of them has ended", moment(q.since), q.most, what))
	}
	if len(all) == 0 {
		return ""
	}
	return Now + strings.Join(all, "; ")
}

// turn waits until it is a task's turn in a lane. It returns what ends the turn.
func (w *Worker) turn(ctx context.Context, g capsule.Group, of lane) (end func(), err error) {
	slots := w.slots[of]
	q := &queued{since: w.clock.Now(), most: cap(slots)}
	timer := time.AfterFunc(long, func() {
		w.mu.Lock()
		w.queue[g] = q
		w.mu.Unlock()
		w.call(g)
	})
	defer func() {
		timer.Stop()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.queue[g] == q {
			delete(w.queue, g)
		}
	}()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err() //nolint:wrapcheck // nobody reads it
	}
}
