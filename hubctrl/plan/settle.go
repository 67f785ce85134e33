// SPDX-License-Identifier: Apache-2.0

package plan

// names are the phases of an operation before and after the workload may run on its new home.
type names struct{ under, after Phase }

func phases(a Ask) names {
	switch a {
	case Failover:
		return names{FailingOver, FailedOver}
	case Relocate:
		return names{Relocating, Relocated}
	case Stay:
		return names{Deploying, Deployed}
	}
	panic("unknown operation")
}

// settle brings everything in line with home h, which is wished Primary and newer than its peer: the common end of all
// operations.
func settle(f *Facts, h Side, n names) Plan { return objects(f, h, roles(f, h, n)) }

// roles brings the roles of both sides and the workload in line with home h.
func roles(f *Facts, h Side, n names) Plan {
	p := h.Peer()
	at, peer := f.At(h), f.At(p)
	// While the workload may run only on the peer, the role of the peer does not change: the user may cancel the move.
	free := at.Decision == RunHere || !peer.Decision.placed()
	switch {
	case at.Bereft() && at.Decision == RunHere:
		// The deployer would create empty volumes, and what runs there already must not be removed.
		return do(WaitForUser, Paused, publish(h, Retain, peer.Decision))
	case at.Bereft():
		return followReports(wait(WaitForUser, Paused, h, VolumesLost))
	case peer.Wish.Replaced && peer.Wish.Role == Secondary && !peer.Wish.Deleting:
		// An empty Secondary is harmless, and is filled from h.
		return do(n.after, CleaningUp, again(f, p))
	case at.Wish.Replaced && !at.Wish.Deleting:
		return do(n.under, WaitingForReadiness, again(f, h))
	case at.unwished():
		return renew(f, h, n)
	case at.Wish.FinalSync != NoFinalSync:
		// A relocate was given up: a Primary that stays one must not keep its schedules stopped.
		return do(n.under, WaitingForReadiness, keep(h, NoFinalSync, f.Ask))
	case free && peer.obeyed():
		return do(n.under, WaitingForRestore, Write{Kind: DropWish, Side: p})
	case free && peer.Wish.Role == NoRole && peer.missing() == Nothing:
		return do(n.under, WaitingForRestore, secondary(p, f.Ask))
	case at.Decision == Untold && !f.chosen(h) && peer.Wish.Role == Secondary && peer.occupied():
		return followReports(wait(WaitForUser, Paused, p, HomeAgreed))
	case at.Decision != RunHere && at.short(IsPrimary) != Nothing:
		// Before that, the deployer would make fresh, empty volumes. Volumes that are there already may need their
		// destinations on the peer to be ready.
		return followReports(wait(n.under, WaitingForReadiness, h, at.short(IsPrimary)))
	case at.Decision != RunHere && losing(f, h):
		return wait(n.under, WaitingForRestore, h, LossAccepted)
	case at.Decision != RunHere:
		// The peer's objects stay until it answered that it is told Secondary: else a deleted PVC would look to it like
		// a user's wish to give up a protected volume.
		return do(n.under, FailingOverToCluster, publish(h, RunHere, retained(peer)))
	case !peer.Wish.Deleting && peer.known() && usurps(f, p):
		return dismiss(f, h, n.after) // the user chose this: the plan gets here in no other way
	case peer.Wish.Role == Primary && !peer.Wish.Deleting:
		return do(n.after, CleaningUp, secondary(p, Failover))
	case at.Wish.For == Failover && f.Ask != Failover:
		// No matter what the peer does: this is how the next Failover without a named target differs from the last one.
		return do(n.after, CleaningUp, keep(h, NoFinalSync, f.Ask))
	case peer.Wish.Deleting:
		return followReports(leaving(f, p, n.after, CleaningUp))
	case peer.Wish.Role == NoRole:
		return wait(n.after, CleaningUp, p, peer.missing())
	case peer.Decision != Gone && peer.short(Between) == Nothing && peer.Report.Conflict && !f.Accepted:
		// It would lose what only it has along with the workload.
		return followReports(wait(n.after, CleaningUp, p, ConflictFree))
	case peer.Decision != Gone && peer.short(Between) == Nothing:
		return do(n.after, CleaningUp, publish(h, RunHere, Gone))
	case f.Ask == Failover && peer.Wish.For != Failover && peer.short(IsSecondary) == BeingSecondary:
		// It may have what its peer lacks, if it was restored from a backup and its workload ran again. The user gives that
		// up by a failover to the cluster where the workload is.
		return do(n.after, CleaningUp, secondary(p, Failover))
	case peer.short(IsSecondary) != Nothing:
		return followReports(wait(n.after, CleaningUp, p, peer.short(IsSecondary)))
	case !peer.Report.Ready:
		// Its claims that leave are let go once it is told that h has taken over.
		return followReports(wait(n.after, CleaningUp, p, BeingSecondary))
	case peer.Report.Conflict:
		return followReports(wait(n.after, CleaningUp, p, ConflictFree))
	case at.short(Between) != Nothing:
		return followReports(wait(n.after, Completed, h, at.short(Between)))
	case at.Wish.For != f.Ask:
		return do(n.after, Completed, keep(h, NoFinalSync, f.Ask))
	default:
		return followReports(do(n.after, Completed))
	}
}

// chosen reports whether the user's operation is to h, where the roles have the workload already: their word for it, should
// something of it be elsewhere too.
func (f *Facts) chosen(h Side) bool {
	return f.Ask == Failover && survivor(f) == h || f.Ask == Relocate && f.Target == h
}

// losing reports whether the workload would begin with nothing on h while its peer has volumes, or may have: a failover away from a
// cluster of which there is no report. What the peer said last is asked only where h itself found nothing, so that it can't
// hold back a failover to what was restored (I8).
func losing(f *Facts, h Side) bool {
	return !f.Accepted && !f.At(h).Report.Volumes && (f.At(h.Peer()).Report.Volumes || unseenSource(f, h))
}

// unseenSource reports whether a failover to h left a cluster of which there is no report. What an earlier protection left
// there does not count.
func unseenSource(f *Facts, h Side) bool {
	source := f.At(h.Peer())
	return f.At(h).Wish.For == Failover && source.Report.View != Present && !source.Wish.Former
}

// followReports lets the content of wishes follow the reports.
func followReports(p Plan) Plan {
	p.Tend = true
	return p
}

// retained is what becomes of a side's objects while it is not known to have been told Secondary. Where nothing was
// published yet, a Secondary that answers has no workload of ours, unless it has claims that nobody replicates.
func retained(c *Cluster) Decision {
	if c.Decision == Gone || c.Decision == Untold && c.Wish.Role == Secondary && c.short(Between) == Nothing && !c.Report.Conflict {
		return Gone
	}
	return Retain
}

// told is what was published about a side, or what says the same where nothing was.
func told(c *Cluster) Decision {
	if c.Decision == Untold {
		return retained(c)
	}
	return c.Decision
}

// unconfirmed moves no role until the user has said again what a backup remembers. Meanwhile everything is brought in line
// with where the workload is: the decisions of the backup are as old as its spec.
func unconfirmed(f *Facts) Plan {
	if h := f.Home(); h != Nowhere {
		rest := *f
		rest.Ask = Stay
		if p := settle(&rest, h, names{WaitForUser, WaitForUser}); len(p.Writes) > 0 {
			return p
		}
	}
	// Where no side is home, one has become Secondary since the backup, and the other one was not heard yet. It may be lost, so the
	// user is asked at once.
	for _, s := range []Side{First, Second} {
		if f.Home() == Nowhere && f.At(s).unclear() != Nothing {
			return wait(WaitForUser, Paused, s, SpecConfirmed)
		}
	}
	return wait(WaitForUser, Paused, Nowhere, SpecConfirmed)
}

// stay moves no role.
func stay(f *Facts) Plan {
	h := f.Home()
	switch {
	case h != Nowhere:
		return settle(f, h, phases(Stay))
	case f.wishes(Primary) == 2:
		return wait(WaitForUser, Paused, Nowhere, ConflictSolved)
	case f.handingOver() != Nowhere:
		// A relocate was past its point of no return, and its end may be out of reach: the target can have lost what it had.
		return switchTo(f, f.handingOver(), phases(Stay))
	case !f.Target.Named():
		return wait(WaitForUser, Paused, Nowhere, TargetNamed)
	default:
		// No side is Primary: a relocate was past its point of no return, or a first deployment was interrupted. The
		// workload must run somewhere, and continuing in the same direction loses nothing.
		return switchTo(f, f.Target, phases(Stay))
	}
}
