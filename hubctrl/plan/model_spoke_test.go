// SPDX-License-Identifier: Apache-2.0

package plan_test

import "github.com/ramendr/ramen-direct/hubctrl/plan"

// The clusters in the model, with their mirrors, and the deployer.

// down is the mirror: wish to copy.
func (w *world) down(i int) {
	o, s := &w.outbox[i], &w.spoke[i]
	if o.Deleting && w.kin[i] {
		w.ends[i] = true // remembered before it is obeyed
	}
	switch {
	case o.Role == plan.NoRole:
	case o.Deleting && s.has && s.mine:
		s.deleting = true
	case o.Deleting && !s.has && w.inbox[i].view == plan.Absent:
		o.removed = true // delivery status is written after facts
		w.wrote(i)
	case o.Deleting:
	case o.Replaced:
		// refused: it was made for another cluster
	case o.ended && !s.has:
		o.Ended = true // refused: it was ended before
	case s.has && !s.mine && !o.adopt, s.has && s.epoch > o.Epoch, s.deleting:
		// refused (X8, X9), or terminating
	case s.has && s.mine && s.later && s.epoch == o.Epoch && !s.obeys(o.Wish):
		// refused (X9): its generation may be that of a wish that was obeyed before
	default:
		if !s.has || !s.obeys(o.Wish) {
			s.seen = false
		}
		if s.state == plan.IsPrimary && o.Role == plan.Primary && o.For == plan.Failover && o.Epoch > s.epoch {
			s.latest, w.spoke[1-i].latest = true, false // a failover back to what is Primary still: the user chose its data
		}
		s.has, s.mine, s.current, s.later, s.age = true, true, true, false, since
		if w.kept && w.same[i] {
			s.age = inBackup
		}
		s.told, s.sync, s.why, s.epoch = o.Role, o.FinalSync, o.For, o.Epoch
		s.serves = o.Serves && !s.ready // else it makes no difference
	}
}

func (s *spoke) obeys(w plan.Wish) bool {
	return s.told == w.Role && s.sync == w.FinalSync && s.why == w.For
}

// up is the mirror: copy to report.
func (w *world) up(i int) {
	w.spoke[i].unheard = false
	s := w.spoke[i]
	w.deaf[i] = false
	if !s.has {
		w.inbox[i] = inbox{view: plan.Absent}
		return
	}
	w.spoke[i].heard = s.own
	w.inbox[i] = inbox{
		view: plan.Present, mine: s.mine, current: s.current, later: s.later, age: s.age, seen: s.seen, del: s.deleting,
		told: s.told, sync: s.sync, why: s.why, epoch: s.epoch,
		state: s.state, level: s.state == plan.IsSecondary && s.level, stored: w.stored, ready: s.ready && !s.left,
		prepared: s.prep && s.sync == plan.Prepare, synced: s.final, inuse: s.app, lost: s.hollow && s.state == plan.IsPrimary, severed: s.severs(w.term) || s.aside && s.told == plan.Secondary,
		handsOver: s.handsOver(), uncopied: s.state == plan.IsPrimary && w.spoke[1-i].bare,
		conflict: s.told == plan.Secondary && s.own, volumes: s.vols && (s.told == plan.Primary || s.state != plan.IsSecondary), unplaced: s.loose,
	}
}

// work is one step of the spoke's own controller and storage.
func (w *world) work(i int) {
	s, p := &w.spoke[i], &w.spoke[1-i]
	together := w.link[0] && w.link[1]
	switch {
	case !s.has:
	case s.deleting:
		if s.told == plan.Primary && s.epoch >= w.term {
			w.stored, w.term, w.born = false, 0, plan.Nowhere // from here on it is as if it had never been protected
		}
		// The volumes of a workload stay, be it about to come; those that it left go, and a Secondary's copies. It is of no
		// account where DR is disabled.
		*s = spoke{app: s.app, vols: s.app, own: s.app, heard: s.app && s.heard, latest: s.latest && (s.app || w.decision[i].Placed() || !w.touched)}
	case s.told == plan.Primary && s.state == plan.IsPrimary:
		if s.seen && s.ready && s.epoch >= w.term && !w.refused {
			w.stored, w.term = true, s.epoch
		}
		s.left = s.left && s.sync != plan.NoFinalSync
		s.prep = s.sync == plan.Prepare && s.seen && (s.prep || !s.loose) || s.sync == plan.Run && s.prep
		s.final = s.sync == plan.Run && s.seen && !s.app && !s.loose
		s.seen, s.ready = true, true
	case s.told == plan.Primary && !s.seen:
		s.seen = true // it says that it is told so before it is so
	case s.told == plan.Primary && s.epoch < w.term:
		// The stores tell that it was promoted elsewhere since.
	case s.told == plan.Primary:
		s.state, s.ready, s.was, s.severed = plan.IsPrimary, false, true, false
		if s.hollow && s.why != plan.Failover && !s.latest && p.latest && !w.accepted[i] && w.replaced[i] && !w.deleting {
			w.fault("I9: a replaced cluster became an empty Primary without the user's word")
		}
		s.vols, s.own, s.heard = s.vols || w.stored, false, false
		if s.why == plan.Failover {
			s.latest, p.latest, w.born = true, false, plan.Side(i+1) // the user chose this side's data
			return
		}
		lost := s.why == plan.Relocate && !s.latest
		if w.touched {
			// Of any promotion, then. But the hand may have taken the last copy along; and one that was told before may be late:
			// the stores tell nothing any more of what was promoted since.
			lost = s.current && !s.latest && p.latest
		}
		if lost && !w.split && !w.deleting && !s.hollow { // what a wipe took, no promotion has lost
			w.fault("I2: a promotion without a failover lost what was written")
		}
		if s.why == plan.Relocate && w.born == plan.Side(i+1).Peer() && !w.stored && !s.hollow && !w.split && !w.deleting {
			w.fault("a relocate took the workload away before its metadata was stored")
		}
		w.born = plan.Side(i + 1)
	case s.state == plan.IsPrimary:
		s.seen, s.prep, s.final, s.loose, s.left, s.level = true, false, false, false, false, false
		if !s.app {
			s.state, s.ready = plan.Between, false
			if !s.vols && w.born == plan.Side(i+1) {
				w.born = plan.Nowhere // there never was anything that had to be stored
			}
		}
	case s.severs(w.term):
		s.seen = true
	case s.aside && s.why == plan.Failover && s.serves:
		if p.state != plan.IsPrimary || w.decision[1-i] != plan.RunHere {
			w.fault("I9: volumes are let go before the peer has taken over")
		}
		s.aside, s.serves, s.was = false, false, false // as if it had been brought in line with the peer
	case s.aside:
		s.seen = true
	case s.state == plan.Between && s.was && p.bare && p.state != plan.IsPrimary:
		s.seen = true // its storage has nowhere to hand over to
	case s.state == plan.Between && s.own && !s.was:
		s.seen, s.state, s.ready, s.level = true, plan.IsSecondary, true, true // it never replicated them, so there is nothing to hand over
	case s.state == plan.Between && s.seen && together && !s.app && p.state == plan.IsPrimary:
		// What diverged is given up, and the new Primary is followed: in sync, the storage never calls that.
		s.state, s.ready, s.was, s.vols, s.level = plan.IsSecondary, true, false, false, false
	case s.state == plan.Between && s.seen && together && !s.app:
		// Demoted for good. What was written is on its way; claims that leave are held until the peer has taken over.
		s.state, s.ready, s.vols, s.level = plan.IsSecondary, !s.was, false, false
	case s.state == plan.IsSecondary && s.seen && !s.level && together && p.state != plan.IsPrimary && !(s.was && !p.has && p.hollow):
		if s.was { // the peer has what takes it: else storage would not call this in sync
			p.latest, p.hollow = p.latest || s.latest, p.hollow && !s.latest
		}
		s.was, s.level = false, true
	case s.state == plan.IsSecondary && s.seen && s.level && p.state == plan.IsPrimary:
		s.level = false // looked at again, after a restart
	case s.state == plan.IsSecondary && s.seen && !s.ready && (s.serves || s.why == plan.Failover):
		s.ready, s.serves = true, false
	case s.state == plan.Between && !s.seen && p.state != plan.IsPrimary && s.latest && p.latest:
		s.seen, s.state, s.ready, s.level = true, plan.IsSecondary, true, true // nothing was ever written here that the peer lacks
	default:
		s.seen = true
	}
}

// deploy is the deployer, and follows the published decisions.
func (w *world) deploy(i int) {
	s := &w.spoke[i]
	switch w.decision[i] {
	case plan.RunHere:
		s.app = s.app || s.state == plan.IsPrimary
		s.vols = s.vols || s.app
	case plan.Gone:
		if s.own {
			return // it is none of those that follow the decisions
		}
		if w.touched && s.app && s.state != plan.IsPrimary {
			s.latest = false // nobody keeps its volumes, and they go with it
		}
		s.left = s.left || s.app && s.state == plan.IsPrimary && s.sync != plan.NoFinalSync
		s.app = false
	case plan.Retain, plan.Untold:
	}
}
