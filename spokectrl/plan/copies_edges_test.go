// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

func (w copyWorld) next(decide func(plan.Facts) plan.Plan) []edge[copyWorld] {
	var out []edge[copyWorld]
	try := func(name string, fair, safe bool, f func(*copyWorld)) {
		n := w
		f(&n)
		if safe && n.alive() < w.alive() && !n.gone && n.bad == "" {
			n.fail("the newest data is destroyed: %v of %v", n.alive(), w.alive())
		}
		if n != w {
			out = append(out, edge[copyWorld]{n, name, fair})
		}
	}
	p := decide(w.facts())
	if secondary := len(p.Verdicts) == 1 && p.Verdicts[0].State == plan.AtSecondary; secondary && w.marks && !w.ending && !w.discard && w.peer < w.data {
		try("report", false, false, func(n *copyWorld) { n.fail("(l) a volume that was not sent is called secondary") })
	}
	for k := 1; k <= len(p.Writes); k++ {
		try(fmt.Sprint("controller ", p.Writes[:k]), k == len(p.Writes), true, func(n *copyWorld) {
			for _, s := range p.Writes[:k] {
				if !n.step(s) {
					return
				}
			}
		})
	}
	w.mishap(try)
	w.report(try)
	try("Kubernetes lets the claim go", true, !w.dropped && (!w.ending || w.interrupted), func(n *copyWorld) { n.leave() })
	try("the source sends", true, true, func(n *copyWorld) {
		if n.source && n.claim != plan.ClaimAbsent && (n.role == plan.Primary || n.drained) {
			n.peer = max(n.peer, n.data)
		}
	})
	try("the destination receives", true, true, func(n *copyWorld) {
		if n.destination && !n.paused && n.wanted && n.peer != none {
			n.image, n.data, n.remain, n.peer = newest, min(n.data, older), min(n.remain, older), newest
		}
	})
	try("the Pod stops", true, true, func(n *copyWorld) { n.busy = false })
	w.people(try)
	return out
}

// report is what the hub may conclude from one.
func (w copyWorld) report(try func(string, bool, bool, func(*copyWorld))) {
	if w.ending || !w.held || w.pruned {
		return
	}
	done := w.role == plan.Primary && w.finalSync && w.sentAway && !w.busy
	switch {
	case done && w.claim == plan.ClaimAbsent && !w.source && w.remain > w.peer && !w.given:
		try("report", false, false, func(n *copyWorld) { n.fail("there is nothing to synchronize, and there was a volume") })
	case done && !w.finished && (w.source && w.drained && w.peer >= w.data || w.claim == plan.ClaimAbsent && !w.source):
		try("report", true, true, func(n *copyWorld) { n.finished = true })
	case w.role == plan.Secondary && w.finished && !w.discard && w.claim == plan.ClaimAbsent && !w.source && w.remain > max(w.peer, w.image) && !w.given:
		try("report", false, false, func(n *copyWorld) { n.fail("a group whose volume was never sent is called secondary") })
	}
}

// mishap is what somebody does who knows nothing of the protection. What a side receives lies in the namespace, so it would
// go with it: the peer has it.
func (w copyWorld) mishap(try func(string, bool, bool, func(*copyWorld))) {
	try("the mirror makes the group again", true, true, func(n *copyWorld) {
		if n.gone && n.interrupted && (!n.pruned || n.claim == plan.ClaimAbsent && !n.source) {
			n.ending, n.interrupted, n.pruned, n.gone, n.held = false, false, false, false, false
			n.remembered, n.current, n.sentAway, n.released = false, false, false, false
		}
	})
	try("Kubernetes deletes the group", true, true, func(n *copyWorld) {
		if n.pruned && !n.ending && n.held {
			n.ending, n.interrupted = true, true
		}
	})
	try("Kubernetes lets the source go", true, true, func(n *copyWorld) {
		if n.pruned {
			n.source, n.drained = false, false
		}
	})
	if w.mishaps == 0 || w.gone || !w.held || w.ending {
		return
	}
	try("somebody deletes the group", false, true, func(n *copyWorld) { n.ending, n.interrupted, n.mishaps = true, true, n.mishaps-1 })
	if w.destination || w.claim != plan.ClaimAbsent && !w.kept {
		return
	}
	try("somebody deletes the namespace", false, true, func(n *copyWorld) {
		n.pruned, n.mishaps = true, n.mishaps-1
		if n.claim != plan.ClaimAbsent {
			n.claim = plan.ClaimLeaving
		}
	})
}

// people are the user and the hub.
func (w copyWorld) people(try func(string, bool, bool, func(*copyWorld))) {
	running := w.role == plan.Primary && w.remembered && w.current && !w.finalSync
	try("hub: the peer serves", true, true, func(n *copyWorld) {
		n.wanted = n.wanted || n.role == plan.Secondary && !n.ending && n.peer != none
	})
	if w.gone || w.wishes == 0 {
		return
	}
	if w.claim == plan.ClaimBound && running && w.marks {
		try("a Pod starts and writes", false, false, func(n *copyWorld) {
			n.busy, n.data, n.peer, n.best, n.wishes = true, newest, min(n.peer, older), min(n.best, older), n.wishes-1
		})
	}
	// Before it is marked, nobody was told that the workload may run.
	if w.claim == plan.ClaimBound && (w.marks || w.busy) {
		try("the claim is deleted with its workload", false, true, func(n *copyWorld) {
			n.claim, n.wishes = plan.ClaimLeaving, n.wishes-1
			// Until we answer that we are prepared, nobody sends the workload away: who deletes claims then means it.
			n.dropped = n.role == plan.Primary && n.remembered && n.current && !n.interrupted && !n.pruned || !n.marks || n.ending && n.loose
		})
	}
	if w.source {
		try("the user deletes the source", false, true, func(n *copyWorld) { n.source, n.drained, n.wishes = false, false, n.wishes-1 })
	}
	if w.ending && !w.interrupted {
		return
	}
	try("the user ends protection", false, true, func(n *copyWorld) {
		n.ending, n.interrupted, n.wanted, n.wishes = true, false, false, n.wishes-1
		n.dropped = n.dropped || n.role == plan.Primary && n.claim == plan.ClaimLeaving // as without any protection
	})
	if w.ending {
		return
	}
	if running {
		try("hub: final sync", false, true, func(n *copyWorld) { n.finalSync = true; n.wishes-- })
	}
	if w.flips == 0 {
		return
	}
	if w.role == plan.Primary {
		demoted := func(discard bool) func(*copyWorld) {
			return func(n *copyWorld) {
				n.peer = max(n.peer, n.best) // it still has what it sent before
				n.role, n.finalSync, n.current, n.discard = plan.Secondary, false, false, discard
				n.flips--
				if discard { // the peer went on without us
					n.peer, n.data, n.remain = newest, min(n.data, older), min(n.remain, older)
				}
			}
		}
		if running || w.finalSync { // the hub sends no one away that has not answered that it is primary
			try("hub: secondary", false, true, demoted(false))
		}
		try("hub: secondary after a failover", false, true, demoted(true))
		try("hub: no final sync", false, true, func(n *copyWorld) {
			if n.finalSync {
				n.finalSync, n.finished = false, false
				n.flips--
			}
		})
		return
	}
	promoted := func(lost bool) func(*copyWorld) {
		return func(n *copyWorld) {
			n.role, n.current, n.discard, n.wanted = plan.Primary, false, false, false
			n.sentAway, n.finished = false, false
			n.flips--
			if lost {
				n.peer = none
			}
			n.best = n.image
			if !n.destination {
				n.best = max(n.data, n.remain)
			}
		}
	}
	try("hub: primary", false, true, promoted(false))
	try("hub: primary after a failure", false, false, promoted(true))
}

func (w copyWorld) settled() bool {
	if w.gone && !w.interrupted || w.ending && !w.interrupted && !w.held {
		return true
	}
	p := plan.Decide(w.facts())
	switch {
	case w.ending:
		return false
	case len(p.Verdicts) == 1 && p.Verdicts[0].Why == plan.WhyClaimLost && len(p.Writes) == 0:
		return true // a person decides
	case w.role == plan.Primary && w.destination && w.image == none && !(w.remembered && w.current):
		return true // nothing was received: it is told, and a person decides
	case w.role == plan.Primary && w.restore() == plan.RestoreConflict:
		return true // a person decides
	case len(p.Writes) > 0:
		return false
	case w.role == plan.Primary && w.finalSync:
		return true
	case w.role == plan.Primary && w.claim == plan.ClaimAbsent:
		return !w.source && !w.destination
	case w.role == plan.Primary:
		return w.claim == plan.ClaimBound && w.source && w.peer >= w.data && w.sealed && !w.destination && w.remain == none
	default:
		unsent := len(p.Verdicts) == 1 && (p.Verdicts[0].Why == plan.WhyUnprotected || p.Verdicts[0].Why == plan.WhyUnsent) // a person decides
		return !w.source && (!w.marks || unsent)
	}
}
