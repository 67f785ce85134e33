// SPDX-License-Identifier: Apache-2.0

package plan_test

import "github.com/ramendr/ramen-direct/spokectrl/plan"

// storage is the truth about the image behind the volume, and what the replica's status says of it. Three kinds are
// modeled. An ideal storage brings every demoted volume in sync and lets go of every replica. One like Ceph RBD calls a volume in
// sync only while neither side is primary, looks at a volume that is in sync never again, lets go of a secondary only
// while the peer is primary, and removes the peer's image along with the replica of a primary. An array keeps a session: a side
// that is demoted hands the role over, every other promotion takes the session apart until the promoted side is asked to join
// it again, and a secondary is let go after the peer only.
type storage struct {
	rbd           bool
	array         bool
	apart         bool      // nothing is replicated from here until the storage is asked to
	asked         bool      // it was
	actual        plan.Role // of the image; none: it is not replicated
	reached       plan.Role // by the status of the replica
	level, follow bool      // the status says "in sync", or "being brought in line"
	shipped       bool      // what was written here is on the peer
	peerHas       bool      // the peer has a copy
	peerPrimary   bool      // and has taken over
	taken         bool      // and the hub has told so
	demoted       bool      // the claim remembers that the demotion was completed
	restored      bool      // the claim was made from the stores
	given         bool      // what only this side had was given up: it failed
	byHand        bool      // somebody deleted the replica
}

// lie is what a report of the plan would say that is not so.
func (w world) lie(p plan.Plan) string {
	if w.stranded() && w.discard && w.taken && w.peerPrimary && !w.storeDown && !w.ours && w.held && !w.pruned && len(p.Writes) == 0 {
		return "(I7) a volume stays in the way of what the peer replicates, and nobody is told"
	}
	if w.role != plan.Secondary || w.ending || w.severed() || len(p.Verdicts) == 0 || p.Verdicts[0].State != plan.AtSecondary {
		return ""
	}
	exists := w.claim == plan.ClaimBound || w.claim == plan.ClaimLeaving
	// A peer that is demoted hands its role over: nobody writes here yet. Without a replica the session ends with that.
	given := w.array && (w.reached == plan.Secondary || w.replica == plan.ReplicaAbsent && w.demoted && !w.busy)
	switch {
	case exists && w.sealed && w.actual != plan.Secondary && !given:
		return "(l) a volume that was not demoted is called secondary"
	case exists && !w.discard && !w.given && (w.marks || w.kept) && !w.shipped:
		return "(l) a volume that has what the peer lacks is called secondary"
	case exists && w.busy && w.actual != plan.Secondary:
		return "(c) a volume in use is called secondary"
	}
	return ""
}

// deaf says what is wrong if a side that was demoted for good is no target of a failover any more.
func (w world) deaf(p plan.Plan) string {
	demoted := w.demoted && w.marks && !w.loose && w.claim == plan.ClaimBound && !w.lost
	there := w.replica == plan.ReplicaPresent && w.told == plan.Secondary && w.reached == plan.Secondary
	if w.role != plan.Secondary || w.ending || w.pruned || w.severed() || !demoted || !there || w.busy || p.Verdicts[0].State == plan.AtSecondary {
		return ""
	}
	return "(I8) a side that was demoted for good is no target while its storage does not see the peer"
}

// promote tells the replica primary.
func (w *world) promote() {
	switch {
	case (w.remembered && w.current) || w.finalSync && w.sentAway:
	case w.claim == plan.ClaimLeaving && w.replica == plan.ReplicaPresent && !w.storeDown:
		// The storage lets go of a primary only: the claim that leaves could never be made again.
	case w.ending:
	default:
		w.fail("(a) a replica is told primary before the restore is done")
	}
	if !w.kept || !w.marks && w.claim != plan.ClaimLeaving { // which takes no marks any more
		w.fail("(e) a replica is told primary before the volume is retained and marked")
	}
	if w.demoted {
		w.fail("(l) a volume is promoted that is remembered as demoted")
	}
	w.replica, w.told = plan.ReplicaPresent, plan.Primary
}

// replicate is what the storage does, and what the hub tells of the peer.
func (w world) replicate(add func(string, bool, func(*world))) {
	if w.role == plan.Secondary && w.peerPrimary {
		add("hub: the peer serves", true, func(n *world) { n.taken = true })
	}
	present := w.replica == plan.ReplicaPresent
	if present && w.array && w.apart && w.asked {
		add("storage joins the sides again", true, func(n *world) { n.apart, n.asked, n.peerHas = false, false, true })
	}
	if present && w.reached != w.told {
		add("storage takes the role", true, func(n *world) {
			if n.told == plan.Secondary && n.rbd && n.actual == plan.NoRole {
				return // refused: the image is not replicated
			}
			if n.told == plan.Primary && n.actual == plan.Secondary && n.peerPrimary && !n.discard {
				n.fail("(iii) a volume is promoted by force, and the user asked for no failover")
			}
			n.apart = n.array && n.told == plan.Primary && (n.apart || n.actual == plan.Secondary)
			n.actual, n.reached, n.level, n.follow = n.told, n.told, false, false
			n.shipped = n.shipped && n.actual == plan.Secondary
			n.peerHas = n.peerHas || n.actual == plan.Primary
		})
	}
	if present && w.reached == plan.Secondary && w.told == plan.Secondary {
		if !w.peerPrimary || !w.rbd {
			add("storage is in sync", true, func(n *world) { n.level, n.follow, n.shipped, n.peerHas = true, false, true, true })
		} else if !w.level {
			add("storage follows the peer", true, func(n *world) { n.follow, n.shipped = true, true }) // what was written here was given up
		} else {
			add("the storage's controller restarts", false, func(n *world) { n.level, n.follow = false, true })
		}
	}
	if (w.rbd || w.array) && (w.level || w.follow) {
		add("the storage loses sight of the peer", false, func(n *world) { n.level, n.follow = false, false })
	}
	if w.replica == plan.ReplicaLeaving && !w.refuses() && !w.copied { // the controller is woken before that
		add("storage lets the replica go", true, func(n *world) {
			if n.actual == plan.Primary {
				n.actual, n.apart, n.asked = plan.NoRole, false, false
				n.peerHas = n.peerHas && !n.rbd
			}
			n.replica, n.told, n.reached, n.level, n.follow = plan.ReplicaAbsent, plan.NoRole, plan.NoRole, false, false
		})
	}
}

// refuses says that the storage does not let a replica go now.
func (w world) refuses() bool {
	return w.actual == plan.Secondary && (w.rbd && !w.peerPrimary || w.array)
}

// rejoin is the storage asked to replicate from here again. It is the order to replace what the other side has.
func (w *world) rejoin() {
	switch {
	case !w.apart:
		w.fail("a storage that replicates is asked to replicate again: it may take that as the order to replace what is here")
	case w.role != plan.Primary || w.reached != plan.Primary || w.actual != plan.Primary:
		w.fail("a volume that is not primary is made the one that the other side follows")
	case !w.remembered || !w.current:
		w.fail("(a) a volume is made the one that the other side follows before the restore is done")
	}
	w.asked = true
}

// hopeless says that only a person can help, or another step of the hub: somebody deleted the replica, or protection was
// ended, while neither side is primary.
func (w world) hopeless() bool {
	stuck := w.replica == plan.ReplicaLeaving && w.refuses() && (w.byHand || w.ending && !w.array || w.pruned)
	disabled := w.rbd && (w.byHand || w.claim == plan.ClaimLeaving) && w.told == plan.Secondary && w.actual == plan.NoRole && w.replica == plan.ReplicaPresent
	return stuck || disabled
}

// serves says that a primary answers that it is one. What was just restored has to be primary again; a claim that is new
// may come at any time.
func (w world) serves(p plan.Plan) bool {
	primary := len(p.Verdicts) == 0 || p.Verdicts[0].State == plan.AtPrimary && w.ours
	return w.role == plan.Primary && w.remembered && w.current && (primary || !w.restored && !w.stored)
}

// hub is what the hub wishes. Except for the side that failed it acts on what is reported.
func (w world) hub(add func(string, bool, func(*world))) {
	p := plan.Decide(w.facts())
	secondary := w.role == plan.Secondary && (len(p.Verdicts) == 0 || p.Verdicts[0].State == plan.AtSecondary || p.Verdicts[0].State == plan.Gone)
	if secondary && !w.peerPrimary && !w.discard {
		add("hub: the peer is promoted", false, func(n *world) {
			n.peerPrimary = true
			if n.array && n.reached == plan.Secondary {
				n.actual = plan.Secondary // also if the role had been handed over: that promotion takes the session apart
			}
		})
	}
	if w.flips == 0 {
		return
	}
	if w.role == plan.Primary {
		demoted := func(n *world) {
			n.role, n.finalSync, n.current, n.taken, n.flips = plan.Secondary, false, false, false, n.flips-1
		}
		if w.serves(p) || w.finalSync {
			add("hub: secondary", false, demoted)
		}
		add("hub: secondary after a failover", false, func(n *world) {
			demoted(n)
			n.ours = false                                                        // the peer has stored since
			n.discard, n.peerPrimary, n.given = true, true, n.given || !n.shipped // the user gave up what only this side has
		})
		add("hub: no final sync", false, func(n *world) {
			if n.finalSync {
				n.finalSync, n.finished = false, false
				n.flips--
			}
		})
		return
	}
	promoted := func(n *world) {
		n.role, n.current, n.discard, n.taken, n.peerPrimary, n.flips = plan.Primary, false, false, false, false, n.flips-1
		n.sentAway, n.ours, n.finished = false, false, false
	}
	switch {
	case !w.peerPrimary && (secondary || w.replica != plan.ReplicaLeaving):
		add("hub: primary", false, promoted)
	case w.peerPrimary && secondary:
		add("hub: primary after a failure of the peer", false, promoted)
		add("hub: the peer is demoted", false, func(n *world) {
			n.peerPrimary, n.taken, n.flips = false, false, n.flips-1
			if n.array && n.actual == plan.Secondary {
				n.actual = plan.Primary // the peer hands the role over
			}
		})
	}
}
