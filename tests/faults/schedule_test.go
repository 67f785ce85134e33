// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab"
)

const (
	// mostFaults is how many faults a schedule has at most.
	mostFaults = 3
	// asked is the moment of a schedule at which the operations are asked for.
	asked = time.Second
	// latest is the moment up to which faults strike; an operation without faults takes about as long.
	latest = 4 * time.Second
	// A fault is short, or, one time in longEvery, longer than it takes until a link is called lost.
	short, long = 4 * time.Second, 20 * time.Second
	longEvery   = 12
)

// event is what happens at a moment of a schedule, counted from its beginning.
type event struct {
	at   time.Duration
	what string
	do   func()
}

// TestRandomFaults lets several faults strike at random moments, of random length, on random sides, schedule after
// schedule, and requires after each that all has become as asked.
func TestRandomFaults(t *testing.T) {
	l := shared.Lab(t)
	runs, seed := drawn(t)
	c := assemble(t, l, "random")
	watchOver(t, l, c.relocated)
	since := time.Now()
	slowest := time.Duration(0)
	for run := range runs {
		random := rand.New(rand.NewPCG(seed, run))
		events := draw(c, random)
		c.play(run, events)
		began := time.Now()
		c.done()
		slowest = max(slowest, time.Since(began))
		fmt.Printf("schedule %d of %d: %s\n", run+1, runs, describe(events))
	}
	requireNoForeignDeletions(t, l, since, func(namespace string) bool {
		return namespace == "random-deleted" || strings.HasPrefix(namespace, "random-deployed-") || !strings.HasPrefix(namespace, "random")
	})
	fmt.Printf("%d schedules, no violation; the slowest settled %s after its last fault; %s in all\n",
		runs, slowest.Round(100*time.Millisecond), time.Since(since).Round(time.Second))
}

// draw makes a schedule. The same numbers make the same one.
func draw(c *company, random *rand.Rand) []event {
	drawable := slices.DeleteFunc(all(), func(f fault) bool { return f.rare || f.first || f.prepare != nil })
	random.Shuffle(len(drawable), func(i, j int) { drawable[i], drawable[j] = drawable[j], drawable[i] })
	events := []event{{asked, "ask", c.ask}}
	for _, f := range drawable[:1+random.IntN(mostFaults)] {
		side := lab.Spokes()[random.IntN(2)]
		at, lasts := time.Duration(random.Int64N(int64(latest))), time.Duration(random.Int64N(int64(short)))
		if random.IntN(longEvery) == 0 {
			lasts = long
		}
		var mend func()
		events = append(events,
			event{at, f.name + " " + side, func() { mend = f.strike(c, side) }},
			event{at + lasts, "", func() { mend() }})
	}
	slices.SortStableFunc(events, func(a, b event) int { return int(a.at - b.at) })
	return events
}

// play lets the events happen. What one of them takes delays those that follow.
func (c *company) play(run uint64, events []event) {
	c.t.Helper()
	c.t.Logf("schedule %d: %s", run, describe(events))
	began := time.Now()
	for _, e := range events {
		pause(c.t, e.at-time.Since(began))
		e.do()
	}
}

func describe(events []event) string {
	var out []string
	for _, e := range events {
		if e.what != "" {
			out = append(out, fmt.Sprintf("%.1fs %s", e.at.Seconds(), e.what))
		}
	}
	return strings.Join(out, ", ")
}
