// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// next is what anybody can do. decide is the plan, or a mutant of it.
func (w world) next(decide func(plan.Facts) plan.Plan) []edge[world] {
	var out []edge[world]
	add := func(name string, fair bool, f func(*world)) {
		n := w
		f(&n)
		if n != w {
			out = append(out, edge[world]{n, name, fair})
		}
	}
	p := decide(w.facts())
	for _, why := range []string{w.lie(p), w.deaf(p)} {
		if why != "" {
			add("report", false, func(n *world) { n.fail("%s", why) })
		}
	}
	w.vouch(p, add)
	for k := 1; k <= len(p.Writes); k++ { // the controller may crash after any prefix
		add(fmt.Sprint("controller ", p.Writes[:k]), k == len(p.Writes), func(n *world) {
			for _, s := range p.Writes[:k] {
				if !n.step(s) {
					return
				}
			}
		})
	}
	w.others(add)
	w.people(add)
	return out
}

// vouch is what the hub may conclude from a report.
func (w world) vouch(p plan.Plan, add func(string, bool, func(*world))) {
	if w.ending || !w.held || w.severed() {
		return
	}
	// A claim that the user deletes for good is no longer spoken for.
	kept := w.vouched && !w.dropped
	switch {
	case w.pruned && w.role == plan.Primary: // it is told, and nothing is vouched for
	case w.role == plan.Primary && w.finalSync && w.sentAway && kept && w.claim == plan.ClaimAbsent:
		add("report", false, func(n *world) { n.fail("there is nothing to synchronize, and there was a volume") })
	case w.role == plan.Primary && w.finalSync && w.sentAway && w.stored && w.ours && !w.finished:
		add("report", true, func(n *world) { n.finished = true })
	case w.role == plan.Secondary && w.finished && kept && !w.shipped && !w.discard && w.claim == plan.ClaimAbsent && w.replica == plan.ReplicaAbsent:
		add("report", false, func(n *world) { n.fail("a group whose volume was never demoted is called secondary") })
	case w.role == plan.Primary && len(p.Verdicts) == 1 && p.Verdicts[0].State == plan.AtPrimary && w.stored:
		add("report", true, func(n *world) { n.vouched = true })
	}
}

// others are the neighbors: storage, Kubernetes, the object store.
func (w world) others(add func(string, bool, func(*world))) {
	w.replicate(add)
	add("Kubernetes binds", true, func(n *world) {
		if n.claim == plan.ClaimPending {
			n.claim = plan.ClaimBound
		}
	})
	add("Kubernetes lets the claim go", true, func(n *world) { n.leave() })
	add("the user brings the PV back", true, func(n *world) { n.lost = false })
	add("Kubernetes deletes the group", true, func(n *world) {
		if n.pruned && !n.ending && n.held && !n.outlives {
			n.ending, n.interrupted = true, true
		}
	})
	add("Kubernetes ends the deletion of the namespace", true, func(n *world) {
		// The controller is there while it lasts. What it never held may go unnoticed otherwise.
		noticed := n.role != plan.Primary || !n.sentAway && !(n.remembered && n.current)
		n.pruned = n.pruned && !(n.outlives && noticed && n.claim == plan.ClaimAbsent && n.replica == plan.ReplicaAbsent)
	})
	add("the mirror makes the group again", true, func(n *world) {
		if n.gone && n.interrupted && (!n.pruned || n.claim == plan.ClaimAbsent && n.replica == plan.ReplicaAbsent) {
			n.ending, n.interrupted, n.pruned, n.gone, n.held = false, false, false, false, false
			n.remembered, n.current, n.sentAway, n.released, n.cut = false, false, false, false, false
		}
	})
	w.mishap(add)
	add("store up", true, func(n *world) { n.storeDown = false })
	if w.faults > 0 && !w.storeDown {
		add("store down", false, func(n *world) { n.storeDown = true; n.faults-- })
	}
}

// mishap is what somebody does who knows nothing of the protection.
func (w world) mishap(add func(string, bool, func(*world))) {
	if w.mishaps == 0 || w.gone {
		return
	}
	if w.held && !w.ending {
		add("somebody deletes the group", false, func(n *world) { n.ending, n.interrupted, n.mishaps = true, true, n.mishaps-1 })
		add("somebody deletes the namespace", false, func(n *world) { // the group's turn comes at any time
			n.pruned, n.mishaps = true, n.mishaps-1
			if n.claim != plan.ClaimAbsent {
				n.claim = plan.ClaimLeaving
			}
			if n.replica == plan.ReplicaPresent {
				n.replica = plan.ReplicaLeaving
			}
		})
	}
	if w.recalls && w.marks && w.claim == plan.ClaimBound && w.replica == plan.ReplicaPresent && w.told == plan.Primary && !w.demoted {
		add("somebody applies the claim as it was exported when it was demoted", false, func(n *world) { n.demoted, n.copied, n.mishaps = true, true, n.mishaps-1 })
	}
	if w.claim == plan.ClaimBound && w.kept && !w.lost {
		add("the PV is lost", false, func(n *world) { n.lost, n.mishaps = true, n.mishaps-1 })
	}
}

// people are the user and the hub.
func (w world) people(add func(string, bool, func(*world))) {
	add("the Pod stops", true, func(n *world) { n.busy = false })
	if w.gone || w.wishes == 0 {
		return
	}
	if w.claim == plan.ClaimBound {
		add("a Pod starts", false, func(n *world) { n.busy = true; n.wishes-- })
		if w.keeps && w.marks && !w.unlabeled {
			add("the user takes the label off the claim", false, func(n *world) { n.unlabeled = true; n.wishes-- })
		}
		add("the user deletes the claim", false, func(n *world) {
			n.claim = plan.ClaimLeaving
			n.dropped = n.role == plan.Primary && n.remembered && n.current && !n.interrupted && !n.pruned || n.ending && (!n.marks || n.loose)
			n.wishes--
		})
	}
	if w.ending && !w.interrupted {
		return
	}
	add("the user ends protection", false, func(n *world) { n.ending, n.interrupted = true, false; n.wishes-- })
	if w.ending {
		return
	}
	if w.replica == plan.ReplicaPresent && w.marks {
		add("the user deletes the replica", false, func(n *world) { n.replica, n.byHand = plan.ReplicaLeaving, true; n.wishes-- })
	}
	if w.serves(plan.Decide(w.facts())) {
		add("hub: final sync", false, func(n *world) { n.finalSync = true; n.wishes-- })
	}
	w.hub(add)
}

// settled says that nothing is left to do.
func (w world) settled() bool {
	if w.gone && !w.interrupted || w.ending && !w.interrupted && !w.held {
		return true
	}
	if w.severed() && !w.pruned {
		return true // a person decides
	}
	p := plan.Decide(w.facts())
	switch {
	case w.hopeless(), len(p.Verdicts) == 1 && p.Verdicts[0].Why == plan.WhyClaimLost && len(p.Writes) == 0:
		return true // it is told, and a person decides
	case w.ending || len(p.Writes) > 0:
		return false
	case w.role == plan.Primary && (w.finalSync || w.keeps && w.claim == plan.ClaimLeaving || w.unlabeled && !w.marks && w.replica == plan.ReplicaAbsent):
		return true
	case w.role == plan.Primary && w.claim == plan.ClaimAbsent:
		return w.replica == plan.ReplicaAbsent && !w.stored
	case w.role == plan.Primary:
		return w.claim == plan.ClaimBound && w.reached == plan.Primary && !w.apart && w.marks && w.sealed && !w.demoted && w.kept && w.stored && w.remembered
	case w.remembered:
		return false
	case len(p.Verdicts) == 1 && (p.Verdicts[0].Why == plan.WhyUnprotected || p.Verdicts[0].Why == plan.WhyUnsent):
		return true // a person decides
	case w.claim == plan.ClaimLeaving && w.taken && !w.array:
		return false // the peer has taken over: nothing holds the claim any more, unless there is a session
	default:
		return len(p.Verdicts) == 0 || p.Verdicts[0].State == plan.AtSecondary || p.Verdicts[0].State == plan.Gone
	}
}
