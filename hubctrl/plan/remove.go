// SPDX-License-Identifier: Apache-2.0

package plan

// remove ends the protection: first the secondaries, then the primary, whose deletion empties the stores and gives the
// volumes back. PVCs, workload and namespaces stay.
func remove(f *Facts) Plan {
	first := First
	if f.At(First).Wish.Role == Primary {
		first = Second
	}
	for _, s := range []Side{first, first.Peer()} {
		c := f.At(s)
		switch {
		case c.Wish.Former, c.Report.Foreign && (c.Wish.Role == NoRole || c.Wish.Deleting):
			// What is there is not of this protection: an earlier one's tombstone goes when it is obeyed, and the object of
			// another hub, or of nobody, stays as it is.
			continue
		case c.Wish.Adopting && !c.Wish.Deleting && !c.Wish.Ended && !c.Abandon && !c.Report.Foreign:
			// The mirror deletes only what carries the wish's UID (X6). A wish that has ended there makes and takes over nothing.
			return wait(Deleting, Removing, s, c.short(Between))
		case c.Wish.Role != NoRole && !c.Wish.Deleting:
			return do(Deleting, Removing, Write{Kind: RemoveWish, Side: s})
		case c.Abandon, c.Report.Removed, c.Wish.Role == NoRole && c.missing() == Nothing:
			continue
		case c.Report.Orphan && c.known():
			// An object of a former hub. It is adopted and removed once the other side is seen too.
			return wait(Deleting, Removing, s.Peer(), InboxComplete)
		case c.Wish.Role == NoRole:
			return wait(Deleting, Removing, s, c.missing())
		case !c.Live:
			return wait(Deleting, Removing, s, LinkIsLive)
		default:
			return wait(Deleting, Removing, s, ObjectGone)
		}
	}
	// The tombstones go last, with the application's object: until then they are the proof that nothing is left. One
	// that was abandoned stays, and is obeyed when its cluster returns.
	var writes []Write
	for _, s := range []Side{First, Second} {
		if c := f.At(s); c.Report.Removed || c.Report.Foreign && c.Wish.Deleting {
			writes = append(writes, Write{Kind: DropWish, Side: s})
		}
	}
	return do(Deleting, Removing, append(writes, Write{Kind: Finish})...)
}

// amid is what a protection that ends in the middle of a move has to do, or to wait for, before anything is removed; nil: nothing.
// Some storages let go of a secondary only while its peer is primary: without a promotion that would be the end of both. Stores
// are emptied by a Primary only. And a user who looks for the data finds it where the move went.
func (f *Facts) amid() *Plan {
	for _, s := range []Side{First, Second} {
		c := f.At(s)
		w := c.Wish
		if w.Role == NoRole || w.Deleting || w.Former || w.Ended || w.Adopting || w.Replaced || c.Abandon || c.Report.Foreign || c.Bereft() || c.Decision != Gone {
			return nil
		}
	}
	during := names{Deleting, Deleting}
	switch h := f.Home(); {
	case f.handingOver() != Nowhere && f.Usable && !f.Stale:
		p := switchTo(f, f.handingOver(), during)
		return &p
	case f.wishes(Primary) == 0 && f.Target.Named() && f.Usable && !f.Stale:
		p := switchTo(f, f.Target, during)
		return &p
	case f.wishes(Primary) == 1 && f.At(h).Wish.FinalSync == NoFinalSync && f.At(h).short(IsPrimary) != Nothing:
		p := wait(during.under, WaitingForRestore, h, f.At(h).short(IsPrimary))
		return &p
	default:
		return nil
	}
}
