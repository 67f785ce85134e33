// SPDX-License-Identifier: Apache-2.0

package plan_test

import "github.com/ramendr/ramen-direct/hubctrl/plan"

// Clusters in the model that lose all that they had, and keep their name.

// replaceCluster puts an empty cluster in the place of cluster i, which the user has accepted by its name. Until then its
// link is not live, as if it were cut.
func (w *world) replaceCluster(i int) {
	w.wipes--
	w.inbox[i], w.deaf[i] = inbox{}, true
	if w.outbox[i].Role == plan.NoRole && !w.spoke[i].has {
		w.spoke[i] = spoke{latest: w.spoke[i].latest} // it had nothing
		return
	}
	w.spoke[i] = spoke{hollow: true, unheard: true}
	w.ends[i], w.outbox[i].ended = false, false // it remembers nothing
	w.outbox[i].Replaced, w.outbox[i].removed = w.outbox[i].Role != plan.NoRole, false
	w.accepted[i], w.replaced[i] = false, true
	w.forgive(i)
}

// wipe takes the object of cluster i away, with its namespace and its volumes. The mirror re-creates it, empty.
func (w *world) wipe(i int) {
	w.wipes--
	was := w.spoke[i]
	w.spoke[i] = spoke{hollow: true, unheard: true, severed: was.severed || was.told == plan.Primary && was.epoch >= w.term && w.stored}
	w.accepted[i] = false
	w.replaced[i] = w.replaced[i] && was.hollow // what a replaced cluster was filled with since, is told to be lost like any other's
	w.forgive(i)
}

// forgive notes what of the data of cluster i nobody can bring back: what only it had is lost to all.
func (w *world) forgive(i int) {
	if !w.spoke[1-i].latest {
		w.spoke[1-i].latest = true
	}
	w.changed(i)
	if w.born == plan.Side(i+1) {
		w.born = plan.Nowhere
	}
}

// severs reports whether a cluster that is told to be Secondary can't say that it is: what is stored, in the epoch term, was
// stored by the Primary that was here before the object was taken away.
func (s *spoke) severs(term uint8) bool {
	return s.severed && s.told == plan.Secondary && s.why == plan.Relocate && s.epoch == term
}

// prune deletes the namespace of cluster i, which is told to be Secondary. Its volumes are retained. One that was demoted follows its
// peer still, unless its copies lie in the namespace.
func (w *world) prune(i int) {
	w.prunes--
	s := &w.spoke[i]
	s.seen, s.app, s.bare = false, false, true
	s.aside = s.was && s.state == plan.Between
	s.vols, s.own, s.heard = s.vols && s.state == plan.IsPrimary, false, false
}

// handsOver reports whether a cluster was told by a relocate to be Secondary, and its demotion is not complete.
func (s *spoke) handsOver() bool {
	return s.told == plan.Secondary && s.why == plan.Relocate && s.was && s.state != plan.IsSecondary && !s.aside && !s.hollow
}
