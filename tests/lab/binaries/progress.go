// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"fmt"
	"time"
)

// usually is how long a build of all programs takes on two idle cores, from empty caches.
const usually = 8 * time.Minute

// almost is how much of a program counts as built at most while its build still runs.
const almost = 0.95

// progress tells how far a build of several programs is. Programs differ a lot in size, so each has a share of the work; the
// time that the finished ones took tells how fast this machine is.
type progress struct {
	todo []program
	now  int           // index of the program that is being built
	took time.Duration // by those before it
}

// estimate is the part of the work that is done, from 0 to 1, and how long the rest takes, when the program that is being
// built has been so for that long.
func (p progress) estimate(building time.Duration) (done float64, left time.Duration) {
	all, finished := 0.0, 0.0
	for i, prog := range p.todo {
		all += prog.share
		if i < p.now {
			finished += prog.share
		}
	}
	whole := time.Duration(float64(usually) * all)
	if finished > 0 {
		whole = time.Duration(float64(p.took) * all / finished)
	}
	share := p.todo[p.now].share
	part := min(float64(building)/(float64(whole)*share/all), almost)
	done = (finished + part*share) / all
	return done, time.Duration((1 - done) * float64(whole))
}

// building says how far the build is.
func (p progress) building(since time.Duration) string {
	done, left := p.estimate(since)
	return fmt.Sprintf("%s: building for %s; %.0f%% of all is done, about %s left", p.label(), since.Round(time.Second), 100*done, roughly(left))
}

// label is the program that is being built, and its number.
func (p progress) label() string {
	return fmt.Sprintf("[%d/%d] %s", p.now+1, len(p.todo), p.todo[p.now].name)
}

// roughly is a duration as people estimate it.
func roughly(d time.Duration) string {
	if d < 90*time.Second {
		return fmt.Sprintf("%.0f s", max(10, d.Round(10*time.Second).Seconds()))
	}
	return fmt.Sprintf("%.0f minutes", d.Minutes())
}
