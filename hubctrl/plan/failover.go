// SPDX-License-Identifier: Apache-2.0

package plan

// failover promotes the survivor by what the survivor says alone (I8).
func failover(f *Facts) Plan {
	t := survivor(f)
	if !t.Named() {
		return wait(WaitForUser, Paused, Nowhere, TargetNamed)
	}
	at, h := f.At(t), f.Home()
	switch {
	case h == t:
		return settle(f, t, phases(Failover))
	case at.Bereft():
		return wait(WaitForUser, Paused, t, VolumesLost)
	case at.Wish.Replaced && !at.Wish.Deleting:
		return do(Initiating, CheckingPrerequisites, again(f, t))
	case at.Wish.Role == NoRole && at.missing() != Nothing:
		return wait(Initiating, CheckingPrerequisites, t, at.missing())
	case at.Wish.Role == NoRole && at.Decision.placed() && f.At(t.Peer()).Decision != RunHere:
		// The workload never left it: what was begun to move it away is taken back.
		return do(FailingOver, FailingOverToCluster, promote(t, Failover))
	case at.Wish.Deleting && h == Nowhere:
		return wait(WaitForUser, Paused, t, HomeNamed)
	case at.unwished() && !at.Decision.placed() && h != Nowhere && f.At(h).unwished():
		// Nothing to fail over to: what the target had went with its wish. First all is as it was.
		return settle(f, h, names{Initiating, Initiating})
	case at.obeyed():
		return do(Initiating, CheckingPrerequisites, Write{Kind: DropWish, Side: t})
	case at.Wish.Deleting:
		return leaving(f, t, Initiating, CheckingPrerequisites)
	case at.Wish.Role == NoRole:
		return do(Initiating, CheckingPrerequisites, secondary(t, Failover))
	case at.short(Between) != Nothing:
		return wait(Initiating, CheckingPrerequisites, t, at.short(Between))
	case at.Wish.Role == Primary:
		// It is Primary still, but its peer was promoted later: the way out of a split brain, or of a failover that the
		// user takes back.
		return do(FailingOver, FailingOverToCluster, retain(f, t, promote(t, Failover))...)
	case at.Decision.placed() && !at.Report.Conflict, at.Decision == Untold && at.Report.InUse && !at.Report.Conflict:
		// It was home before the last failover, and its own demotion is not finished: first that.
		return do(Initiating, CheckingPrerequisites, publish(t, Gone, told(f.At(t.Peer()))))
	case at.short(IsSecondary) != Nothing && !at.keeps() && !(h == Nowhere && at.handsOver()):
		return wait(Initiating, CheckingPrerequisites, t, at.short(IsSecondary))
	case at.Unready:
		return wait(Initiating, ActivatingMaintenance, t, StorageReady)
	default:
		return do(FailingOver, FailingOverToCluster, retain(f, t, promote(t, Failover))...)
	}
}

// keeps reports whether the cluster retains what it had when it was interrupted, so that the user may choose it. Once it was told
// that its peer has taken over, it may have let that go, whatever its last report says.
func (c *Cluster) keeps() bool { return c.Report.Severed && !c.Wish.Serves }

// survivor is the side to fail over to. Without a named one it is the side that the last failover promoted, else the
// side that is not home: an action that stays in the spec must not swing back.
func survivor(f *Facts) Side {
	h := f.Home()
	switch {
	case f.Target != Nowhere:
		return f.Target
	case h == Nowhere, f.At(h).Wish.Role == NoRole:
		return Nowhere
	case f.At(h).Wish.For == Failover:
		return h
	default:
		return h.Peer()
	}
}

// retain puts before w what keeps the failed side's objects alone, and nothing running, until the target is ready.
func retain(f *Facts, t Side, w Write) []Write {
	was := f.At(t.Peer()).Decision
	if was == RunHere {
		return []Write{publish(t, retained(f.At(t)), Retain), w}
	}
	return []Write{w}
}
