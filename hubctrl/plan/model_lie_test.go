// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// Lies in the model (X16, I10): one cluster writes into its own inbox what it likes about its own object. Its mirror goes on,
// and may put it right again, or be late forever.

// forge lists what one cluster may say, be it true or not. Once one has lied the other one does not: else nobody could tell
// who is to blame.
func (w *world) forge(add func(name string, f func(*world))) {
	if w.lies == 0 {
		return
	}
	for i := range 2 {
		s := plan.Side(i + 1)
		if w.liar == s.Peer() {
			continue
		}
		for _, in := range w.forgeries(i) {
			add(fmt.Sprintf("lie %d: %+v", s, in), func(n *world) {
				n.inbox[i], n.liar, n.lies = in, s, n.lies-1
			})
		}
		if w.outbox[i].Deleting {
			add(fmt.Sprint("lie that nothing is left ", s), func(n *world) {
				n.inbox[i], n.outbox[i].removed, n.liar, n.lies = inbox{view: plan.Absent}, true, s, n.lies-1
			})
		}
	}
}

// forgeries are the reports that cluster i may write.
func (w *world) forgeries(i int) []inbox {
	o, top := w.outbox[i], w.known()+1
	out := []inbox{{view: plan.Absent}}
	if o.Role != plan.NoRole {
		for _, state := range []plan.State{plan.Between, plan.IsSecondary, plan.IsPrimary} {
			for _, yes := range []bool{false, true} {
				out = append(out, inbox{view: plan.Present, mine: true, current: true, seen: true, told: o.Role, sync: o.FinalSync, why: o.For, epoch: o.Epoch,
					state: state, stored: yes, ready: yes, prepared: yes, synced: yes, inuse: !yes})
			}
		}
	}
	for _, told := range []plan.Role{plan.Secondary, plan.Primary} {
		for _, why := range []plan.Ask{plan.Stay, plan.Failover} {
			for _, epoch := range []uint8{o.Epoch, top} {
				in := inbox{view: plan.Present, mine: o.Role != plan.NoRole, later: o.Role != plan.NoRole, seen: true, told: told, why: why, epoch: epoch, state: plan.IsSecondary, ready: true, stored: true}
				if told == plan.Primary {
					in.state = plan.IsPrimary
				}
				out = append(out, in)
			}
		}
	}
	return out
}

// said notes which sides the user asked the workload to leave.
func (w *world) said(a plan.Ask, t plan.Side) {
	for i := range 2 {
		w.sent[i] = w.sent[i] || a != plan.Stay && t != plan.Side(i+1)
	}
}

// harm checks that a write of the hub does no harm to the honest cluster for which only the liar speaks (I10).
func (w *world) harm(wr plan.Write) {
	if w.liar == plan.Nowhere || w.deleting {
		return
	}
	victim := w.liar.Peer()
	i := victim.Index()
	s, other := w.spoke[i], w.spoke[1-i]
	if w.sent[i] || !s.has || s.told != plan.Primary {
		return // the user said that it is to leave, or it is not the home
	}
	runs := s.state == plan.IsPrimary && s.app
	only := s.latest && !other.latest
	switch {
	case wr.Kind == plan.PutWish && wr.Side == victim && wr.Role == plan.Secondary && runs:
		w.fault("I10: a running workload is demoted by what the other cluster says")
	case wr.Kind == plan.PutWish && wr.Side == victim && wr.Role == plan.Secondary && wr.For == plan.Failover && only:
		w.fault("I10: data is discarded by what the other cluster says")
	case wr.Kind == plan.Publish && wr.Decisions[i] == plan.Gone && w.decision[i] != plan.Gone && (runs || only):
		w.fault("I10: a workload is taken away by what the other cluster says")
	case wr.Kind == plan.PutWish && wr.Side == w.liar && wr.Role == plan.Primary && wr.Promote && runs:
		w.fault("I10: the role of a running workload is given to the cluster that claims it")
	case wr.Kind == plan.AdoptWish && wr.Side == w.liar && w.inbox[1-i].told == plan.Primary && runs && w.outbox[i].Role == plan.Primary && !w.outbox[i].Deleting:
		if o := w.outbox[1-i]; o.Role != plan.Primary || o.Epoch < w.outbox[i].Epoch {
			w.fault("I10: what the cluster claims is adopted against a running workload")
		}
	case wr.Kind == plan.RemoveWish:
		w.fault("I10: protection ends by what a cluster says")
	}
}

// unharmed is what can be asked for when a cluster has lied, which may have to do with its own object for ever: the honest
// cluster runs what it is home of, and a failover to it comes to its end or asks the user.
func (w *world) unharmed() bool {
	if w.liar == plan.Nowhere {
		return false
	}
	s := w.spoke[w.liar.Peer().Index()]
	runs := s.app && s.state == plan.IsPrimary && w.decision[w.liar.Peer().Index()] == plan.RunHere
	switch {
	case runs, w.deleting:
		return true
	case w.ask == plan.Failover && w.target == w.liar.Peer():
		f := w.observe()
		return plan.Decide(f).Wait.Fact == plan.SpecConfirmed && f.Stale
	default:
		return s.told != plan.Primary
	}
}
