// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"strings"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// What the hub writes in the model, and what each write must never do.

func (w *world) fault(format string, args ...any) {
	if w.liar != plan.Nowhere && !strings.HasPrefix(format, "I10") {
		return // what a liar does to itself is its own business
	}
	if w.bad == "" {
		w.bad = fmt.Sprintf(format, args...)
	}
}

// known is the highest epoch that the hub sees.
func (w *world) known() uint8 {
	return max(w.outbox[0].Epoch, w.outbox[1].Epoch, w.inbox[0].epoch, w.inbox[1].epoch)
}

// put writes a wish as the hub would: an unchanged one is not written.
func (w *world) put(i int, next outbox) {
	next.ended, next.Ended = w.outbox[i].ended, w.outbox[i].Ended
	if was := w.outbox[i]; was.Wish == next.Wish && was.adopt == next.adopt && was.stale == next.stale {
		w.outbox[i].marked = next.marked // an annotation that no cluster reads
		return
	}
	if next.Epoch < w.outbox[i].Epoch {
		w.fault("I5: the epoch of a wish went down")
	}
	next.Ended = false // its cluster has to look again
	w.outbox[i] = next
	w.changed(i)
	w.spoke[i].current, w.inbox[i].current = false, false
}

// changed notes that the wish of cluster i is no longer that of a backup.
func (w *world) changed(i int) {
	w.same[i] = false
	w.wrote(i)
	if w.oldOf == plan.Side(i+1) {
		w.oldWish = false
	}
}

// deleteByHand makes the wish of cluster i a tombstone, which nobody but somebody's hand does while DR is enabled.
func (w *world) deleteByHand(i int) {
	w.outbox[i].Deleting, w.touched, w.hands = true, true, w.hands-1
	w.changed(i)
	w.spoke[i].current, w.inbox[i].current = false, false
}

func (w *world) act(wr plan.Write) { w.land(wr, w.resolve(wr), w.ask) }

// resolve is the wish that a write leaves behind, by what the hub sees when it decides.
func (w *world) resolve(wr plan.Write) outbox {
	switch wr.Kind {
	case plan.PutWish:
		i := wr.Side.Index()
		next := outbox{Wish: plan.Wish{Role: wr.Role, FinalSync: wr.FinalSync, For: wr.For, Epoch: max(w.known(), 1)}, adopt: w.outbox[i].adopt, stale: w.outbox[i].stale, marked: w.outbox[i].stale}
		if in := w.inbox[i]; w.outbox[i].Role == plan.NoRole && in.view == plan.Present {
			next.adopt = !in.mine
		}
		if wr.Role == plan.Secondary && wr.Promote {
			next.Epoch = max(w.known(), w.inbox[i].epoch+1)
		}
		if wr.Role == plan.Primary {
			next.Epoch = w.outbox[i].Epoch
			if wr.Promote {
				next.Epoch = w.known() + 1
				if o := w.outbox[1-i]; w.decision[i] == plan.Untold && w.outbox[i].Role == plan.NoRole && w.inbox[i].view == plan.Absent && o.Role == plan.Secondary && !o.adopt && w.known() == 1 {
					next.Epoch = 1 // the first one of all
				}
			}
		}
		return next
	case plan.AdoptWish:
		i := wr.Side.Index()
		in := w.inbox[i]
		next := outbox{Wish: plan.Wish{Role: in.told, FinalSync: in.sync, For: in.why, Epoch: in.epoch}}
		next.adopt, next.stale, next.marked = w.outbox[i].adopt || !in.mine, in.mine, in.mine
		return next
	case plan.MarkWish, plan.RemoveWish, plan.DropWish, plan.Publish, plan.Finish:
	}
	return outbox{}
}

// land carries a write out that was decided when the user asked for ask.
func (w *world) land(wr plan.Write, next outbox, ask plan.Ask) {
	w.harm(wr)
	i := wr.Side.Index()
	switch wr.Kind {
	case plan.PutWish:
		if wr.Role == plan.Primary && w.outbox[i].Replaced && !w.accepted[i] {
			w.fault("I9: a cluster that was replaced is made Primary without the user's word")
		}
		switch {
		case wr.Role == plan.Primary && wr.Promote:
			w.promoted(i, wr, ask)
			if w.care&unmarked == 0 {
				w.wrote(1 - i) // the mark
			}
		case wr.Role == plan.Primary && w.outbox[i].Role != plan.Primary:
			w.fault("a promotion that does not raise the epoch")
		}
		if s := w.spoke[i]; wr.Role == plan.Secondary && wr.For == plan.Relocate && s.state == plan.IsPrimary && !s.final && s.vols && !s.unheard && !w.split {
			w.fault("I2: a source is demoted before its final synchronization is done")
		}
		if w.outbox[i].Deleting {
			w.fault("a tombstone was written")
		}
		w.put(i, next)
	case plan.AdoptWish:
		w.put(i, next)
	case plan.MarkWish:
		w.outbox[i].stale, w.outbox[i].marked = true, true
		w.wrote(i)
	case plan.RemoveWish:
		if !w.deleting {
			w.fault("I4: a wish is removed though nobody disabled DR")
		}
		w.outbox[i].Deleting = true
		w.changed(i)
		if o := w.outbox[1-i]; w.outbox[i].Role == plan.Primary && o.Role == plan.Secondary && !o.removed && !w.abandon[1-i] {
			w.fault("the primary is removed before the secondary is gone")
		}
	case plan.DropWish:
		if !w.outbox[i].Deleting || w.spoke[i].has {
			w.fault("I3: a tombstone is dropped while its object exists")
		}
		w.outbox[i], w.kin[i] = outbox{}, false
		w.changed(i)
	case plan.Publish:
		for k, d := range wr.Decisions {
			s := w.spoke[k]
			if d == plan.RunHere && w.decision[k] != plan.RunHere && !s.vols && !s.unheard && w.outbox[k].For == plan.Failover && w.inbox[1-k].view != plan.Present && !w.word {
				w.fault("I9: the workload is sent to where nothing was restored, and nobody knows what the other side has")
			}
			if d == plan.RunHere && w.decision[k] != plan.RunHere && !s.vols && !s.unheard && w.inbox[1-k].volumes && !w.word {
				w.fault("I9: the workload is sent to where nothing was restored, and the other side has volumes")
			}
			if d == plan.Gone && w.decision[k] == plan.RunHere && w.outbox[k].Role == plan.Primary && w.inbox[k].current && w.inbox[k].uncopied {
				w.fault("I7: the workload is taken away from a cluster that can't hand it over")
			}
			if d == plan.Gone && w.decision[k] != plan.Gone && s.own && s.heard && !w.word {
				w.fault("I9: a workload is taken away whose volumes nobody replicates")
			}
			if d == plan.RunHere && w.decision[k] != plan.RunHere && !s.unheard && !(s.has && s.told == plan.Primary && s.state == plan.IsPrimary && s.ready) {
				w.fault("the workload is sent to a cluster that is not Primary and restored")
			}
			if d == plan.RunHere && w.decision[k] != plan.RunHere && (w.inbox[k].lost || w.outbox[k].Replaced) && !w.accepted[k] {
				w.fault("I9: the workload is sent to a cluster that has lost its volumes")
			}
			if d == plan.Gone && w.decision[k] != plan.Gone && s.has && s.told == plan.Primary && !s.prep && !s.unheard {
				w.fault("the workload is taken away from a Primary whose final synchronization is not prepared")
			}
			if d == plan.Gone && w.decision[k] != plan.Gone && s.app && s.state != plan.IsPrimary && s.latest && !w.spoke[1-k].latest && !w.deleting {
				w.fault("I3: the last copy of what was written goes with a workload whose volumes nobody keeps")
			}
		}
		w.decision = wr.Decisions
		w.edited()
		if w.decision[0] == plan.RunHere && w.decision[1] == plan.RunHere {
			w.fault("I1: the workload is sent to both clusters")
		}
	case plan.Finish:
		for k := range 2 {
			if w.spoke[k].has && !w.abandon[k] {
				w.fault("I3: DR is called disabled though an object is left")
			}
		}
		w.finished = true
	}
}

// promoted checks a wish for a new Primary at i.
func (w *world) promoted(i int, wr plan.Write, ask plan.Ask) {
	asked := ask == plan.Failover
	if s := w.spoke[i]; wr.For == plan.Failover && s.told == plan.Secondary && s.state != plan.IsSecondary && !s.was && !s.unheard {
		w.fault("a failover promotes a copy that is not complete")
	}
	if s := w.spoke[i]; wr.For != plan.Failover && s.told == plan.Secondary && s.state != plan.IsSecondary && !s.was && !s.app && !s.unheard {
		w.fault("a promotion interrupts a demotion")
	}
	if wr.For == plan.Failover && w.unready[i] && w.outbox[i].Role == plan.Secondary {
		w.fault("a failover promotes before the storage is ready for it")
	}
	if wr.For == plan.Failover && (w.outbox[0].stale || w.outbox[1].stale) {
		w.fault("a failover that only a backup remembers is carried out")
	}
	if o := w.spoke[1-i]; wr.For != plan.Failover && o.own && o.heard && w.decision[i] == plan.Untold {
		w.fault("I9: a cluster is made Primary while the workload is on the other one")
	}
	if wr.For == plan.Failover && !asked {
		w.fault("a promotion for another operation than the user's")
	}
	if w.third.primary && !asked {
		w.fault("I1: a Primary is wished while a cluster outside of the policy is one")
	}
	if w.outbox[1-i].Role == plan.Primary {
		if !asked {
			w.fault("I1: two Primaries are wished and no failover was asked for")
		}
		w.split = true
	}
	if w.spoke[1-i].state == plan.IsPrimary || w.spoke[1-i].told == plan.Primary {
		if !asked {
			w.fault("I1: a Primary is wished while the other cluster is one")
		}
		w.split = true
	}
}

// tend is the content of wishes as it follows the reports: a volume that is copied gets its place on the peer.
func (w *world) tend() {
	for i := range 2 {
		if w.inbox[i].unplaced && w.link[0] && w.link[1] {
			w.spoke[i].loose, w.inbox[i].unplaced = false, false
		}
		f := w.observe()
		if o := &w.outbox[i]; o.Role == plan.Secondary && !o.Deleting && !o.Serves && f.Awaited(plan.Side(i+1)) {
			o.Serves = true
			w.changed(i)
		}
	}
}

// stray is somebody who runs the workload where nobody expects it, on volumes of its own.
func (w *world) stray(i int) {
	s := &w.spoke[i]
	s.app, s.vols, s.own, s.heard, w.strays = true, true, true, false, w.strays-1
}
