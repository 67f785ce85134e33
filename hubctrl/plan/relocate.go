// SPDX-License-Identifier: Apache-2.0

package plan

// relocate moves the workload to t without losing a byte (I2).
func relocate(f *Facts, t Side) Plan {
	if !t.Named() {
		return wait(WaitForUser, Paused, Nowhere, TargetNamed)
	}
	s := t.Peer()
	source, target := f.At(s), f.At(t)
	h := f.Home()
	moving := source.Wish.FinalSync != NoFinalSync
	switch {
	case h == t:
		return settle(f, t, phases(Relocate))
	case f.wishes(Primary) == 2 && h == Nowhere:
		return wait(WaitForUser, Paused, Nowhere, ConflictSolved)
	case h == Nowhere:
		return switchTo(f, t, phases(Relocate))
	// From here s is home.
	case source.Bereft(), target.Wish.Replaced:
		return settle(f, s, names{Initiating, Initiating})
	case target.Decision == Untold && target.occupied() && target.short(Between) == Nothing && source.short(IsPrimary) == Nothing && !source.Report.Volumes:
		// Protection began on the wrong side: nothing is there, and the user names the cluster that has the workload.
		return do(Initiating, EnsuringSecondary, secondary(s, Relocate))
	case source.unwished(), target.Wish.Role != Secondary, target.Wish.Deleting, target.Decision.placed(), target.Decision == Untold && target.Report.InUse:
		// A failover to s is not finished, or a wish was deleted by hand: first that.
		return settle(f, s, names{Initiating, Initiating})
	case source.Wish.FinalSync == Prepare && source.Decision != Gone && source.short(Between) == Nothing && !movable(source, target):
		// A claim came meanwhile, say. What it needs to be protected stops during a preparation.
		return do(Initiating, PreparingFinalSync, keep(s, NoFinalSync, Relocate))
	// Every gate holds again at each step: until the demotion the way back loses nothing.
	case target.short(IsSecondary) != Nothing:
		return wait(Initiating, PreparingFinalSync, t, target.short(IsSecondary))
	case source.short(Between) != Nothing:
		return wait(Initiating, PreparingFinalSync, s, source.short(Between))
	case !moving && target.Report.Conflict:
		return followReports(wait(Initiating, PreparingFinalSync, t, ConflictFree))
	case !moving && !target.Report.Ready && source.Decision == RunHere:
		// For example, its storage does not follow the source, and could not take over after a demotion; or it lets go of claims first.
		// It begins with that only when the workload was sent to the source: before, waiting for it would never end.
		return followReports(wait(Initiating, PreparingFinalSync, t, BeingSecondary))
	// Nothing moves yet: a volume that is new needs its destination on the peer before it can be protected.
	case !moving && source.short(IsPrimary) != Nothing:
		return followReports(wait(Initiating, PreparingFinalSync, s, source.short(IsPrimary)))
	case !moving && !source.Report.Protected:
		return followReports(wait(Initiating, PreparingFinalSync, s, BeingProtected))
	case !moving && source.Report.Unplaced:
		return followReports(wait(Initiating, PreparingFinalSync, s, BeingPlaced))
	case !moving && source.Report.Uncopied:
		// Its demotion would never be completed, and by then the workload is gone from there.
		return followReports(wait(Initiating, PreparingFinalSync, s, BeingCopied))
	case !moving && target.Wish.Serves:
		// Its peer is about to be demoted: what it would begin to let go from now on, storage may refuse to release.
		return do(Initiating, PreparingFinalSync, secondary(t, Relocate), keep(s, Prepare, Relocate))
	case source.Wish.FinalSync == NoFinalSync:
		return do(Initiating, PreparingFinalSync, keep(s, Prepare, Relocate))
	case source.Wish.FinalSync == Prepare && !source.Report.Prepared:
		return wait(Initiating, PreparingFinalSync, s, BeingPrepared)
	case source.Wish.FinalSync == Run && source.Decision.placed():
		// Found so by a hub that was restored from a backup: the workload may run again, and have written since.
		return do(Relocating, PreparingFinalSync, keep(s, Prepare, Relocate))
	case source.Decision != Gone:
		return do(Relocating, ClearingPlacement, publish(s, Gone, Gone))
	case source.Wish.FinalSync == Prepare:
		return do(Relocating, RunningFinalSync, keep(s, Run, Relocate))
	case source.Report.Synced && target.Report.Conflict:
		return wait(Relocating, RunningFinalSync, t, ConflictFree)
	case source.Report.Synced && !source.Report.Protected:
		return wait(Relocating, RunningFinalSync, s, BeingProtected)
	case source.Report.Synced:
		return do(Relocating, EnsuringSecondary, secondary(s, Relocate))
	case source.Report.InUse:
		return wait(Relocating, RunningFinalSync, s, WorkloadGone)
	default:
		return wait(Relocating, RunningFinalSync, s, BeingSynced)
	}
}

// movable reports whether all that the source has is ready, stored, copied, and finds its place on the target.
func movable(source, target *Cluster) bool {
	return source.short(IsPrimary) == Nothing && source.Report.Protected && !source.Report.Unplaced && !source.Report.Uncopied && !target.Report.Conflict
}

// handingOver is the side that was Primary last, where neither is any more: a relocate told it to be Secondary, and its demotion is
// not complete. What was written is there, whatever its peer has. Nowhere: there is none, or both claim it.
func (f *Facts) handingOver() Side {
	first, second := f.At(First).handsOver(), f.At(Second).handsOver()
	switch {
	case f.Home() != Nowhere, first == second:
		return Nowhere
	case first:
		return First
	default:
		return Second
	}
}

func (c *Cluster) handsOver() bool {
	return c.short(Between) == Nothing && c.Report.HandsOver && c.Wish.Role == Secondary && !c.Wish.Deleting && !c.Wish.Replaced && !c.Bereft()
}

// switchTo promotes t where neither side is Primary. It does not know which side was, so both must answer that they are
// Secondary, which includes that everything that was written there is on the peer.
func switchTo(f *Facts, t Side, n names) Plan {
	s := t.Peer()
	source, target := f.At(s), f.At(t)
	switch {
	case source.Bereft():
		return wait(WaitForUser, Paused, s, VolumesLost)
	case target.Bereft():
		return wait(WaitForUser, Paused, t, VolumesLost)
	case source.Wish.Replaced && !source.Wish.Deleting:
		return do(n.under, EnsuringSecondary, again(f, s))
	case target.Wish.Replaced && !target.Wish.Deleting:
		return do(n.under, EnsuringSecondary, again(f, t))
	case source.Wish.Role == NoRole && source.missing() != Nothing:
		return wait(n.under, EnsuringSecondary, s, source.missing())
	case source.Wish.Role == NoRole:
		return do(n.under, EnsuringSecondary, secondary(s, Relocate))
	case source.short(Between) != Nothing:
		return wait(n.under, EnsuringSecondary, s, source.short(Between))
	case target.Wish.Role == NoRole && target.missing() != Nothing:
		return wait(n.under, EnsuringSecondary, t, target.missing())
	case target.Wish.Role == Secondary && target.short(Between) != Nothing:
		return wait(n.under, EnsuringSecondary, t, target.short(Between))
	case f.handingOver() == t && source.Decision == Gone:
		// The way back from a relocate. Nobody was promoted since, so that nothing was written but what is on t.
		return do(n.under, WaitingForReadiness, promote(t, Relocate))
	case source.Decision != Gone, target.Decision != Gone:
		// A hub that found it so, new or restored from a backup: the deployer has to hear it from this one too.
		return do(n.under, ClearingPlacement, publish(t, Gone, Gone))
	case source.lacks() != Nothing:
		return wait(n.under, EnsuringSecondary, s, source.lacks())
	case target.Wish.Role == Secondary && target.lacks() != Nothing:
		return wait(n.under, EnsuringSecondary, t, target.lacks())
	default:
		return do(n.under, WaitingForRestore, promote(t, Relocate))
	}
}
