// SPDX-License-Identifier: Apache-2.0

package plan

// deploy begins the protection of an application that no cluster knows yet.
func deploy(f *Facts) Plan {
	h := f.Target
	switch {
	case !f.At(First).known():
		return wait(WaitForUser, Paused, First, InboxComplete)
	case !f.At(Second).known():
		return wait(WaitForUser, Paused, Second, InboxComplete)
	case !h.Named():
		return wait(WaitForUser, Paused, Nowhere, TargetNamed)
	case !f.Usable:
		return wait(Deploying, Paused, Nowhere, PolicyValid)
	default:
		// The peer first: a lone secondary is harmless, a lone primary would have nowhere to replicate to.
		return do(Deploying, Paused, secondary(h.Peer(), Stay), promote(h, Stay))
	}
}

// adopt lists the wishes to be made for objects that this hub did not wish, exactly as they are, before anything else is
// decided. Both sides must be known, lest the one that is not seen be the Primary; but a Failover to the side that is
// seen is the user's word that the other one is lost.
func adopt(f *Facts) []Write {
	var writes []Write
	for _, s := range []Side{First, Second} {
		named := f.Ask == Failover && f.Target == s
		if f.At(s).Report.Orphan && f.At(s).known() && (f.At(s.Peer()).known() || named) {
			writes = append(writes, Write{Kind: AdoptWish, Side: s})
		}
	}
	return writes
}
