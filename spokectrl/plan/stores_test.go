// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// shelf is one object store, and what it has of the group: nothing, what was right once, or all.
type shelf struct {
	has       age
	down      bool
	lost      bool // and never comes back
	resting   bool // it did not answer a moment ago, and is left alone
	abandoned bool // the user gave it up
}

func (s shelf) answers() bool { return !s.down && !s.lost && !s.resting }

// storeWorld is the truth about a group with one volume, its two stores and its user. The volume's claim leaves with a term
// as primary, and has to be found again in the next one.
type storeWorld struct {
	role                    plan.Role
	ending, held, gone      bool
	remembered              bool
	claim                   bool
	stored                  bool // the hub saw that the group was stored
	vouched                 bool // all stores that were asked had all when that was last reported
	shelves                 [2]shelf
	flips, faults, mistakes uint8 // of the hub, of stores, and of people
	bad                     string
}

func startStores() storeWorld {
	return storeWorld{role: plan.Primary, claim: true, flips: 3, faults: 2, mistakes: 1}
}

func (w storeWorld) violated() string { return w.bad }

func (w *storeWorld) fail(text string) {
	if w.bad == "" {
		w.bad = text
	}
}

func (w storeWorld) asked(i int) bool { return !w.shelves[i].abandoned }

// whole reports whether all stores that are asked have all.
func (w storeWorld) whole() bool {
	n := 0
	for i, s := range w.shelves {
		if !w.asked(i) {
			continue
		}
		if s.has != newest {
			return false
		}
		n++
	}
	return n > 0
}

// found is the best that a store that is asked answers with, and whether one did not answer.
func (w storeWorld) found() (best age, silent bool) {
	for i, s := range w.shelves {
		switch {
		case !w.asked(i):
		case s.answers():
			best = max(best, s.has)
		default:
			silent = true
		}
	}
	return best, silent
}

func (w storeWorld) gate() plan.Gate {
	s := plan.Stores{Asked: w.asked(0) || w.asked(1), GivenUp: !w.asked(0) || !w.asked(1), Stored: w.stored}
	switch best, silent := w.found(); {
	case best > none:
		s.Answer = plan.AnswerFound
	case !silent:
		s.Answer = plan.AnswerNothing
	}
	return s.Gate()
}

func (w storeWorld) facts() plan.Facts {
	g := plan.Facts{Role: w.role, Ending: w.ending, Held: w.held, Released: true, Unprotect: true, Archived: w.whole()}
	if w.claim && !w.ending {
		g.Volumes = []plan.Volume{healthy()}
	}
	switch gate := w.gate(); {
	case w.remembered:
		g.Restore = plan.RestoreDone
	case gate != plan.GateCompare:
		g.Restore = gate.Restore()
	case w.claim:
		g.Restore = plan.RestoreComplete
	default:
		g.Restore = plan.RestoreMissing
	}
	return g
}

// each asks the stores that are asked, and reports whether all answered.
func (w *storeWorld) each(do func(*shelf)) bool {
	all := true
	for i := range w.shelves {
		s := &w.shelves[i]
		switch {
		case !w.asked(i):
		case s.answers():
			do(s)
		default:
			s.resting, all = true, false
		}
	}
	return all
}

// step carries out one step; false: it failed, and stops the others.
func (w *storeWorld) step(k plan.Kind) bool {
	switch k {
	case plan.AddFinalizer:
		w.held = true
	case plan.ClearRestored:
		w.remembered, w.held = false, true
	case plan.RestoreClaims:
		if best, _ := w.found(); w.vouched && best != newest {
			w.fail("what was reported as stored is restored from something older")
		}
		w.claim = true
	case plan.MarkRestored:
		if w.stored && !w.claim {
			w.fail("a group that was stored begins with nothing")
		}
		w.remembered = true
	case plan.Upload:
		w.each(func(s *shelf) { s.has = newest })
	case plan.DeleteStored:
		if !w.each(func(s *shelf) { s.has = none }) {
			return false
		}
	case plan.RemoveFinalizer:
		for i, s := range w.shelves {
			if w.asked(i) && s.has != none {
				w.fail("a group goes, and a store that nobody gave up has something of it")
			}
		}
		w.gone = true
	}
	return true
}

func (w storeWorld) next(decide func(plan.Facts) plan.Plan) []edge[storeWorld] {
	var out []edge[storeWorld]
	add := func(name string, fair bool, f func(*storeWorld)) {
		n := w
		f(&n)
		if n != w {
			out = append(out, edge[storeWorld]{n, name, fair})
		}
	}
	if w.gone {
		return nil
	}
	p := decide(w.facts())
	for k := 1; k <= len(p.Writes); k++ {
		add(fmt.Sprint("controller ", p.Writes[:k]), k == len(p.Writes), func(n *storeWorld) {
			for _, s := range p.Writes[:k] {
				if !n.step(s.Kind) {
					return
				}
			}
		})
	}
	if w.role == plan.Primary && w.remembered && !w.ending && w.claim {
		add("report", true, func(n *storeWorld) {
			n.vouched = len(p.Writes) == 0
			n.stored = n.stored || n.vouched
		})
	}
	for i := range w.shelves {
		w.store(i, add)
	}
	if !w.ending {
		w.hub(add)
	}
	return out
}

// store is what becomes of one store, and what its user says of it.
func (w storeWorld) store(i int, add func(string, bool, func(*storeWorld))) {
	s := w.shelves[i]
	add("a store is asked again", true, func(n *storeWorld) { n.shelves[i].resting = false })
	add("a store is up", true, func(n *storeWorld) { n.shelves[i].down = false })
	if w.faults > 0 && !s.lost {
		add("a store is down", false, func(n *storeWorld) { n.shelves[i].down = true; n.faults-- })
		add("a store is lost for good", false, func(n *storeWorld) { n.shelves[i].lost = true; n.faults-- })
	}
	if w.mistakes > 0 && !s.lost {
		add("a bucket is emptied", false, func(n *storeWorld) { n.shelves[i].has = none; n.mistakes-- })
	}
	if !s.abandoned && (s.lost || w.mistakes > 0) {
		add("the user gives a store up", s.lost, func(n *storeWorld) {
			n.shelves[i].abandoned = true
			n.vouched = n.vouched && s.has != newest
			if !s.lost {
				n.mistakes--
			}
		})
	}
	if s.abandoned && w.mistakes > 0 {
		add("the user takes that back", false, func(n *storeWorld) { n.shelves[i].abandoned, n.vouched, n.mistakes = false, false, n.mistakes-1 })
	}
}

func (w storeWorld) hub(add func(string, bool, func(*storeWorld))) {
	if w.role == plan.Primary && w.remembered && w.flips > 0 {
		add("the user adds to the volume", false, func(n *storeWorld) {
			n.flips--
			n.vouched = false
			for i := range n.shelves {
				n.shelves[i].has = min(n.shelves[i].has, older)
			}
		})
	}
	if w.role == plan.Primary && w.remembered && w.flips > 0 && w.stored {
		add("hub: secondary", false, func(n *storeWorld) { n.role, n.claim, n.remembered, n.flips = plan.Secondary, false, false, n.flips-1 })
	}
	if w.role == plan.Secondary {
		add("hub: primary", true, func(n *storeWorld) { n.role = plan.Primary })
	}
	if w.role == plan.Primary && w.flips > 0 {
		add("the user ends protection", false, func(n *storeWorld) { n.ending, n.flips = true, n.flips-1 })
	}
}

func (w storeWorld) settled() bool {
	switch gate := w.gate(); {
	case w.gone || w.ending && !w.held:
		return true
	case w.ending:
		return false
	case w.role == plan.Primary && !w.remembered:
		return gate == plan.GateForlorn || gate == plan.GateEmptied // a person decides
	default:
		return w.role == plan.Primary && (w.whole() && w.vouched || !w.asked(0) && !w.asked(1))
	}
}

// TestStoresThatAreLostRestingAndGivenUp : a group that was stored is never taken for one that was not, what was reported as
// stored is found again as long as one store that has it answers, and nothing waits for a store that the user gave up.
func TestStoresThatAreLostRestingAndGivenUp(t *testing.T) {
	requireSafeAndLive(t, startStores())
}

func TestGate(t *testing.T) {
	for name, tc := range map[string]struct {
		stores plan.Stores
		want   plan.Gate
		means  plan.Restore
	}{
		"no store at all":                            {plan.Stores{Stored: true}, plan.GateNoStore, plan.RestoreComplete},
		"all given up, of a group that was stored":   {plan.Stores{GivenUp: true, Stored: true}, plan.GateForlorn, plan.RestoreConflict},
		"all given up, of one that was never stored": {plan.Stores{GivenUp: true}, plan.GateNoStore, plan.RestoreComplete},
		"one given up, and another has something":    {plan.Stores{Asked: true, GivenUp: true, Stored: true, Answer: plan.AnswerFound}, plan.GateCompare, plan.RestoreUnknown},
		"and that goes on":                           {plan.Stores{GivenUp: true, Stored: true, GoesOn: true}, plan.GateNoStore, plan.RestoreComplete},
		"no answer":                                  {plan.Stores{Asked: true}, plan.GateUnread, plan.RestoreUnknown},
		"nothing, of a new group":                    {plan.Stores{Asked: true, Answer: plan.AnswerNothing}, plan.GateOpen, plan.RestoreComplete},
		"nothing, of one that was stored":            {plan.Stores{Asked: true, Answer: plan.AnswerNothing, Stored: true}, plan.GateEmptied, plan.RestoreConflict},
		"nothing, of one that goes on":               {plan.Stores{Asked: true, Answer: plan.AnswerNothing, Stored: true, GoesOn: true}, plan.GateOpen, plan.RestoreComplete},
		"what is not believed":                       {plan.Stores{Asked: true, Answer: plan.AnswerRefused}, plan.GateNotBelieved, plan.RestoreConflict},
		"what is not believed, and written over":     {plan.Stores{Asked: true, Answer: plan.AnswerRefused, GoesOn: true}, plan.GateOpen, plan.RestoreComplete},
		"something":                                  {plan.Stores{Asked: true, Answer: plan.AnswerFound}, plan.GateCompare, plan.RestoreUnknown},
		"something of a later term":                  {plan.Stores{Asked: true, Answer: plan.AnswerFound, Overtaken: true, GoesOn: true}, plan.GateOvertaken, plan.RestoreUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, tc.stores.Gate())
			assert.Equal(t, tc.means, tc.stores.Gate().Restore())
		})
	}
}

// TestEveryGuardOfStoresIsNeeded takes one away at a time.
func TestEveryGuardOfStoresIsNeeded(t *testing.T) {
	for name, change := range map[string]func(*plan.Facts){
		"a store that does not answer looks empty": func(g *plan.Facts) {
			if g.Restore == plan.RestoreUnknown {
				g.Restore = plan.RestoreComplete
			}
		},
		"emptied and lost stores look like those of a new group": func(g *plan.Facts) {
			if g.Restore == plan.RestoreConflict {
				g.Restore = plan.RestoreComplete
			}
		},
		"the stores look whole": func(g *plan.Facts) { g.Archived = true },
	} {
		t.Run(name, func(t *testing.T) {
			_, violation := explore(startStores(), func(g plan.Facts) plan.Plan {
				change(&g)
				return plan.Decide(g)
			})
			require.NotEmpty(t, violation, "the guard is not needed, or an invariant is missing")
			t.Log(violation[0])
		})
	}
}
