// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// age tells how new data is: nothing, of an earlier term, or the newest there is.
type age uint8

const (
	none age = iota
	older
	newest
)

// copyWorld is the truth about one volume that a technique copies: as a source, as a destination, and what an earlier
// term left behind.
type copyWorld struct {
	role                plan.Role
	ending, held, gone  bool
	remembered, current bool
	sentAway, released  bool
	interrupted, pruned bool // somebody else than the hub deletes the group; with its namespace
	finished            bool // the hub saw that the final synchronization is complete: it sends nobody else away
	mishaps             uint8
	loose               bool // the marks are without our finalizer
	finalSync           bool
	claim               plan.Claim
	marks, sealed, kept bool
	data                age // in the claim's volume
	remain              age // in a retained volume of an earlier term
	left                age // in a retained volume that is no longer ours
	source, drained     bool
	demoted             bool // the claim remembers that all was sent
	wanted              bool
	destination, paused bool
	image               age // complete, of what came in
	busy                bool
	peer                age // what the peer has
	discard             bool
	best                age  // what there was to restore when the side was promoted
	dropped             bool // the user deletes the claim for good
	given               bool // and with it gave the data up
	flips, wishes       uint8
	bad                 string
}

func startCopies(flips, wishes, mishaps uint8) copyWorld {
	return copyWorld{role: plan.Primary, claim: plan.ClaimBound, data: newest, best: newest, flips: flips, wishes: wishes, mishaps: mishaps}
}

func (w copyWorld) violated() string { return w.bad }

func (w *copyWorld) fail(format string, args ...any) {
	if w.bad == "" {
		w.bad = fmt.Sprintf(format, args...)
	}
}

func (w copyWorld) facts() plan.Facts {
	v := plan.Volume{
		Selected: true, Claim: w.claim, Sealed: w.sealed, Kept: kept(w.kept), Able: true, Copied: true, Use: plan.UseFree,
		Replica: plan.ReplicaAbsent, Receiving: w.destination, Released: w.demoted,
	}
	if w.busy {
		v.Use = plan.UseBusy
	}
	switch {
	case w.marks && w.loose:
		v.Marks = plan.MarksSome
	case w.marks:
		v.Marks = plan.MarksAll
	}
	if w.source {
		v.Replica, v.Told = plan.ReplicaPresent, plan.Primary
		v.Exact, v.Settled = true, w.peer >= w.data
		if w.role == plan.Secondary || w.finalSync && !w.busy {
			v.Exact = w.drained || w.discard && w.role == plan.Secondary
			v.Settled = v.Exact && w.peer >= w.data || w.discard
		}
		if w.drained {
			v.Told = plan.Secondary
		}
	}
	g := plan.Facts{
		Role: w.role, Ending: w.ending, Held: w.held, Released: w.released, SentAway: w.sentAway, Interrupted: w.interrupted, Pruned: w.pruned, FinalSync: w.finalSync, Discard: w.discard,
		Unprotect: true, Archived: true, Restore: w.restore(),
	}
	if w.claim != plan.ClaimAbsent || w.source {
		g.Volumes = []plan.Volume{v}
	}
	if w.wanted || w.destination {
		g.Copies = []plan.Copy{{
			Wanted: w.wanted, There: w.destination, Able: true, Exact: w.destination && !w.paused, Sending: w.source, Stale: w.destination && w.paused,
		}}
	}
	if w.remain != none {
		g.Remains = []plan.Remain{{Outdated: w.outdated()}}
	}
	return g
}

func (w copyWorld) outdated() bool {
	return w.role == plan.Secondary && w.image != none && !w.paused || w.role == plan.Primary && w.claim == plan.ClaimBound
}

// filled says that the claim is the one that the restore makes.
func (w copyWorld) filled() bool { return w.claim == plan.ClaimBound && !w.marks && w.data == w.image }

func (w copyWorld) restore() plan.Restore {
	switch {
	case w.remembered && w.current:
		return plan.RestoreDone
	case w.destination && w.paused && w.claim == plan.ClaimBound && !w.filled() && !w.kept:
		return plan.RestoreConflict // a stranger's
	case w.destination && !(w.paused && w.filled()):
		return plan.RestoreMissing
	case !w.destination && w.remain != none && w.claim == plan.ClaimAbsent:
		return plan.RestoreMissing
	default:
		return plan.RestoreComplete
	}
}

// alive is the newest data anywhere.
func (w copyWorld) alive() age {
	if w.given {
		return none
	}
	return max(w.data, w.remain, w.left, w.image, w.peer)
}

func (w *copyWorld) step(s plan.Write) bool {
	if s.Kind >= plan.Retain && !w.held {
		w.fail("(g) something is touched and our finalizer is not on the group")
	}
	switch s.Kind {
	case plan.AddFinalizer:
		w.held = true
	case plan.RestoreClaims:
		w.rebuild()
	case plan.MarkRestored:
		w.remembered, w.current, w.sentAway, w.released = true, true, false, false
		if w.claim == plan.ClaimBound && w.data < w.best && !w.given {
			w.fail("the restore is called done, and newer data was there")
		}
		if w.claim == plan.ClaimAbsent && w.best != none && !w.given {
			w.fail("the restore is called done, and there is no claim")
		}
	case plan.SendAway:
		w.current, w.sentAway, w.released = false, true, false
	case plan.ClearRestored:
		w.remembered, w.current, w.sentAway, w.released = false, false, false, w.role == plan.Secondary
		w.held = true
	case plan.RemoveFinalizer:
		if w.interrupted {
			if w.claim != plan.ClaimAbsent && w.marks && (!w.loose || !w.kept) {
				w.fail("(g) the group goes, and a claim hangs or is not retained")
			}
			w.gone = true
			return true
		}
		if w.claim != plan.ClaimAbsent && w.marks || w.source || w.destination || w.remain != none {
			w.fail("(g) the group is released before all of it is gone")
		}
		w.gone = true
	case plan.Retain:
		w.kept = w.kept || w.claim != plan.ClaimAbsent
	case plan.Mark:
		if w.claim == plan.ClaimLeaving {
			return false
		}
		w.marks, w.loose, w.demoted = true, false, false
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
		w.loose = w.marks
	case plan.Promote:
		w.send()
	case plan.Demote:
		if w.busy {
			w.fail("(c) the last synchronization is asked for while the volume is in use")
		}
		w.drained = true
	case plan.DeleteReplica:
		if w.interrupted {
			w.fail("a source goes, and the hub did not ask for it")
		}
		if w.role == plan.Secondary && !w.ending && !w.discard && w.peer < w.data {
			w.fail("a source is dropped before it has sent everything")
		}
		w.source, w.drained = false, false
	case plan.RestoreReclaimPolicy:
		w.kept = false
	case plan.LeaveRetained:
		w.kept, w.left = false, max(w.left, w.data)
	case plan.Unmark:
		w.marks, w.sealed, w.loose, w.demoted = false, false, false, false
	case plan.Receive:
		if w.source {
			w.fail("(b) a destination is made while there is a source")
		}
		w.destination, w.paused = true, false
	case plan.Dismiss:
		if w.interrupted {
			w.fail("a destination goes, and the hub did not ask for it")
		}
		w.destination, w.paused, w.image = false, false, none
	case plan.Leave:
		w.left = max(w.left, w.image)
		w.destination, w.paused, w.image = false, false, none
	case plan.Abandon:
		if !w.outdated() && !w.ending {
			w.fail("(e) a volume of an earlier term is let go that may have to be restored")
		}
		if !w.outdated() {
			w.left = max(w.left, w.remain)
		}
		w.remain = none
	case plan.Upload, plan.Add, plan.DeleteStored:
	}
	return true
}

func (w *copyWorld) send() {
	if w.destination {
		w.fail("(b) a source is made while there is a destination")
	}
	if !w.kept || !w.marks {
		w.fail("(e) a volume is sent before it is retained and marked")
	}
	if !(w.remembered && w.current) && !(w.finalSync && w.sentAway) {
		w.fail("(a) a volume is sent before the restore is done")
	}
	if w.finalSync && w.busy && w.drained {
		w.fail("(c) the last synchronization is asked for while the volume is in use")
	}
	w.source, w.drained = true, w.finalSync && !w.busy
}

// rebuild takes one step of the restore.
func (w *copyWorld) rebuild() {
	switch {
	case w.destination && !w.paused:
		w.paused = w.image != none
	case w.destination && w.claim == plan.ClaimAbsent && w.image != none:
		w.claim, w.data, w.kept = plan.ClaimBound, w.image, false
	case w.destination && w.claim == plan.ClaimBound && w.image != none && !w.filled() && w.kept && !w.busy:
		w.claim = plan.ClaimLeaving
	case !w.destination && w.claim == plan.ClaimAbsent && w.remain != none:
		w.claim, w.data, w.kept, w.remain = plan.ClaimBound, w.remain, true, none
	}
}

// leave lets a deleted claim go; a retained volume remains.
func (w *copyWorld) leave() {
	if w.claim != plan.ClaimLeaving || w.marks && !w.loose || w.busy {
		return
	}
	if w.kept {
		w.remain = max(w.remain, w.data)
	}
	if w.dropped {
		w.best, w.given = none, true
	}
	w.claim, w.data, w.kept, w.dropped = plan.ClaimAbsent, none, false, false
	w.marks, w.sealed, w.loose = false, false, false
}

func copyBounds(short bool) []copyWorld {
	if short {
		return []copyWorld{startCopies(3, 2, 1)}
	}
	return []copyWorld{startCopies(5, 5, 0), startCopies(3, 3, 1)}
}

func TestEveryReachableStateOfACopiedVolumeIsSafeAndLive(t *testing.T) {
	requireSafeAndLive(t, copyBounds(testing.Short())...)
}

// TestEveryGuardOfACopiedVolumeIsNeeded removes one guard at a time.
func TestEveryGuardOfACopiedVolumeIsNeeded(t *testing.T) {
	testlayer.Slow(t, "TestEveryReachableStateOfACopiedVolumeIsSafeAndLive")
	lie := func(change func(*plan.Facts)) func(plan.Facts) plan.Plan {
		return func(g plan.Facts) plan.Plan {
			g.Volumes, g.Copies, g.Remains = slices.Clone(g.Volumes), slices.Clone(g.Copies), slices.Clone(g.Remains)
			change(&g)
			return plan.Decide(g)
		}
	}
	each := func(change func(*plan.Volume)) func(plan.Facts) plan.Plan {
		return lie(func(g *plan.Facts) {
			for i := range g.Volumes {
				change(&g.Volumes[i])
			}
		})
	}
	lose := func(kinds ...plan.Kind) func(plan.Facts) plan.Plan {
		return func(g plan.Facts) plan.Plan {
			p := plan.Decide(g)
			p.Writes = slices.DeleteFunc(p.Writes, func(s plan.Write) bool { return slices.Contains(kinds, s.Kind) })
			return p
		}
	}
	copies := func(change func(*plan.Copy)) func(plan.Facts) plan.Plan {
		return lie(func(g *plan.Facts) {
			for i := range g.Copies {
				change(&g.Copies[i])
			}
		})
	}
	for name, mutant := range map[string]func(plan.Facts) plan.Plan{
		"no destination is noticed by a source": each(func(v *plan.Volume) { v.Receiving = false }),
		"no source is noticed by a destination": copies(func(c *plan.Copy) { c.Sending = false }),
		"every destination looks exact":         copies(func(c *plan.Copy) { c.Exact = true }),
		"every volume looks free":               each(func(v *plan.Volume) { v.Use = plan.UseFree }),
		"every source looks settled":            each(func(v *plan.Volume) { v.Settled = true }),
		"a claim that leaves is not sent":       each(func(v *plan.Volume) { v.Copied = false }),
		"every remain looks outdated": lie(func(g *plan.Facts) {
			for i := range g.Remains {
				g.Remains[i].Outdated = true
			}
		}),
		"no remain is ever outdated": lie(func(g *plan.Facts) {
			for i := range g.Remains {
				g.Remains[i].Outdated = g.Ending
			}
		}),
		"the restore looks done":                                           lie(func(g *plan.Facts) { g.Restore = plan.RestoreDone }),
		"the restore looks complete":                                       lie(func(g *plan.Facts) { g.Restore = plan.RestoreComplete }),
		"an interruption looks wished":                                     lie(func(g *plan.Facts) { g.Interrupted = false }),
		"an interruption leaves the claims held":                           lose(plan.RemoveClaimFinalizer),
		"every final sync looks like one of a group that knows its claims": lie(func(g *plan.Facts) { g.SentAway = g.SentAway || g.FinalSync }),
		"no deletion of a namespace is noticed":                            lie(func(g *plan.Facts) { g.Pruned = false }),
		"nothing is rebuilt":                                               lose(plan.RestoreClaims),
		"no destination is removed":                                        lose(plan.Dismiss),
		"no remain is let go":                                              lose(plan.Abandon),
		"nothing is retained":                                              lose(plan.Retain),
		"steps are taken in the reverse":                                   func(g plan.Facts) plan.Plan { p := plan.Decide(g); slices.Reverse(p.Writes); return p },
	} {
		t.Run(name, func(t *testing.T) {
			_, violation := explore(startCopies(4, 3, 1), mutant)
			require.NotEmpty(t, violation, "the guard is not needed, or an invariant is missing")
			t.Log(violation[0])
		})
	}
}
