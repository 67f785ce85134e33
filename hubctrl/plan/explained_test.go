// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
)

// unexplained says what is wrong with the plan as an explanation to the user (I7), or as a failover (I8); empty: nothing.
func unexplained(f Facts) string {
	p := Decide(f)
	if len(p.Writes) > 0 && p.Wait.Fact != Nothing {
		return "I7: a plan that writes and waits"
	}
	if w := p.Wait; len(p.Writes) == 0 && w.Fact != Nothing && !awaited(&f, w) {
		return fmt.Sprintf("I7: it waits for fact %d of cluster %d, which is true or can't be judged", w.Fact, w.On)
	}
	if waits := p.Progression == WaitOnUserToCleanUp; waits != (p.Wait.Fact == WorkloadGone) {
		return "I7: the step does not say whether the user has to clean up"
	}
	if h := f.Home(); h != Nowhere && len(p.Writes) == 0 && !f.Deleting && !f.Stale && f.Ask == Stay &&
		p.Progression != Paused && f.At(h).Decision == RunHere && !f.At(h).unwished() && f.At(h).Wish.For == Failover {
		return "a cleared failover is not noted: the next one that names no cluster would be taken for it"
	}
	if p.Done() && !healthy(&f) {
		return "I7: it says that all is done, which is not so"
	}
	if f.Ask == Failover && !f.Deleting {
		return dependent(f, p)
	}
	return ""
}

// healthy reports whether the facts say that the workload runs, protected, on one cluster.
func healthy(f *Facts) bool {
	h := f.Home()
	if h == Nowhere {
		return false
	}
	at, peer := f.At(h), f.At(h.Peer())
	return !at.Bereft() && at.Live && at.Report.Answered && at.Decision == RunHere && at.Wish.FinalSync == NoFinalSync &&
		!peer.Report.Conflict && peer.Live && peer.Report.Answered && peer.Wish.Role == Secondary && peer.Report.State == IsSecondary && peer.Report.Ready && peer.Decision == Gone
}

// sentToASecondary reports whether the deployer is told to run the workload where it would find a Secondary.
func sentToASecondary(f *Facts) bool {
	return slices.ContainsFunc([]Side{First, Second}, func(s Side) bool {
		return f.At(s).Decision == RunHere && f.At(s).Wish.Role == Secondary
	})
}

// awaited reports whether the fact that is waited for is really not true, and the nearest that can be said: a link that
// is lost is named before the facts behind it.
func awaited(f *Facts, w Wait) bool {
	if !w.On.Named() {
		switch w.Fact {
		case TargetNamed:
			return !f.Target.Named()
		case ConflictSolved:
			return f.wishes(Primary) == 2 && f.Home() == Nowhere
		case PolicyValid:
			return !f.Usable
		case PrimaryFound:
			return f.Elsewhere && f.Home() == Nowhere
		case SpecConfirmed:
			h := f.Home()
			settled := h == Nowhere && f.At(First).unclear() == Nothing && f.At(Second).unclear() == Nothing ||
				h != Nowhere && (f.At(h).Decision == RunHere || f.At(h).short(IsPrimary) != Nothing)
			return f.Stale && f.Ask != Stay && (h == Nowhere || h != f.Target) && settled && !sentToASecondary(f)
		}
		return false
	}
	if w.Fact == ConflictSolved {
		return usurps(f, w.On)
	}
	c := f.At(w.On)
	if w.Fact == SpecConfirmed {
		return f.Stale && f.Home() == Nowhere && c.unclear() != Nothing && !sentToASecondary(f)
	}
	answered := c.Live && c.Report.Answered
	switch w.Fact {
	case LinkIsLive:
		return !c.Live
	case InboxComplete:
		return c.Wish.Role == NoRole && !c.known()
	case Answer:
		return c.Live && c.Wish.Role != NoRole && !c.Report.Answered
	case BeingPrimary:
		return answered && !(c.Report.State == IsPrimary && c.Report.Ready)
	case BeingProtected:
		return answered && c.Report.State == IsPrimary && !c.Report.Protected
	case BeingSecondary:
		return answered && (c.Report.State != IsSecondary && !c.Report.InUse || c.Report.State == IsSecondary && !(c.Report.Level && c.Report.Ready))
	case HomeAgreed:
		return answered && c.Wish.Role == Secondary && (c.Report.InUse || c.Report.Conflict) && c.Decision == Untold && f.Home() != w.On
	case ConflictFree:
		return answered && c.Wish.Role == Secondary && c.Report.Conflict
	case LossAccepted:
		return answered && c.Report.State == IsPrimary && c.Report.Ready && !c.Report.Volumes && !f.Accepted &&
			(f.At(w.On.Peer()).Report.Volumes || c.Wish.For == Failover && f.At(w.On.Peer()).Report.View != Present)
	case BeingRestored:
		return answered && c.Report.State == IsPrimary && c.Report.Ready && c.Report.Restoring && c.Decision == RunHere
	case BeingPlaced:
		return answered && c.Report.State == IsPrimary && c.Report.Unplaced
	case BeingPrepared:
		return answered && c.Wish.FinalSync == Prepare && !c.Report.Prepared
	case BeingSynced:
		return answered && c.Wish.FinalSync == Run && !c.Report.Synced && !c.Report.InUse
	case WorkloadGone:
		return answered && c.Report.InUse && c.Decision == Gone
	case ObjectGone:
		return c.Live && !c.Report.Removed && (c.Wish.Deleting || c.Wish.Former || c.Wish.Role == NoRole && c.Report.View == Present && !c.Report.Orphan)
	case PrimaryFound:
		peer := f.At(w.On.Peer())
		return c.Report.Orphan && c.Report.Claim == Secondary && peer.known() && peer.Report.View == Absent
	case ProtectionEnded:
		return c.Wish.Ended && !f.Deleting
	case StorageReady:
		return answered && c.Unready
	case VolumesLost:
		return c.Bereft() && c.Decision != RunHere // the deployer must not fill its place meanwhile
	case ForeignRemoved:
		return c.Report.Foreign
	case HomeNamed:
		return c.Wish.Deleting && !c.Decision.placed() && (f.Home() == w.On || f.Home() == Nowhere)
	}
	return false
}

// dependent says whether a failover that begins, or could, looks at the failed side (I8).
func dependent(f Facts, p Plan) string {
	t := survivor(&f)
	if !t.Named() {
		return ""
	}
	blind := f
	failed := blind.At(t.Peer())
	failed.Live, failed.Report = false, Report{}
	if at := f.At(t); f.Home() == t && at.Wish.Role == Primary && !at.Wish.Deleting {
		return "" // it has begun
	}
	begins := func(p Plan) bool {
		for _, w := range p.Writes {
			if w.Kind == PutWish && w.Side == t && w.Promote && w.For == Failover {
				return true
			}
		}
		return false
	}
	q := Decide(blind)
	switch {
	case begins(p) && !begins(q):
		return "I8: the failover begins only with a fact of the failed side"
	case begins(q) && len(p.Writes) == 0, begins(q) && !begins(p) && f.At(t.Peer()).Wish.Questioned:
		return "I8: a fact of the failed side stops the failover"
	default:
		return ""
	}
}
