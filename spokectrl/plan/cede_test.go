// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// cedeClaim is one of two claims that name the same volume.
type cedeClaim struct {
	claim         plan.Claim
	selected      bool
	marks, sealed bool
	demoted       bool // it remembers that the demotion was completed
	replica       plan.Replica
	told, reached plan.Role
	stored        bool
}

// cedeWorld is the truth about one volume, its storage, which is like Ceph RBD, and two claims that it may belong to. Somebody hands it
// from one to the other and back.
type cedeWorld struct {
	role                 plan.Role
	ending, held, gone   bool
	remembered, released bool
	claims               [2]cedeClaim
	holder               int
	kept                 bool
	actual               plan.Role // of the image; none: it is not replicated
	level                bool
	peerHas              bool
	vouched              bool // the volume was reported as protected
	dropped              bool // the user deleted the claim that stands for the volume
	flips, moves, wishes uint8
	bad                  string
}

func startCede(flips, moves, wishes uint8) cedeWorld {
	w := cedeWorld{role: plan.Primary, flips: flips, moves: moves, wishes: wishes}
	w.claims[0] = cedeClaim{claim: plan.ClaimBound, selected: true, replica: plan.ReplicaAbsent}
	w.claims[1].replica = plan.ReplicaAbsent
	return w
}

func (w cedeWorld) violated() string { return w.bad }

func (w *cedeWorld) fail(format string, args ...any) {
	if w.bad == "" {
		w.bad = fmt.Sprintf(format, args...)
	}
}

// known are the claims that the controller finds: those that are selected, or carry something of it.
func (w cedeWorld) known() []int {
	var out []int
	for i, c := range w.claims {
		if c.claim != plan.ClaimAbsent && (c.selected || c.marks) || c.replica != plan.ReplicaAbsent {
			out = append(out, i)
		}
	}
	return out
}

// has reports whether a claim has the volume, whatever else it is.
func (w cedeWorld) has(i int) bool { return w.holder == i && w.claims[i].claim != plan.ClaimAbsent }

func (w cedeWorld) facts() plan.Facts {
	known := w.known()
	g := plan.Facts{
		Role: w.role, Ending: w.ending, Held: w.held, Released: w.released, Unprotect: true, Restore: w.restore(),
	}
	for _, i := range known {
		c := w.claims[i]
		current := c.reached == c.told && c.replica == plan.ReplicaPresent
		v := plan.Volume{
			Selected: c.selected && c.claim != plan.ClaimAbsent, Claim: c.claim, Sealed: c.sealed, Released: c.demoted, Kept: kept(w.kept && w.has(i)), Able: true, Use: plan.UseFree,
			Replica: c.replica, Told: c.told, Exact: c.told == w.role, Settled: current && (c.told == plan.Primary || w.level), Reached: c.reached, Holder: plan.NoVolume,
		}
		if c.marks {
			v.Marks = plan.MarksAll
		}
		if other := 1 - i; !w.has(i) && c.claim != plan.ClaimAbsent {
			v.Ceded, v.Holder = w.has(other), slices.Index(known, other)
			if c.claim == plan.ClaimBound {
				v.Claim = plan.ClaimLost
			}
		}
		g.Volumes = append(g.Volumes, v)
	}
	plan.Cede(g.Volumes)
	g.Archived = w.claims[0].stored == w.included(g, 0) && w.claims[1].stored == w.included(g, 1)
	return g
}

func (w cedeWorld) restore() plan.Restore {
	if w.remembered {
		return plan.RestoreDone
	}
	for i, c := range w.claims {
		if c.stored && !w.has(i) {
			return plan.RestoreConflict // the volume belongs to another claim, or to none
		}
	}
	return plan.RestoreComplete
}

// included says whether the metadata of a claim and its volume belongs into the stores.
func (w cedeWorld) included(g plan.Facts, i int) bool {
	at := slices.Index(w.known(), i)
	if at < 0 || !g.Volumes[at].Selected {
		return false
	}
	switch phase := plan.Decide(g).Verdicts[at].State; {
	case phase == plan.Releasing, phase == plan.Gone:
		return false
	case !w.has(i):
		return w.claims[i].stored // it stays as it is
	default:
		return w.claims[i].marks || phase == plan.Protecting || phase == plan.AtPrimary
	}
}

// steps carries out steps of a plan for the world as it is.
func (w *cedeWorld) steps(steps []plan.Write) {
	known := w.known()
	for _, s := range steps {
		if s.Volume == plan.GroupWrite {
			w.step(s)
		} else {
			w.volumeStep(known[s.Volume], s.Kind)
		}
	}
}

// step carries out one step of the group.
func (w *cedeWorld) step(s plan.Write) {
	switch s.Kind {
	case plan.AddFinalizer:
		w.held = true
	case plan.MarkRestored:
		w.remembered, w.released = true, false
	case plan.ClearRestored:
		w.remembered, w.released, w.held = false, w.role == plan.Secondary, true
	case plan.Upload:
		g := w.facts()
		next := [2]bool{w.included(g, 0), w.included(g, 1)}
		if (w.claims[0].stored || w.claims[1].stored) && !next[0] && !next[1] && !w.dropped {
			w.fail("(j) a volume leaves the stores, and nobody deleted its claim")
		}
		w.claims[0].stored, w.claims[1].stored = next[0], next[1]
	case plan.DeleteStored:
		w.claims[0].stored, w.claims[1].stored = false, false
	case plan.RemoveFinalizer:
		w.gone = true
	}
}

func (w *cedeWorld) volumeStep(i int, k plan.Kind) {
	c, other := &w.claims[i], w.claims[1-i]
	switch k {
	case plan.Retain:
		w.kept = w.kept || w.has(i)
	case plan.Mark:
		c.marks, c.demoted = c.marks || c.claim != plan.ClaimLeaving, false
	case plan.Seal:
		c.sealed = true
	case plan.Release:
		c.demoted = true
	case plan.Promote:
		if c.replica == plan.ReplicaAbsent && other.replica != plan.ReplicaAbsent {
			w.fail("a volume gets a second replica: the end of one ends the other's replication")
		}
		c.replica, c.told = plan.ReplicaPresent, plan.Primary
	case plan.Demote:
		if c.replica == plan.ReplicaAbsent && other.replica != plan.ReplicaAbsent {
			w.fail("a volume gets a second replica: the end of one ends the other's replication")
		}
		c.replica, c.told, w.level = plan.ReplicaPresent, plan.Secondary, false
	case plan.DeleteReplica:
		successor := w.has(1-i) && other.selected
		if w.peerHas && !w.ending && !w.dropped && !successor {
			w.fail("the peer's copy is given up, and nobody asked for it")
		}
		c.replica = plan.ReplicaLeaving
	case plan.RestoreReclaimPolicy:
		if other.replica != plan.ReplicaAbsent {
			w.fail("(e) the policy is restored while there is a replica")
		}
		w.kept = false
	case plan.LeaveRetained:
		w.kept = false
	case plan.Unmark:
		c.marks, c.sealed, c.demoted = false, false, false
	}
}

func (w cedeWorld) next(decide func(plan.Facts) plan.Plan) []edge[cedeWorld] {
	var out []edge[cedeWorld]
	add := func(name string, fair bool, f func(*cedeWorld)) {
		n := w
		f(&n)
		if n != w {
			out = append(out, edge[cedeWorld]{n, name, fair})
		}
	}
	if w.gone {
		return nil
	}
	p := decide(w.facts())
	for at, i := range w.known() {
		if w.role == plan.Primary && w.has(i) && !w.ending && p.Verdicts[at].State == plan.AtPrimary {
			add("report", true, func(n *cedeWorld) { n.vouched = true })
			if w.actual != plan.Primary {
				add("report", false, func(n *cedeWorld) { n.fail("(v) a volume is called protected, and is not replicated") })
			}
		}
	}
	for k := 1; k <= len(p.Writes); k++ {
		add(fmt.Sprint("controller ", p.Writes[:k]), k == len(p.Writes), func(n *cedeWorld) { n.steps(p.Writes[:k]) })
	}
	for i := range w.claims {
		w.storage(i, add)
		w.user(i, add)
	}
	w.hub(add)
	return out
}

// storage is what the storage, csi-addons and Kubernetes do with one claim and its replica.
func (w cedeWorld) storage(i int, add func(string, bool, func(*cedeWorld))) {
	c := w.claims[i]
	present := c.replica == plan.ReplicaPresent
	if present && c.reached != c.told && !(c.told == plan.Secondary && w.actual == plan.NoRole) {
		add("storage takes the role", true, func(n *cedeWorld) {
			n.actual, n.claims[i].reached, n.level = c.told, c.told, false
			n.peerHas = n.peerHas || c.told == plan.Primary
		})
	}
	if present && c.reached == plan.Secondary && c.told == plan.Secondary {
		add("storage is in sync", true, func(n *cedeWorld) { n.level = true })
	}
	if c.replica == plan.ReplicaLeaving {
		add("storage lets the replica go", true, func(n *cedeWorld) {
			if n.actual == plan.Primary {
				n.actual, n.peerHas = plan.NoRole, false
			}
			n.claims[i].replica, n.claims[i].told, n.claims[i].reached = plan.ReplicaAbsent, plan.NoRole, plan.NoRole
		})
	}
	if c.claim == plan.ClaimLeaving && !c.marks && c.replica == plan.ReplicaAbsent {
		add("Kubernetes lets the claim go", true, func(n *cedeWorld) {
			n.claims[i].claim, n.claims[i].selected, n.claims[i].sealed, n.claims[i].demoted = plan.ClaimAbsent, false, false, false
		})
	}
}

// user is what people and their tools do with one claim.
func (w cedeWorld) user(i int, add func(string, bool, func(*cedeWorld))) {
	c, other := w.claims[i], w.claims[1-i]
	if w.moves > 0 && w.has(i) && c.claim == plan.ClaimBound && (other.claim == plan.ClaimAbsent || other.claim == plan.ClaimBound) {
		for _, selected := range []bool{true, false} {
			add(fmt.Sprint("somebody hands the volume over, selected: ", selected), false, func(n *cedeWorld) {
				n.moves--
				n.holder = 1 - i
				n.dropped = n.dropped || !selected && !c.stored // nobody had seen that it had the volume
				if other.claim == plan.ClaimAbsent {
					n.claims[1-i] = cedeClaim{claim: plan.ClaimBound, selected: selected, replica: plan.ReplicaAbsent, stored: other.stored}
				}
			})
		}
	}
	if w.wishes == 0 || c.claim != plan.ClaimBound {
		return
	}
	add("the user deletes the claim", false, func(n *cedeWorld) {
		n.wishes--
		n.claims[i].claim = plan.ClaimLeaving
		n.dropped = n.dropped || n.has(i) || !other.selected
	})
	if !c.selected && w.has(i) {
		add("the user labels the claim", false, func(n *cedeWorld) { n.wishes--; n.claims[i].selected = true })
	}
}

func (w cedeWorld) hub(add func(string, bool, func(*cedeWorld))) {
	if w.ending {
		return
	}
	if w.wishes > 0 {
		add("the user ends protection", false, func(n *cedeWorld) { n.wishes--; n.ending = true })
	}
	if w.flips == 0 {
		return
	}
	if w.role == plan.Primary && w.remembered {
		add("hub: secondary", false, func(n *cedeWorld) { n.flips--; n.role = plan.Secondary })
	}
	if w.role == plan.Secondary {
		add("hub: primary", false, func(n *cedeWorld) { n.flips--; n.role = plan.Primary })
	}
}

func (w cedeWorld) settled() bool {
	if w.gone || w.ending && !w.held {
		return true
	}
	p := plan.Decide(w.facts())
	after := w
	if after.steps(p.Writes); after != w || w.ending {
		return false // a claim without its volume is retained again and again, which writes nothing
	}
	if w.role == plan.Primary && w.restore() == plan.RestoreConflict {
		return true // a person decides
	}
	for at, i := range w.known() {
		switch v := p.Verdicts[at]; {
		case v.Why == plan.WhyVolumeLost, v.Why == plan.WhyUnprotected, v.Why == plan.WhyUnsent:
			return true // a person decides
		case w.claims[i].told == plan.Secondary && w.actual == plan.NoRole:
			return true // it is not replicated any more, and storage demotes nothing that is not: the hub can make it primary again
		case w.has(i) && w.role == plan.Primary && (v.State != plan.AtPrimary || w.actual != plan.Primary || !w.claims[i].stored):
			return false
		case w.has(i) && w.role == plan.Secondary && v.State != plan.AtSecondary && v.State != plan.Gone:
			return false
		case !w.has(i) && w.role == plan.Primary && v.State != plan.Gone:
			return false
		}
	}
	return true
}

// TestTwoClaimsThatNameOneVolume : whatever the order of what happens, what is stored of a volume that is wanted stays somewhere,
// its copy on the peer is not given up, and no volume is called protected that is not replicated.
func TestTwoClaimsThatNameOneVolume(t *testing.T) {
	requireSafeAndLive(t, startCede(2, 2, 2))
}

// TestEveryGuardOfTwoClaimsIsNeeded takes one away at a time.
func TestEveryGuardOfTwoClaimsIsNeeded(t *testing.T) {
	for name, change := range map[string]func(*plan.Volume){
		"no replica is another claim's": func(v *plan.Volume) { v.Contested = false },
		"a volume that went to a claim that is not selected looks given up": func(v *plan.Volume) {
			if v.Claim == plan.ClaimLost {
				v.Selected, v.Ceded = false, true
			}
		},
		"a claim that gave its volume away looks like one that has it": func(v *plan.Volume) { v.Ceded = false },
		"it looks selected": func(v *plan.Volume) { v.Selected = v.Selected || v.Ceded },
	} {
		t.Run(name, func(t *testing.T) {
			_, violation := explore(startCede(2, 2, 2), func(g plan.Facts) plan.Plan {
				g.Volumes = slices.Clone(g.Volumes)
				for i := range g.Volumes {
					change(&g.Volumes[i])
				}
				return plan.Decide(g)
			})
			require.NotEmpty(t, violation, "the guard is not needed, or an invariant is missing")
			t.Log(violation[0])
		})
	}
}
