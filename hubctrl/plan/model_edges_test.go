// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// may reports whether cluster i is Primary or could become it without another write of the hub.
func (w *world) may(i int) bool {
	return w.spoke[i].state == plan.IsPrimary || w.spoke[i].told == plan.Primary || w.outbox[i].Role == plan.Primary
}

// edge is one step.
type edge struct {
	to   world
	name string
	fair bool // false: faults and wishes, which liveness must not rely on
}

func (w *world) next(emit func(edge)) {
	add := func(fair bool, name string, f func(*world)) {
		n := *w
		f(&n)
		n.fold()
		if n != *w {
			emit(edge{n, name, fair})
		}
	}
	if w.finished {
		if w.restores > 0 && w.kept {
			add(false, "hub restored", func(n *world) { n.restore() })
		}
		return
	}
	p := plan.Decide(w.observe())
	for k := 1; k <= len(p.Writes); k++ {
		add(true, fmt.Sprintf("hub %+v", p.Writes[:k]), func(n *world) {
			for _, wr := range p.Writes[:k] {
				n.act(wr)
			}
		})
	}
	if p.Tend && len(p.Writes) == 0 {
		add(true, "hub tends", func(n *world) { n.tend() })
	}
	if w.lates > 0 {
		for k, wr := range p.Writes {
			add(false, fmt.Sprintf("hub frozen %+v before %+v", p.Writes[:k], p.Writes[k:]), func(n *world) { n.freeze(p.Writes, k, false) })
			if wr.Promote && wr.Role == plan.Primary {
				add(false, fmt.Sprintf("hub frozen %+v and a mark before %+v", p.Writes[:k], p.Writes[k:]), func(n *world) { n.freeze(p.Writes, k, true) })
			}
		}
	}
	if w.late.n > 0 {
		add(false, fmt.Sprintf("late %+v", w.late.writes[0]), func(n *world) { n.arrive() })
	}
	for i := range 2 {
		c := plan.Side(i + 1)
		add(true, fmt.Sprint("work ", c), func(n *world) { n.work(i) })
		if w.link[i] {
			add(true, fmt.Sprint("down ", c), func(n *world) { n.down(i) })
			add(true, fmt.Sprint("up ", c), func(n *world) { n.up(i) })
			add(true, fmt.Sprint("deploy ", c), func(n *world) { n.deploy(i) })
		} else {
			add(true, fmt.Sprint("heal ", c), func(n *world) { n.link[i] = true })
		}
		if w.ask == plan.Failover {
			add(true, fmt.Sprint("storage ready ", c), func(n *world) { n.unready[i] = false })
		}
		if s := w.spoke[i]; s.app && (s.state == plan.IsPrimary || s.state == plan.Between && !w.deleting) {
			// A write by the workload, be it under no group. On a side that the user gave up it does not count.
			add(false, fmt.Sprint("write ", c), func(n *world) {
				if n.spoke[i].latest {
					n.spoke[1-i].latest = false
				}
			})
		}
		if w.link[0] && w.link[1] && w.spoke[i].state == plan.IsPrimary && w.spoke[1-i].state == plan.IsSecondary && !w.spoke[1-i].aside {
			add(true, fmt.Sprint("replicate ", c), func(n *world) {
				n.spoke[1-i].bare = false
				n.spoke[1-i].latest = n.spoke[1-i].latest || n.spoke[i].latest
				n.spoke[1-i].hollow = n.spoke[1-i].hollow && !n.spoke[i].latest
			})
		}
		if w.comes > 0 && w.spoke[i].app && w.spoke[i].told == plan.Primary && w.spoke[i].state == plan.IsPrimary {
			add(false, fmt.Sprint("a volume comes ", c), func(n *world) { n.stored, n.comes = false, n.comes-1 })
			if w.decision[i].Placed() {
				add(false, fmt.Sprint("a volume to be copied comes ", c), func(n *world) { n.spoke[i].loose, n.comes = true, n.comes-1 })
			}
		}
		if w.strays > 0 && !w.spoke[i].app && w.spoke[i].told != plan.Primary {
			add(false, fmt.Sprint("somebody runs the workload ", c), func(n *world) { n.stray(i) })
		}
		if s := w.spoke[i]; w.glasses > 0 && !w.link[i] && s.has && !s.deleting && s.told == plan.Secondary {
			add(false, fmt.Sprint("promoted past the hub ", c), func(n *world) { n.promoteByHand(i) })
		}
		if s := w.spoke[i]; w.prunes > 0 && s.has && !s.deleting && s.told == plan.Secondary {
			add(false, fmt.Sprint("namespace deleted ", c), func(n *world) { n.prune(i) })
		}
		if w.hands > 0 && w.outbox[i].Role != plan.NoRole && !w.outbox[i].Deleting {
			add(false, fmt.Sprint("wish deleted by hand ", c), func(n *world) { n.deleteByHand(i) })
		}
		if w.cuts > 0 && w.link[i] {
			add(false, fmt.Sprint("cut ", c), func(n *world) { n.link[i], n.cuts = false, n.cuts-1 })
		}
	}
	if w.asks > 0 && w.deleting {
		for i := range 2 {
			add(false, fmt.Sprint("user abandons ", i+1), func(n *world) { n.abandon[i], n.asks = true, n.asks-1; n.edited() })
		}
	}
	w.forge(func(name string, f func(*world)) { add(false, name, f) })
	if w.wipes > 0 {
		for i := range 2 {
			add(false, fmt.Sprint("replaced, and accepted by its name ", i+1), func(n *world) { n.replaceCluster(i) })
			if w.spoke[i].has {
				add(false, fmt.Sprint("namespace wiped ", i+1), func(n *world) { n.wipe(i) })
			}
		}
	}
	if w.asks > 0 {
		for i := range 2 {
			if f := w.observe(); f.Clusters[i].Bereft() {
				add(false, fmt.Sprint("user accepts the loss ", i+1), func(n *world) {
					n.accepted[i], n.replaced[i], n.asks = true, false, n.asks-1
				})
			}
		}
	}
	if w.losses > 0 {
		add(false, "hub lost", func(n *world) { n.loseHub() })
	}
	if w.third.primary {
		add(true, "up 3", func(n *world) { n.third.seen = true })
		add(false, "write 3", func(n *world) { n.spoke[0].latest, n.spoke[1].latest = false, false })
	}
	if w.swaps > 0 {
		for i := range 2 {
			add(false, fmt.Sprintf("hub lost, and Git names another cluster than %d", i+1), func(n *world) { n.swapPolicy(i) })
		}
	}
	if w.returns > 0 {
		for i := range 2 {
			s := plan.Side(i + 1)
			if w.oldOf == plan.Nowhere {
				add(false, fmt.Sprint("backed up ", s), func(n *world) { n.old, n.oldOf, n.oldWish = n.spoke[i], s, true })
			}
			// What comes back after its removal was proved is nobody's any more: it lies in the inbox for all to see.
			if w.oldOf == s && !w.outbox[i].removed {
				add(false, fmt.Sprint("returns from its backup ", s), func(n *world) { n.returnOf(i) })
			}
		}
	}
	if w.restores > 0 && !w.kept {
		add(false, "hub backed up", func(n *world) { n.backUp() })
	}
	if w.restores > 0 && w.kept {
		add(false, "hub restored", func(n *world) { n.restore() })
	}
	if w.asks > 0 && !w.deleting {
		for _, u := range []struct {
			a plan.Ask
			t plan.Side
		}{{plan.Stay, plan.First}, {plan.Stay, plan.Nowhere}, {plan.Failover, plan.First}, {plan.Failover, plan.Second}, {plan.Failover, plan.Nowhere}, {plan.Relocate, plan.First}, {plan.Relocate, plan.Second}} {
			add(false, fmt.Sprintf("user %d to %d", u.a, u.t), func(n *world) {
				n.ask, n.target, n.asks, n.word = u.a, u.t, n.asks-1, false
				n.said(u.a, u.t)
				n.unready = [2]bool{n.modes, n.modes}
				n.outbox[0].stale, n.outbox[1].stale = false, false
				n.edited()
			})
		}
		if w.ask == plan.Failover && (p.Wait.Fact == plan.LossAccepted || p.Wait.Fact == plan.ConflictFree) {
			add(false, "user accepts the loss", func(n *world) { n.word, n.asks = true, n.asks-1; n.edited() })
		}
		add(false, "user deletes", func(n *world) { n.deleting, n.asks = true, n.asks-1; n.edited() })
	}
}

// settled is the goal: protected and running on one cluster, or gone, or waiting for what only the user can say.
func (w *world) settled() bool {
	f := w.observe()
	p := plan.Decide(f)
	on := spoke{}
	if p.Wait.On.Named() {
		on = w.spoke[p.Wait.On.Index()]
	}
	if w.deleting {
		return w.finished || p.Wait.Fact == plan.BeingSecondary && on.aside // the user may give the cluster up
	}
	switch p.Wait.Fact {
	case plan.HomeAgreed:
		return on.app
	case plan.ConflictFree, plan.WorkloadGone:
		return on.own
	case plan.LossAccepted:
		return !on.vols
	case plan.BeingProtected:
		return w.refused
	case plan.BeingSynced:
		return on.loose
	case plan.BeingSecondary:
		return on.severs(w.term) || on.aside || on.handsOver() && w.spoke[p.Wait.On.Peer().Index()].bare
	case plan.TargetNamed:
		return w.target == plan.Nowhere
	case plan.SpecConfirmed:
		return f.Stale
	case plan.ProtectionEnded:
		return w.outbox[p.Wait.On.Index()].ended
	case plan.PrimaryFound:
		return w.third.primary || f.Lone(p.Wait.On)
	case plan.HomeNamed:
		i := p.Wait.On.Index()
		return w.outbox[i].Deleting && !w.decision[i].Placed()
	case plan.VolumesLost:
		return w.spoke[p.Wait.On.Index()].hollow && !w.accepted[p.Wait.On.Index()]
	case plan.ConflictSolved:
		return w.outbox[0].Role == plan.Primary && w.outbox[1].Role == plan.Primary || w.spoke[0].told == plan.Primary && w.spoke[1].told == plan.Primary
	}
	if !p.Done() {
		return false
	}
	for i := range 2 {
		s, q := w.spoke[i], w.spoke[1-i]
		if s.app && s.state == plan.IsPrimary && w.decision[i] == plan.RunHere && q.state == plan.IsSecondary && q.ready && !q.app && w.decision[1-i] == plan.Gone && s.sync == plan.NoFinalSync {
			return w.ask != plan.Relocate || i == w.target.Index()
		}
	}
	return false
}
