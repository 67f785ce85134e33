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

func (w copyWorld) facts() plan.Group {
	v := plan.Volume{
		Selected: true, Claim: w.claim, Sealed: w.sealed, Kept: w.kept, Able: true, Copied: true, Use: plan.UseFree,
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
	g := plan.Group{
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

func (w *copyWorld) step(s plan.Step) bool {
	if s.Kind >= plan.Retain && !w.held {
		w.fail("(g) something is touched and our finalizer is not on the group")
	}
	switch s.Kind {
	case plan.Hold:
		w.held = true
	case plan.Rebuild:
		w.rebuild()
	case plan.Remember:
		w.remembered, w.current, w.sentAway, w.released = true, true, false, false
		if w.claim == plan.ClaimBound && w.data < w.best && !w.given {
			w.fail("the restore is called done, and newer data was there")
		}
		if w.claim == plan.ClaimAbsent && w.best != none && !w.given {
			w.fail("the restore is called done, and there is no claim")
		}
	case plan.SendAway:
		w.current, w.sentAway, w.released = false, true, false
	case plan.Forget:
		w.remembered, w.current, w.sentAway, w.released = false, false, false, w.role == plan.Secondary
		w.held = true
	case plan.Unhold:
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
	case plan.Loosen:
		w.loose = w.marks
	case plan.Promote:
		w.send()
	case plan.Demote:
		if w.busy {
			w.fail("(c) the last synchronization is asked for while the volume is in use")
		}
		w.drained = true
	case plan.Drop:
		if w.interrupted {
			w.fail("a source goes, and the hub did not ask for it")
		}
		if w.role == plan.Secondary && !w.ending && !w.discard && w.peer < w.data {
			w.fail("a source is dropped before it has sent everything")
		}
		w.source, w.drained = false, false
	case plan.GiveUp:
		w.kept = false
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
	case plan.Upload, plan.Add, plan.Empty:
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

func (w copyWorld) next(decide func(plan.Group) plan.Plan) []edge[copyWorld] {
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
	if secondary := len(p.Verdicts) == 1 && p.Verdicts[0].Phase == plan.AtSecondary; secondary && w.marks && !w.ending && !w.discard && w.peer < w.data {
		try("report", false, false, func(n *copyWorld) { n.fail("(l) a volume that was not sent is called secondary") })
	}
	for k := 1; k <= len(p.Steps); k++ {
		try(fmt.Sprint("controller ", p.Steps[:k]), k == len(p.Steps), true, func(n *copyWorld) {
			for _, s := range p.Steps[:k] {
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
	case len(p.Verdicts) == 1 && p.Verdicts[0].Why == plan.WhyClaimLost && len(p.Steps) == 0:
		return true // a person decides
	case w.role == plan.Primary && w.destination && w.image == none && !(w.remembered && w.current):
		return true // nothing was received: it is told, and a person decides
	case w.role == plan.Primary && w.restore() == plan.RestoreConflict:
		return true // a person decides
	case len(p.Steps) > 0:
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
	lie := func(change func(*plan.Group)) func(plan.Group) plan.Plan {
		return func(g plan.Group) plan.Plan {
			g.Volumes, g.Copies, g.Remains = slices.Clone(g.Volumes), slices.Clone(g.Copies), slices.Clone(g.Remains)
			change(&g)
			return plan.Decide(g)
		}
	}
	each := func(change func(*plan.Volume)) func(plan.Group) plan.Plan {
		return lie(func(g *plan.Group) {
			for i := range g.Volumes {
				change(&g.Volumes[i])
			}
		})
	}
	lose := func(kinds ...plan.Kind) func(plan.Group) plan.Plan {
		return func(g plan.Group) plan.Plan {
			p := plan.Decide(g)
			p.Steps = slices.DeleteFunc(p.Steps, func(s plan.Step) bool { return slices.Contains(kinds, s.Kind) })
			return p
		}
	}
	copies := func(change func(*plan.Copy)) func(plan.Group) plan.Plan {
		return lie(func(g *plan.Group) {
			for i := range g.Copies {
				change(&g.Copies[i])
			}
		})
	}
	for name, mutant := range map[string]func(plan.Group) plan.Plan{
		"no destination is noticed by a source": each(func(v *plan.Volume) { v.Receiving = false }),
		"no source is noticed by a destination": copies(func(c *plan.Copy) { c.Sending = false }),
		"every destination looks exact":         copies(func(c *plan.Copy) { c.Exact = true }),
		"every volume looks free":               each(func(v *plan.Volume) { v.Use = plan.UseFree }),
		"every source looks settled":            each(func(v *plan.Volume) { v.Settled = true }),
		"a claim that leaves is not sent":       each(func(v *plan.Volume) { v.Copied = false }),
		"every remain looks outdated": lie(func(g *plan.Group) {
			for i := range g.Remains {
				g.Remains[i].Outdated = true
			}
		}),
		"no remain is ever outdated": lie(func(g *plan.Group) {
			for i := range g.Remains {
				g.Remains[i].Outdated = g.Ending
			}
		}),
		"the restore looks done":                                           lie(func(g *plan.Group) { g.Restore = plan.RestoreDone }),
		"the restore looks complete":                                       lie(func(g *plan.Group) { g.Restore = plan.RestoreComplete }),
		"an interruption looks wished":                                     lie(func(g *plan.Group) { g.Interrupted = false }),
		"an interruption leaves the claims held":                           lose(plan.Loosen),
		"every final sync looks like one of a group that knows its claims": lie(func(g *plan.Group) { g.SentAway = g.SentAway || g.FinalSync }),
		"no deletion of a namespace is noticed":                            lie(func(g *plan.Group) { g.Pruned = false }),
		"nothing is rebuilt":                                               lose(plan.Rebuild),
		"no destination is removed":                                        lose(plan.Dismiss),
		"no remain is let go":                                              lose(plan.Abandon),
		"nothing is retained":                                              lose(plan.Retain),
		"steps are taken in the reverse":                                   func(g plan.Group) plan.Plan { p := plan.Decide(g); slices.Reverse(p.Steps); return p },
	} {
		t.Run(name, func(t *testing.T) {
			_, violation := explore(startCopies(4, 3, 1), mutant)
			require.NotEmpty(t, violation, "the guard is not needed, or an invariant is missing")
			t.Log(violation[0])
		})
	}
}
