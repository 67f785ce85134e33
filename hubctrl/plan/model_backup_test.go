// SPDX-License-Identifier: Apache-2.0

package plan_test

import "github.com/ramendr/ramen-direct/hubctrl/plan"

// Losses and backups in the model, of the hub and of a cluster.

// loseHub takes the hub away with all its objects; the new one is fed with the same application from Git.
func (w *world) loseHub() {
	w.losses--
	w.kin, w.ends = [2]bool{}, [2]bool{}
	w.late = late{} // its API server is no more
	w.outbox, w.inbox, w.decision = [2]outbox{}, [2]inbox{}, [2]plan.Decision{}
	w.deaf = [2]bool{true, true}
	for i := range 2 {
		w.spoke[i].mine, w.spoke[i].current = false, false
	}
}

// third is the cluster that the policy of a lost hub listed, and that of the new one does not.
type third struct {
	primary bool // it is Primary there
	seen    bool // the new hub has its report
}

// swapPolicy loses the hub; in Git the application has a policy with a new cluster instead of i.
func (w *world) swapPolicy(i int) {
	w.loseHub()
	w.losses, w.swaps = w.losses+1, w.swaps-1
	w.third = third{primary: w.spoke[i].state == plan.IsPrimary || w.spoke[i].told == plan.Primary}
	w.spoke[i] = spoke{}
}

// backUp takes a snapshot of the hub.
func (w *world) backUp() {
	w.backup, w.kept, w.same = w.hub, true, [2]bool{true, true}
	w.ends = [2]bool{}
	for i := range 2 {
		w.spoke[i].age, w.backup.inbox[i].age = before, before
		if w.spoke[i].current {
			w.spoke[i].age = inBackup
		}
		if w.inbox[i].current {
			w.backup.inbox[i].age = inBackup
		}
		if w.spoke[i].later { // than the wish in the backup, too
			w.spoke[i].age = since
		}
		if w.inbox[i].later {
			w.backup.inbox[i].age = since
		}
		w.inbox[i].age = w.backup.inbox[i].age
		w.kin[i] = w.outbox[i].Role != plan.NoRole
	}
}

// restore gives the hub the state of the snapshot, with all that it knew of the user's wishes.
func (w *world) restore() {
	w.late = late{}
	w.hub, w.backup, w.kept, w.same, w.restores = w.backup, hub{}, false, [2]bool{}, w.restores-1
	w.deaf = [2]bool{true, true}
	w.finished = false
	for i := range 2 {
		w.outbox[i].ended, w.outbox[i].Ended = w.ends[i], false
		s, in := &w.spoke[i], &w.inbox[i]
		s.mine = s.mine && w.outbox[i].Role != plan.NoRole
		s.current, s.later = s.age == inBackup, s.age == since
		in.current, in.later = in.age == inBackup, in.age == since
		s.age, in.age = before, before
	}
	w.kin, w.ends = [2]bool{}, [2]bool{}
	if w.may(0) && w.may(1) {
		w.split = true // a cluster that heard nothing since the backup obeys it; the other one's promotion was forgotten
	}
}

// returnOf gives cluster i the object that is in its backup. The storage is as it was.
func (w *world) returnOf(i int) {
	was, old := w.spoke[i], w.old
	w.spoke[i] = old
	s := &w.spoke[i]
	s.mine, s.current = old.mine && w.outbox[i].Role != plan.NoRole, old.current && w.oldWish
	s.state, s.was, s.ready, s.level, s.app, s.latest = was.state, was.was, was.ready, was.level, was.app, was.latest
	s.vols, s.own, s.heard, s.loose, s.left = was.vols, was.own, was.heard, was.loose, was.left
	w.old, w.oldOf, w.oldWish, w.returns = spoke{}, plan.Nowhere, false, w.returns-1
	w.deaf[i] = true
	if w.may(0) && w.may(1) && w.term <= old.epoch {
		w.split = true // before the new Primary has stored its metadata nobody there could tell that it was promoted
	}
}
