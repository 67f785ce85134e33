// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"slices"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

// unexplained says what is wrong with the plan as an explanation to the user (I7), or as a failover (I8); empty: nothing.
func unexplained(f plan.Facts) string {
	p := plan.Decide(f)
	if len(p.Writes) > 0 && p.Wait.Fact != plan.Nothing {
		return "I7: a plan that writes and waits"
	}
	if w := p.Wait; len(p.Writes) == 0 && w.Fact != plan.Nothing && !awaited(&f, w) {
		return fmt.Sprintf("I7: it waits for fact %d of cluster %d, which is true or can't be judged", w.Fact, w.On)
	}
	if waits := p.Progression == plan.WaitOnUserToCleanUp; waits != (p.Wait.Fact == plan.WorkloadGone) {
		return "I7: the step does not say whether the user has to clean up"
	}
	if h := f.Home(); h != plan.Nowhere && len(p.Writes) == 0 && !f.Deleting && !f.Stale && f.Ask == plan.Stay &&
		p.Progression != plan.Paused && f.At(h).Decision == plan.RunHere && !f.At(h).Unwished() && f.At(h).Wish.For == plan.Failover {
		return "a cleared failover is not noted: the next one that names no cluster would be taken for it"
	}
	if p.Done() && !healthy(&f) {
		return "I7: it says that all is done, which is not so"
	}
	if f.Ask == plan.Failover && !f.Deleting {
		return dependent(f, p)
	}
	return ""
}

// healthy reports whether the facts say that the workload runs, protected, on one cluster.
func healthy(f *plan.Facts) bool {
	h := f.Home()
	if h == plan.Nowhere {
		return false
	}
	at, peer := f.At(h), f.At(h.Peer())
	return !at.Bereft() && at.Live && at.Report.Answered && at.Decision == plan.RunHere && at.Wish.FinalSync == plan.NoFinalSync &&
		!peer.Report.Conflict && peer.Live && peer.Report.Answered && peer.Wish.Role == plan.Secondary && peer.Report.State == plan.IsSecondary && peer.Report.Ready && peer.Decision == plan.Gone
}

// sentToASecondary reports whether the deployer is told to run the workload where it would find a Secondary.
func sentToASecondary(f *plan.Facts) bool {
	return slices.ContainsFunc([]plan.Side{plan.First, plan.Second}, func(s plan.Side) bool {
		return f.At(s).Decision == plan.RunHere && f.At(s).Wish.Role == plan.Secondary
	})
}

// awaited reports whether the fact that is waited for is really not true, and the nearest that can be said: a link that
// is lost is named before the facts behind it.
func awaited(f *plan.Facts, w plan.Wait) bool {
	if !w.On.Named() {
		switch w.Fact {
		case plan.TargetNamed:
			return !f.Target.Named()
		case plan.ConflictSolved:
			return f.Wishes(plan.Primary) == 2 && f.Home() == plan.Nowhere
		case plan.PolicyValid:
			return !f.Usable
		case plan.PrimaryFound:
			return f.Elsewhere && f.Home() == plan.Nowhere
		case plan.SpecConfirmed:
			h := f.Home()
			settled := h == plan.Nowhere && f.At(plan.First).Unclear() == plan.Nothing && f.At(plan.Second).Unclear() == plan.Nothing ||
				h != plan.Nowhere && (f.At(h).Decision == plan.RunHere || f.At(h).Short(plan.IsPrimary) != plan.Nothing)
			return f.Stale && f.Ask != plan.Stay && (h == plan.Nowhere || h != f.Target) && settled && !sentToASecondary(f)
		}
		return false
	}
	if w.Fact == plan.ConflictSolved {
		return plan.Usurps(f, w.On)
	}
	c := f.At(w.On)
	if w.Fact == plan.SpecConfirmed {
		return f.Stale && f.Home() == plan.Nowhere && c.Unclear() != plan.Nothing && !sentToASecondary(f)
	}
	answered := c.Live && c.Report.Answered
	switch w.Fact {
	case plan.LinkIsLive:
		return !c.Live
	case plan.InboxComplete:
		return c.Wish.Role == plan.NoRole && !c.Known()
	case plan.Answer:
		return c.Live && c.Wish.Role != plan.NoRole && !c.Report.Answered
	case plan.BeingPrimary:
		return answered && !(c.Report.State == plan.IsPrimary && c.Report.Ready)
	case plan.BeingProtected:
		return answered && c.Report.State == plan.IsPrimary && !c.Report.Protected
	case plan.BeingSecondary:
		return answered && (c.Report.State != plan.IsSecondary && !c.Report.InUse || c.Report.State == plan.IsSecondary && !(c.Report.Level && c.Report.Ready))
	case plan.HomeAgreed:
		return answered && c.Wish.Role == plan.Secondary && (c.Report.InUse || c.Report.Conflict) && c.Decision == plan.Untold && f.Home() != w.On
	case plan.ConflictFree:
		return answered && c.Wish.Role == plan.Secondary && c.Report.Conflict
	case plan.LossAccepted:
		return answered && c.Report.State == plan.IsPrimary && c.Report.Ready && !c.Report.Volumes && !f.Accepted &&
			(f.At(w.On.Peer()).Report.Volumes || c.Wish.For == plan.Failover && f.At(w.On.Peer()).Report.View != plan.Present)
	case plan.BeingRestored:
		return answered && c.Report.State == plan.IsPrimary && c.Report.Ready && c.Report.Restoring && c.Decision == plan.RunHere
	case plan.BeingPlaced:
		return answered && c.Report.State == plan.IsPrimary && c.Report.Unplaced
	case plan.BeingCopied:
		return answered && c.Report.State == plan.IsPrimary && c.Report.Uncopied
	case plan.BeingPrepared:
		return answered && c.Wish.FinalSync == plan.Prepare && !c.Report.Prepared
	case plan.BeingSynced:
		return answered && c.Wish.FinalSync == plan.Run && !c.Report.Synced && !c.Report.InUse
	case plan.WorkloadGone:
		return answered && c.Report.InUse && c.Decision == plan.Gone
	case plan.ObjectGone:
		return c.Live && !c.Report.Removed && (c.Wish.Deleting || c.Wish.Former || c.Wish.Role == plan.NoRole && c.Report.View == plan.Present && !c.Report.Orphan)
	case plan.PrimaryFound:
		peer := f.At(w.On.Peer())
		return c.Report.Orphan && c.Report.Claim == plan.Secondary && peer.Known() && peer.Report.View == plan.Absent
	case plan.ProtectionEnded:
		return c.Wish.Ended && !f.Deleting
	case plan.StorageReady:
		return answered && c.Unready
	case plan.VolumesLost:
		return c.Bereft() && c.Decision != plan.RunHere // the deployer must not fill its place meanwhile
	case plan.ForeignRemoved:
		return c.Report.Foreign
	case plan.HomeNamed:
		return c.Wish.Deleting && !c.Decision.Placed() && (f.Home() == w.On || f.Home() == plan.Nowhere)
	}
	return false
}

// dependent says whether a failover that begins, or could, looks at the failed side (I8).
func dependent(f plan.Facts, p plan.Plan) string {
	t := plan.Survivor(&f)
	if !t.Named() {
		return ""
	}
	blind := f
	failed := blind.At(t.Peer())
	failed.Live, failed.Report = false, plan.Report{}
	if at := f.At(t); f.Home() == t && at.Wish.Role == plan.Primary && !at.Wish.Deleting {
		return "" // it has begun
	}
	begins := func(p plan.Plan) bool {
		for _, w := range p.Writes {
			if w.Kind == plan.PutWish && w.Side == t && w.Promote && w.For == plan.Failover {
				return true
			}
		}
		return false
	}
	q := plan.Decide(blind)
	switch {
	case begins(p) && !begins(q):
		return "I8: the failover begins only with a fact of the failed side"
	case begins(q) && len(p.Writes) == 0, begins(q) && !begins(p) && f.At(t.Peer()).Wish.Questioned:
		return "I8: a fact of the failed side stops the failover"
	default:
		return ""
	}
}
