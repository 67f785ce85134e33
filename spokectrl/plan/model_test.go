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

// state is one state of a world.
type state[W any] interface {
	comparable
	// next is what anybody can do.
	next(decide func(plan.Facts) plan.Plan) []edge[W]
	// settled says that nothing is left to do.
	settled() bool
	facts() plan.Facts
	// violated says which promise is broken; empty: none.
	violated() string
}

type edge[W any] struct {
	to   W
	name string
	fair bool // false: wishes and faults, on which liveness must not rely
}

type origin struct {
	previous int
	name     string
}

// explore walks all states that can be reached and returns the shortest way to a violation: of safety, or to a state
// from which nothing but new wishes leads on. It is empty if there is none.
func explore[W state[W]](first W, decide func(plan.Facts) plan.Plan) (states int, violation []string) {
	ids := map[W]int{first: 0}
	list := []W{first}
	via := []origin{{-1, "start"}}
	back := [][]int{nil} // fair edges, reversed
	trace := func(i int, what string) []string {
		out := []string{what}
		for ; i >= 0; i = via[i].previous {
			out = append(out, via[i].name)
		}
		slices.Reverse(out[1:])
		return out
	}
	for i := 0; i < len(list); i++ {
		for _, e := range list[i].next(decide) {
			j, seen := ids[e.to]
			if !seen {
				j = len(list)
				ids[e.to] = j
				list, via, back = append(list, e.to), append(via, origin{i, e.name}), append(back, nil)
			}
			if e.fair {
				back[j] = append(back[j], i)
			}
			if bad := e.to.violated(); bad != "" {
				return len(list), trace(j, bad)
			}
		}
	}
	live := make([]bool, len(list))
	var queue []int
	for i, w := range list {
		if w.settled() {
			live[i] = true
			queue = append(queue, i)
		}
	}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for _, j := range back[i] {
			if !live[j] {
				live[j] = true
				queue = append(queue, j)
			}
		}
	}
	if i := slices.Index(live, false); i >= 0 {
		return len(list), trace(i, fmt.Sprintf("stuck: %+v, plan %+v", list[i], decide(list[i].facts())))
	}
	return len(list), nil
}

// bounds are worlds of many moves, and of fewer with a mishap.
func bounds(short bool) []world {
	if short {
		return []world{start(2, 1, 2, 1)}
	}
	return []world{start(3, 2, 4, 0), start(2, 1, 2, 1)}
}

func requireSafeAndLive[W state[W]](t *testing.T, worlds ...W) {
	t.Helper()
	for _, w := range worlds {
		n, violation := explore(w, plan.Decide)
		t.Logf("%d states", n)
		require.Empty(t, violation)
	}
}

func TestEveryReachableStateIsSafeAndLive(t *testing.T) {
	requireSafeAndLive(t, bounds(testing.Short())...)
}

// TestEveryReachableStateOnRBDIsSafeAndLive, with storage that is as Ceph RBD is.
func TestEveryReachableStateOnRBDIsSafeAndLive(t *testing.T) {
	if testing.Short() {
		requireSafeAndLive(t, onRBD(start(2, 1, 2, 0)))
		return
	}
	requireSafeAndLive(t, onRBD(start(3, 1, 3, 0)))
}

// TestEveryReachableStateOnAnArrayIsSafeAndLive, with storage that keeps a session between both sides.
func TestEveryReachableStateOnAnArrayIsSafeAndLive(t *testing.T) {
	if !testlayer.All() {
		requireSafeAndLive(t, onArray(start(2, 1, 2, 0)))
		return
	}
	requireSafeAndLive(t, onArray(start(3, 1, 3, 0)))
}

// TestMishapsAmongManyMoves : somebody who knows nothing of the protection deletes the group or its namespace, or a PV is lost.
func TestMishapsAmongManyMoves(t *testing.T) {
	testlayer.Slow(t, "TestEveryReachableStateIsSafeAndLive")
	requireSafeAndLive(t, start(3, 1, 3, 1))
	requireSafeAndLive(t, startCopies(4, 3, 1))
}

// TestEveryGuardIsNeeded removes one guard at a time, by lying about a fact or by losing or moving steps.
func TestEveryGuardIsNeeded(t *testing.T) {
	testlayer.Slow(t, "TestEveryReachableStateIsSafeAndLive")
	lie := func(change func(*plan.Facts)) func(plan.Facts) plan.Plan {
		return func(g plan.Facts) plan.Plan {
			g.Volumes = slices.Clone(g.Volumes)
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
	for name, mutant := range map[string]func(plan.Facts) plan.Plan{
		"every volume looks free":         each(func(v *plan.Volume) { v.Use = plan.UseFree }),
		"every replica looks settled":     each(func(v *plan.Volume) { v.Settled = true }),
		"every volume looks retained":     each(func(v *plan.Volume) { v.Kept = plan.KeptAll }),
		"every marked claim looks sealed": each(func(v *plan.Volume) { v.Sealed = true }),
		"every claim looks marked":        each(func(v *plan.Volume) { v.Marks = plan.MarksAll }),
		"no claim looks marked":           each(func(v *plan.Volume) { v.Marks = plan.MarksNone }),
		"a claim that leaves looks bound": each(func(v *plan.Volume) { v.Claim = min(v.Claim, plan.ClaimBound) }),
		"a replica that leaves looks gone": each(func(v *plan.Volume) {
			if v.Replica == plan.ReplicaLeaving {
				v.Replica = plan.ReplicaAbsent
			}
		}),
		"an absent replica is not noticed": each(func(v *plan.Volume) { v.Exact = true; v.Replica = max(v.Replica, plan.ReplicaPresent) }),
		"the restore looks done":           lie(func(g *plan.Facts) { g.Restore = plan.RestoreDone }),
		"the restore looks complete":       lie(func(g *plan.Facts) { g.Restore = plan.RestoreComplete }),
		"every failure looks forgiven":     lie(func(g *plan.Facts) { g.Discard = true }),
		"no failure is noticed":            lie(func(g *plan.Facts) { g.Discard = false }),
		"a final sync is not noticed":      lie(func(g *plan.Facts) { g.FinalSync = false }),
		"a secondary's end looks a primary's": lie(func(g *plan.Facts) {
			if g.Ending {
				g.Role = plan.Primary
			}
		}),
		"the finalizer looks present": lie(func(g *plan.Facts) { g.Held = g.Held || !g.Ending }),
		"the stores look up to date":  lie(func(g *plan.Facts) { g.Archived = true }),
		"nothing is remembered":       lose(plan.MarkRestored),
		"nothing is forgotten":        lose(plan.ClearRestored),
		"a lost volume looks unbound": each(func(v *plan.Volume) {
			if v.Claim == plan.ClaimLost {
				v.Claim = plan.ClaimAbsent
			}
		}),
		"an interruption looks wished":                                     lie(func(g *plan.Facts) { g.Interrupted = false }),
		"an interruption leaves the claims held":                           lose(plan.RemoveClaimFinalizer),
		"a new group looks like one that was severed by nobody":            lie(func(g *plan.Facts) { g.Severed = false }),
		"every final sync looks like one of a group that knows its claims": lie(func(g *plan.Facts) { g.SentAway = g.SentAway || g.FinalSync }),
		"no deletion of a namespace is noticed":                            lie(func(g *plan.Facts) { g.Pruned = false }),
		"every demotion looks completed":                                   each(func(v *plan.Volume) { v.Released = true }),
		"no demotion looks completed":                                      each(func(v *plan.Volume) { v.Released = false }),
		"no demotion is remembered":                                        lose(plan.Release),
		"the peer always looks like it has taken over":                     lie(func(g *plan.Facts) { g.Taken = true }),
		"the peer never looks like it has taken over":                      lie(func(g *plan.Facts) { g.Taken = false }),
		"nothing follows the peer":                                         each(func(v *plan.Volume) { v.Following = false }),
		"everything follows the peer":                                      each(func(v *plan.Volume) { v.Following = true }),
		"no session is known":                                              each(func(v *plan.Volume) { v.Session = false }),
		"no session looks taken apart":                                     each(func(v *plan.Volume) { v.Apart = false }),
		"every session looks apart":                                        each(func(v *plan.Volume) { v.Apart = true }),
		"no role looks reached":                                            each(func(v *plan.Volume) { v.Reached = plan.NoRole }),
		"no claim looks restored":                                          each(func(v *plan.Volume) { v.Restored = false }),
		"nothing is rebuilt":                                               lose(plan.RestoreClaims),
		"the stores are not emptied":                                       lose(plan.DeleteStored),
		"the policy is not restored":                                       lose(plan.RestoreReclaimPolicy),
		"the marks stay on a volume that is not reclaimed":                 lose(plan.LeaveRetained),
		"the finalizer is not removed":                                     lose(plan.RemoveFinalizer),
		"nothing is retained":                                              lose(plan.Retain),
		"steps are taken in the reverse": func(g plan.Facts) plan.Plan {
			p := plan.Decide(g)
			slices.Reverse(p.Writes)
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			var violation []string
			for _, w := range []world{onArray(start(2, 1, 2, 0)), start(2, 1, 3, 1), onRBD(start(2, 1, 2, 0)), onRBD(start(3, 1, 3, 0))} { // the smallest first
				if len(violation) == 0 {
					_, violation = explore(w, mutant)
				}
			}
			require.NotEmpty(t, violation, "the guard is not needed, or an invariant is missing")
			t.Log(violation[0])
		})
	}
}
