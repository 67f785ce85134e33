// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

const (
	// mostFaults is how many faults a schedule has at most.
	mostFaults = 3
	// asked is the moment of a schedule at which the operations are asked for.
	asked = time.Second
	// latest is the moment up to which faults strike; an operation without faults takes about as long.
	latest = 4 * time.Second
	// A fault is short, or, one time in longEvery, longer than it takes until a link is called lost.
	short, long = 4 * time.Second, 6 * time.Second
	longEvery   = 12
)

// event is what happens at a moment of a schedule, counted from its beginning.
type event struct {
	at   time.Duration
	what string
	do   func()
}

// schedules hands out the numbers of schedules to labs, and counts those that were played.
type schedules struct {
	seed, first, runs uint64

	mu      sync.Mutex
	next    uint64 // how many were handed out
	played  uint64
	slowest time.Duration
	silence time.Duration
}

// TestRandomFaults lets several faults strike at random moments, of random length, on random sides, schedule after
// schedule, and requires after each that all has become as asked. Several labs may share the schedules.
func TestRandomFaults(t *testing.T) {
	runs, seed := drawn(t)
	all := &schedules{seed: seed, runs: runs, first: labtest.Number(t, envFirst, 0)}
	began := time.Now()
	labs := labtest.Number(t, envLabs, 1)
	require.Positive(t, labs, envLabs)
	// In tests of their own, so that what is found at their end is known here.
	t.Run("labs", func(t *testing.T) {
		for n := range labs {
			t.Run(fmt.Sprint(n+1), func(t *testing.T) {
				if labs == 1 {
					all.playOn(t, shared.Lab(t))
					return
				}
				t.Parallel()
				all.playOn(t, labtest.Up(t, shared.Options))
			})
		}
	})
	outcome := "no violation"
	if t.Failed() {
		outcome = "FAILED"
	} else if all.played < runs {
		outcome = "the others skipped"
	}
	fmt.Printf("%d of %d schedules, %s; the slowest settled %s after its last fault; no wait was silent for more than %s; %s in all\n",
		all.played, runs, outcome, all.slowest.Round(100*time.Millisecond), all.silence.Round(100*time.Millisecond), time.Since(began).Round(time.Second))
}

// playOn plays schedules in a lab until there are no more.
func (s *schedules) playOn(t *testing.T, l *lab.Lab) {
	t.Helper()
	c := assemble(t, l, "random")
	watchOver(t, l, c.relocated)
	since := time.Now()
	for number, ok := s.take(); ok; number, ok = s.take() {
		events := draw(c, rand.New(rand.NewPCG(s.seed, number)))
		c.play(number, events)
		began := time.Now()
		c.done()
		s.settled(number, time.Since(began), c.silence, events)
	}
	requireNoForeignDeletions(t, l, since, func(namespace string) bool {
		return namespace == "random-deleted" || strings.HasPrefix(namespace, "random-deployed-") || !strings.HasPrefix(namespace, "random")
	})
}

func (s *schedules) take() (number uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == s.runs {
		return 0, false
	}
	s.next++
	return s.first + s.next - 1, true
}

func (s *schedules) settled(number uint64, after, silence time.Duration, events []event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.played++
	s.slowest, s.silence = max(s.slowest, after), max(s.silence, silence)
	fmt.Printf("schedule %d, %d of %d: %s\n", number, s.played, s.runs, describe(events))
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
		var repair func()
		events = append(events,
			event{at, f.name + " " + side, func() { repair = f.strike(c, side) }},
			event{at + lasts, "", func() { repair() }})
	}
	slices.SortStableFunc(events, func(a, b event) int { return int(a.at - b.at) })
	return events
}

// play lets the events happen. What one of them takes delays those that follow.
func (c *company) play(number uint64, events []event) {
	c.t.Helper()
	c.t.Logf("schedule %d: %s", number, describe(events))
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
