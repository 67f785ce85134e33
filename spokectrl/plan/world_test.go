// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// world is the truth about one group with one volume, its storage, its stores, its user and the hub.
type world struct {
	role                  plan.Role
	ending, held, gone    bool
	remembered, current   bool // the note of the restore, and whether it is of this term
	finalSync             bool
	stored, storeDown     bool
	claim                 plan.Claim
	marks, sealed         bool
	pv, kept              bool
	replica               plan.Replica
	told, actual          plan.Role
	synced                bool
	busy                  bool
	peerHas               bool // the peer has a copy
	dropped               bool // the user deleted the claim for good
	discard               bool // the peer took over from a failure
	flips, faults, wishes uint8
	bad                   string
}

func start(flips, faults, wishes uint8) world {
	return world{
		role: plan.Primary, claim: plan.ClaimBound, pv: true, replica: plan.ReplicaAbsent,
		flips: flips, faults: faults, wishes: wishes,
	}
}

// facts are what the controller sees of the world.
func (w world) facts() plan.Group {
	v := plan.Volume{
		Selected: true, Claim: w.claim, Sealed: w.sealed, Kept: w.kept && w.pv && w.claim != plan.ClaimAbsent, Able: true,
		Use: plan.UseFree, Replica: w.replica, Told: w.told, Exact: w.told == w.role,
		Settled: w.actual == w.told && (w.told == plan.Primary || w.synced),
	}
	if w.busy {
		v.Use = plan.UseBusy
	}
	if w.marks {
		v.Marks = plan.MarksAll
	}
	g := plan.Group{
		Role: w.role, Ending: w.ending, Held: w.held, Remembered: w.remembered, FinalSync: w.finalSync, Discard: w.discard, Unprotect: true,
		Restore: w.restore(), Volumes: []plan.Volume{v},
	}
	if w.claim == plan.ClaimAbsent && w.replica == plan.ReplicaAbsent {
		g.Volumes = nil
	}
	g.Archived = !w.storeDown && (w.stored == w.included(g) || w.finalSync && w.stored)
	return g
}

func (w world) restore() plan.Restore {
	switch {
	case w.remembered && w.current:
		return plan.RestoreDone
	case w.storeDown:
		return plan.RestoreUnknown
	case w.stored && (w.claim == plan.ClaimAbsent || w.claim == plan.ClaimLeaving):
		return plan.RestoreMissing
	default:
		return plan.RestoreComplete
	}
}

// included says whether the metadata of the volume belongs into the stores.
func (w world) included(g plan.Group) bool {
	if len(g.Volumes) == 0 || w.claim == plan.ClaimAbsent {
		return false
	}
	if w.claim == plan.ClaimPending {
		return w.pv
	}
	switch plan.Decide(g).Verdicts[0].Phase {
	case plan.Protecting, plan.AtPrimary:
		return true
	case plan.Releasing, plan.Gone:
		return false
	case plan.Discovered, plan.Demoting, plan.AtSecondary:
	}
	return w.marks
}

func (w *world) fail(format string, args ...any) {
	if w.bad == "" {
		w.bad = fmt.Sprintf(format, args...)
	}
}

// step carries out one step; false: it failed, and stops what comes after it.
func (w *world) step(s plan.Step) bool {
	switch s.Kind {
	case plan.Hold:
		w.held = true
	case plan.Rebuild:
		if w.stored && w.claim == plan.ClaimAbsent {
			if !w.pv {
				w.pv, w.kept = true, true
			}
			w.claim, w.dropped = plan.ClaimPending, false
		}
	case plan.Remember:
		w.remembered, w.current = true, true
	case plan.Forget:
		w.remembered, w.current = false, false
	case plan.Upload:
		if w.storeDown {
			return true // reported, and tried again
		}
		included := w.included(w.facts())
		if w.stored && !included && !w.dropped {
			w.fail("(d) the metadata of a volume that is still wanted leaves the stores")
		}
		w.stored = included
	case plan.Add:
		if !w.storeDown {
			w.stored = w.stored || w.included(w.facts())
		}
	case plan.Empty:
		if w.role != plan.Primary || !w.ending {
			w.fail("(f) the stores are emptied by somebody else than a primary that ends")
		}
		if w.storeDown {
			return false
		}
		w.stored = false
	case plan.Unhold:
		if w.claim != plan.ClaimAbsent && w.marks || w.replica != plan.ReplicaAbsent {
			w.fail("(g) the group is released before its volume")
		}
		if w.role == plan.Primary && w.stored {
			w.fail("(g) the group is released before its stores are empty")
		}
		if w.claim == plan.ClaimBound && w.kept {
			w.fail("(e) the group is released and the policy of a bound volume is not restored")
		}
		w.gone = true
	default:
		return w.volumeStep(s.Kind)
	}
	return true
}

func (w *world) volumeStep(k plan.Kind) bool {
	if !w.held {
		w.fail("(g) a volume is touched and our finalizer is not on the group")
	}
	switch k {
	case plan.Retain:
		w.kept = w.kept || w.pv
	case plan.Mark:
		if w.claim == plan.ClaimLeaving {
			return false // Kubernetes refuses new finalizers then
		}
		w.marks = true
	case plan.Seal:
		w.marks, w.sealed = true, true
	case plan.Promote:
		if !(w.remembered && w.current) && !w.finalSync {
			w.fail("(a) a replica is told primary before the restore is done")
		}
		if !w.kept || !w.marks {
			w.fail("(e) a replica is told primary before the volume is retained and marked")
		}
		w.replica, w.told = plan.ReplicaPresent, plan.Primary
	case plan.Demote:
		if w.busy {
			w.fail("(c) a volume in use is demoted")
		}
		if w.pv && !w.kept {
			w.fail("(e) a volume that is not retained is demoted")
		}
		w.told, w.synced = plan.Secondary, false
	case plan.Drop:
		if w.role == plan.Secondary && !w.ending && (w.actual != plan.Secondary || !w.synced) {
			w.fail("a replica is dropped before it is in sync")
		}
		if w.pv && !w.kept && w.claim != plan.ClaimAbsent {
			w.fail("(e) a replica is dropped and the volume is not retained")
		}
		w.replica = plan.ReplicaLeaving
	case plan.GiveUp:
		if w.replica != plan.ReplicaAbsent {
			w.fail("(e) the policy is restored while there is a replica")
		}
		w.kept = false
	case plan.Unmark:
		if w.replica != plan.ReplicaAbsent {
			w.fail("(g) the marks are removed while there is a replica")
		}
		w.marks, w.sealed = false, false
	case plan.Hold, plan.Rebuild, plan.Remember, plan.Forget, plan.Upload, plan.Add, plan.Empty, plan.Unhold:
	}
	return true
}

// leave lets a deleted claim go, if nothing holds it, and reclaims its volume.
func (w *world) leave() {
	if w.claim != plan.ClaimLeaving || w.marks || w.busy {
		return
	}
	w.claim = plan.ClaimAbsent
	if w.pv && !w.kept {
		w.pv = false
		if w.peerHas && !w.dropped && !w.ending {
			w.fail("(e) the data of a volume that was replicated is destroyed")
		}
		if w.ending && w.role == plan.Secondary && w.peerHas && !w.dropped {
			w.fail("(e) the end of a secondary destroys its copy")
		}
	}
}

func (w world) violated() string { return w.bad }

// next is what anybody can do. decide is the plan, or a mutant of it.
func (w world) next(decide func(plan.Group) plan.Plan) []edge[world] {
	var out []edge[world]
	add := func(name string, fair bool, f func(*world)) {
		n := w
		f(&n)
		if n != w {
			out = append(out, edge[world]{n, name, fair})
		}
	}
	p := decide(w.facts())
	if len(p.Verdicts) == 1 && p.Verdicts[0].Phase == plan.AtSecondary && w.replica == plan.ReplicaAbsent && w.marks && !w.peerHas && !w.discard {
		add("report", false, func(n *world) { n.fail("a volume without a copy at the peer is called secondary") })
	}
	for k := 1; k <= len(p.Steps); k++ { // the controller may crash after any prefix
		add(fmt.Sprint("controller ", p.Steps[:k]), k == len(p.Steps), func(n *world) {
			for _, s := range p.Steps[:k] {
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

// others are the neighbours: storage, Kubernetes, the object store.
func (w world) others(add func(string, bool, func(*world))) {
	add("storage takes the role", true, func(n *world) {
		if n.replica != plan.ReplicaPresent || n.actual == n.told {
			return
		}
		n.actual = n.told
		n.peerHas = n.peerHas || n.actual == plan.Primary
	})
	add("storage is in sync", true, func(n *world) { n.synced = n.replica == plan.ReplicaPresent && n.actual == plan.Secondary })
	add("storage lets the replica go", true, func(n *world) {
		if n.replica == plan.ReplicaLeaving {
			n.replica, n.told, n.actual, n.synced = plan.ReplicaAbsent, plan.NoRole, plan.NoRole, false
		}
	})
	add("Kubernetes binds", true, func(n *world) {
		if n.claim == plan.ClaimPending {
			n.claim = plan.ClaimBound
		}
	})
	add("Kubernetes lets the claim go", true, func(n *world) { n.leave() })
	add("store up", true, func(n *world) { n.storeDown = false })
	if w.faults > 0 && !w.storeDown {
		add("store down", false, func(n *world) { n.storeDown = true; n.faults-- })
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
		add("the user deletes the claim", false, func(n *world) {
			n.claim = plan.ClaimLeaving
			n.dropped = n.role == plan.Primary && n.remembered && n.current || n.ending && !n.marks
			n.wishes--
		})
	}
	if w.ending {
		return
	}
	add("the user ends protection", false, func(n *world) { n.ending = true; n.wishes-- })
	if w.role == plan.Primary {
		add("hub: final sync", false, func(n *world) { n.finalSync = true; n.wishes-- })
	}
	if w.flips == 0 {
		return
	}
	if w.role == plan.Primary {
		add("hub: secondary", false, func(n *world) { n.role, n.finalSync, n.current = plan.Secondary, false, false; n.flips-- })
		add("hub: secondary after a failover", false, func(n *world) {
			n.role, n.finalSync, n.current, n.discard = plan.Secondary, false, false, true
			n.flips--
		})
		add("hub: no final sync", false, func(n *world) {
			if n.finalSync {
				n.finalSync = false
				n.flips--
			}
		})
	} else {
		add("hub: primary", false, func(n *world) { n.role, n.current, n.discard = plan.Primary, false, false; n.flips-- })
	}
}

// settled says that nothing is left to do.
func (w world) settled() bool {
	if w.gone || w.ending && !w.held {
		return true
	}
	p := plan.Decide(w.facts())
	lost := len(p.Verdicts) == 1 && p.Verdicts[0].Why == plan.WhyUnprotected
	switch {
	case w.ending || len(p.Steps) > 0:
		return false
	case w.role == plan.Primary && w.finalSync:
		return true
	case w.role == plan.Primary && w.claim == plan.ClaimAbsent:
		return w.replica == plan.ReplicaAbsent && !w.stored
	case w.role == plan.Primary:
		return w.claim == plan.ClaimBound && w.actual == plan.Primary && w.marks && w.sealed && w.kept && w.stored && w.remembered
	default:
		return w.replica == plan.ReplicaAbsent && (!w.marks || lost) && !w.remembered
	}
}
