// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// world is the truth about one group with one volume, its storage, its stores, its user and the hub.
type world struct {
	role                 plan.Role
	ending, held, gone   bool
	remembered, current  bool // the note of the restore, and whether it is of this term
	released             bool // the note says that the group is no primary
	sentAway             bool // the note says that the application was told to leave
	interrupted, pruned  bool // somebody else than the hub deletes the group; with its namespace
	outlives             bool // the group lies in another namespace than the application
	keeps, unlabeled     bool // single volumes are not released; the claim is not selected any more
	recalls              bool // somebody has the claim as it was exported when its volume was demoted
	copied               bool // somebody brought that memory back, and the controller did not look since
	cut                  bool // the note says that volumes went with a namespace before they were demoted
	ours                 bool // what is stored was stored from here, in this epoch
	lost                 bool // the object of the PV is gone, its data is not
	vouched              bool // the volume was reported as protected
	finished             bool // the hub saw that the final synchronization is complete: it sends nobody else away
	finalSync            bool
	stored, storeDown    bool
	claim                plan.Claim
	marks, sealed, loose bool // loose: without our finalizer
	pv, kept             bool // kept: retained, with our marks
	forsaken             bool // retained, without them: it is its user's
	noted                bool // the PV remembers that the volume was demoted for good
	replica              plan.Replica
	told                 plan.Role
	busy                 bool
	storage
	dropped               bool // the user deleted the claim for good
	discard               bool // the peer took over from a failure
	flips, faults, wishes uint8
	mishaps               uint8 // deletions by somebody else than the hub, and lost objects
	bad                   string
}

func start(flips, faults, wishes, mishaps uint8) world {
	return world{
		role: plan.Primary, claim: plan.ClaimBound, pv: true, replica: plan.ReplicaAbsent,
		flips: flips, faults: faults, wishes: wishes, mishaps: mishaps,
	}
}

// outliving is a world whose group lies in another namespace than the application.
func outliving(w world) world {
	w.outlives = true
	return w
}

// keeping is a world whose configuration does not allow to release single volumes.
func keeping(w world) world {
	w.keeps = true
	return w
}

// recalling is a world where somebody may bring the memory of a demotion back.
func recalling(w world) world {
	w.recalls = true
	return w
}

// onRBD is a world whose storage is like Ceph RBD.
func onRBD(w world) world {
	w.rbd = true
	return w
}

// onArray is a world whose storage keeps a session between both sides.
func onArray(w world) world {
	w.array = true
	return w
}

// facts are what the controller sees of the world.
func (w world) facts() plan.Facts {
	current := w.reached == w.told && w.replica == plan.ReplicaPresent // a deletion counts as a new generation, which is never answered
	v := plan.Volume{
		Selected: !w.unlabeled, Claim: w.claim, Sealed: w.sealed, Kept: kept(w.kept && w.pv && !w.lost && w.claim != plan.ClaimAbsent), Able: true,
		Use: plan.UseFree, Replica: w.replica, Told: w.told, Exact: w.told == w.role,
		Settled: current && (w.told == plan.Primary || w.level), Following: current && w.follow,
		Reached: w.reached, Released: w.demoted, Restored: w.restored,
		Session: w.array, Apart: w.apart && !w.asked && current && w.told == plan.Primary,
	}
	if w.busy {
		v.Use = plan.UseBusy
	}
	if w.noted != w.demoted {
		v.Kept = min(v.Kept, plan.KeptSome)
	}
	switch {
	case w.marks && w.loose:
		v.Marks = plan.MarksSome
	case w.marks:
		v.Marks = plan.MarksAll
	}
	if w.lost && w.claim == plan.ClaimBound {
		v.Claim = plan.ClaimLost
	}
	g := plan.Facts{
		Role: w.role, Ending: w.ending, Interrupted: w.interrupted, Pruned: w.pruned, Held: w.held, Released: w.released, SentAway: w.sentAway, Severed: w.severed(), FinalSync: w.finalSync, Discard: w.discard, Taken: w.taken, Unprotect: !w.keeps,
		Restore: w.restore(), Volumes: []plan.Volume{v}, Served: w.taken,
	}
	if w.claim == plan.ClaimAbsent && w.replica == plan.ReplicaAbsent {
		g.Volumes = nil
	}
	if w.stranded() {
		g.Remains = []plan.Remain{{Stranded: true, Succeeded: w.stored && !w.ours && !w.storeDown}}
	}
	if w.ending && w.pv && w.kept && !w.lost && w.claim == plan.ClaimAbsent {
		g.Remains = []plan.Remain{{}}
	}
	g.Archived = !w.storeDown && w.ours && (w.stored == w.holds(g) || w.finalSync && w.stored)
	return g
}

// severed says that a secondary is new here, and that what is stored was stored by the primary that was here before it; or that
// it noted so itself.
func (w world) severed() bool {
	if w.role != plan.Secondary || w.ending || w.discard {
		return false
	}
	return w.cut || !w.released && !w.sentAway && w.stored && w.ours &&
		(w.replica != plan.ReplicaPresent || w.claim == plan.ClaimAbsent || w.claim == plan.ClaimLeaving && w.loose)
}

// stranded says that a secondary has a retained volume that was never demoted here, and neither replica nor claim of it; or one that leaves,
// and is not held any more.
func (w world) stranded() bool {
	held := w.claim != plan.ClaimAbsent && (w.claim != plan.ClaimLeaving || w.marks)
	return w.role == plan.Secondary && !w.ending && w.pv && w.kept && !w.lost && !w.noted && !held && w.replica == plan.ReplicaAbsent && w.stored
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

// holds says whether the stores hold the metadata of the volume once they hold what the plan asks for: what has no
// PersistentVolume can't be stored, and stays as it was stored if the claim has lost it.
func (w world) holds(g plan.Facts) bool {
	stored := plan.Stored(g)
	switch {
	case len(stored) == 0 || !stored[0] || w.claim == plan.ClaimAbsent:
		return false
	case w.claim == plan.ClaimPending:
		return w.pv
	case w.claim == plan.ClaimBound && w.lost:
		return w.stored
	}
	return true
}

func (w *world) fail(format string, args ...any) {
	if w.bad == "" {
		w.bad = fmt.Sprintf(format, args...)
	}
}

// step carries out one step; false: it failed, and stops what comes after it.
func (w *world) step(s plan.Write) bool {
	switch s.Kind {
	case plan.AddFinalizer:
		w.held = true
	case plan.RestoreClaims:
		if w.stored && w.claim == plan.ClaimAbsent {
			if !w.pv {
				w.pv, w.kept, w.noted = true, true, false
			}
			w.claim, w.dropped, w.restored, w.unlabeled = plan.ClaimPending, false, true, false // with the labels that it was deployed with
		}
	case plan.MarkRestored:
		w.remembered, w.current, w.sentAway, w.released, w.cut = true, true, false, false, false
	case plan.SendAway:
		w.current, w.sentAway, w.released, w.cut = false, true, false, false
	case plan.ClearRestored:
		w.remembered, w.current, w.sentAway, w.released, w.cut = false, false, false, w.role == plan.Secondary, false
		w.held = true
	case plan.Sever:
		w.remembered, w.current, w.sentAway, w.released, w.cut = false, false, false, false, true
		w.held = true
	case plan.Upload:
		if w.storeDown {
			return true // reported, and tried again
		}
		holds := w.holds(w.facts())
		if w.stored && !holds && !w.dropped {
			w.fail("(d) the metadata of a volume that is still wanted leaves the stores")
		}
		if w.stored && !holds && w.claim == plan.ClaimLeaving && w.busy {
			w.fail("(d) the metadata of a volume that is written leaves the stores")
		}
		w.stored, w.ours = holds, true
	case plan.Add:
		if !w.storeDown {
			w.stored, w.ours = w.stored || w.holds(w.facts()), true
		}
	case plan.DeleteStored:
		if w.role != plan.Primary || !w.ending || w.interrupted {
			w.fail("(f) the stores are emptied by somebody else than a primary that ends")
		}
		if w.storeDown {
			return false
		}
		w.stored = false
	case plan.RemoveFinalizer:
		if w.interrupted {
			if w.claim != plan.ClaimAbsent && w.marks && !w.loose {
				w.fail("(g) the group goes, and a claim hangs")
			}
			if w.claim != plan.ClaimAbsent && w.marks && w.pv && !w.kept {
				w.fail("(e) the group goes, and its volume is not retained")
			}
			w.gone = true
			return true
		}
		outlived := w.array && w.role == plan.Secondary && w.replica == plan.ReplicaLeaving // its storage holds it until the peer's is let go
		if w.claim != plan.ClaimAbsent && w.marks || w.replica != plan.ReplicaAbsent && !outlived {
			w.fail("(g) the group is released before its volume")
		}
		if w.role == plan.Primary && w.stored {
			w.fail("(g) the group is released before its stores are empty")
		}
		if w.claim == plan.ClaimBound && w.kept && !w.lost {
			w.fail("(e) the group is released and the policy of a bound volume is not restored")
		}
		if w.pv && w.kept && !w.lost {
			w.fail("(g) the group is released, and its volume carries marks of ours")
		}
		w.gone = true
	case plan.Abandon:
		if w.ending {
			w.kept, w.forsaken = false, true
			return true
		}
		if !w.discard || !w.peerPrimary || !w.taken {
			w.fail("(I9) what may be the only copy is let go")
		}
		w.pv, w.kept = false, false
	default:
		return w.volumeStep(s.Kind)
	}
	return true
}

func (w *world) volumeStep(k plan.Kind) bool {
	if !w.held {
		w.fail("(g) a volume is touched and our finalizer is not on the group")
	}
	w.copied = false // the controller is there
	switch k {
	case plan.Retain:
		w.kept, w.noted = w.kept || w.pv, w.demoted
	case plan.Mark:
		if w.claim == plan.ClaimLeaving && !w.marks {
			return false // Kubernetes refuses new finalizers then
		}
		w.marks, w.loose, w.demoted, w.given = true, false, false, false
	case plan.Seal:
		if w.claim == plan.ClaimLeaving && w.loose {
			return false
		}
		w.marks, w.sealed, w.loose, w.demoted = true, true, false, false
	case plan.Release:
		if w.claim == plan.ClaimLeaving && w.loose {
			return false
		}
		w.demoted, w.loose = true, false
	case plan.RemoveClaimFinalizer:
		if w.claim == plan.ClaimLeaving && w.pv && !w.kept {
			w.fail("(e) a claim is let go, and its volume is not retained")
		}
		w.loose = w.marks
	case plan.Promote:
		w.promote()
	case plan.Demote:
		if w.busy {
			w.fail("(c) a volume in use is demoted")
		}
		if w.replica == plan.ReplicaAbsent && w.claim == plan.ClaimLeaving {
			w.fail("(I7) a replica is made that csi-addons can do nothing with: it puts a finalizer on the claim, and Kubernetes refuses it on one that is being deleted")
		}
		if w.pv && !w.kept {
			w.fail("(e) a volume that is not retained is demoted")
		}
		w.replica, w.told, w.level, w.follow = plan.ReplicaPresent, plan.Secondary, false, false
	case plan.DeleteReplica:
		if w.interrupted {
			w.fail("a replica goes, and the hub did not ask for it")
		}
		if w.role == plan.Secondary && !w.ending && (w.actual != plan.Secondary || !w.peerPrimary) {
			w.fail("(k) a replica is dropped before the peer has taken over")
		}
		if w.role == plan.Secondary && !w.ending && w.reached == plan.Secondary && !w.level && !w.follow {
			w.fail("(I8) a replica is dropped while the storage does not see the peer: if that is lost, nothing can be promoted by it")
		}
		if w.pv && !w.kept && w.claim != plan.ClaimAbsent {
			w.fail("(e) a replica is dropped and the volume is not retained")
		}
		if w.keeps && w.role == plan.Primary && !w.ending && w.claim == plan.ClaimBound {
			w.fail("a volume is released, and the configuration forbids it")
		}
		w.replica = plan.ReplicaLeaving
	case plan.Rejoin:
		w.rejoin()
	case plan.RestoreReclaimPolicy:
		if w.interrupted {
			w.fail("the policy of a volume comes back, and the hub did not ask for it")
		}
		if w.replica != plan.ReplicaAbsent && !(w.array && w.role == plan.Secondary && w.ending && w.replica == plan.ReplicaLeaving) {
			w.fail("(e) the policy is restored while there is a replica")
		}
		w.kept = false
	case plan.LeaveRetained:
		w.kept, w.forsaken = false, w.pv
	case plan.Unmark:
		if w.replica != plan.ReplicaAbsent && !(w.array && w.role == plan.Secondary && w.ending && w.replica == plan.ReplicaLeaving) {
			w.fail("(g) the marks are removed while there is a replica")
		}
		w.given = w.given || w.discard && !w.shipped
		w.dropped = w.dropped || w.unlabeled // it is nobody's any more
		w.marks, w.sealed, w.loose, w.demoted = false, false, false, false
	case plan.AddFinalizer, plan.RestoreClaims, plan.MarkRestored, plan.SendAway, plan.ClearRestored, plan.Sever, plan.Upload, plan.Add, plan.DeleteStored, plan.RemoveFinalizer:
	}
	return true
}

// leave lets a deleted claim go, if nothing holds it, and reclaims its volume.
func (w *world) leave() {
	held := (w.rbd || w.array) && w.replica != plan.ReplicaAbsent // csi-addons has a finalizer of its own on the claim
	if w.claim != plan.ClaimLeaving || w.marks && !w.loose || w.busy || held {
		return
	}
	w.claim, w.marks, w.sealed, w.loose = plan.ClaimAbsent, false, false, false
	w.given = w.given || w.dropped
	if w.pv && !w.kept && !w.forsaken {
		w.pv = false
		if w.vouched && !w.dropped && !(w.ending && !w.interrupted) && !w.discard {
			w.fail("the data of a volume that was reported as protected is destroyed without a wish")
		}
		if w.peerHas && !w.dropped && !w.ending {
			w.fail("(e) the data of a volume that was replicated is destroyed")
		}
		if w.ending && w.role == plan.Secondary && w.peerHas && !w.dropped {
			w.fail("(e) the end of a secondary destroys its copy")
		}
	}
}

// kept is the fact for a volume whose PV remembers all that it should, if it is retained.
func kept(is bool) plan.Kept {
	if is {
		return plan.KeptAll
	}
	return plan.KeptNone
}

func (w world) violated() string { return w.bad }
