// SPDX-License-Identifier: Apache-2.0

package plan

// interrupt decides for a group that is deleted by somebody else than the hub (X14). Nothing may hang for want of us, and
// nothing that is protected may go: replicas, stores and marks stay for the group that comes back.
func interrupt(g Facts, p *Plan) {
	loosen(g, p, func(v Volume) bool { return v.Marks != MarksNone && v.Claim != ClaimAbsent })
	p.group(RemoveFinalizer)
}

// loosen lets the claims go that goes picks. Their volumes stay.
func loosen(g Facts, p *Plan, goes func(Volume) bool) {
	for i, v := range g.Volumes {
		p.Verdicts[i] = Verdict{standing(v), WhyInterrupted}
		if v.Foreign || !goes(v) {
			continue
		}
		if v.Kept != KeptAll {
			p.volume(i, Retain) // before the claim can go
		}
		p.volume(i, RemoveClaimFinalizer)
	}
}

// outlived reports whether a replica that is being deleted goes after the group. A session holds a secondary until the primary is let
// go, whose group ends only when this one has; the protection of a secondary's volume ends with its group only. The claim is held by the
// replica until then, so that its volume can't go before.
func (g Facts) outlived(v Volume) bool { return g.Role == Secondary && v.Session }

// end decides for a group that is being deleted. It needs no class and no readable configuration, but for the stores.
func end(g Facts, p *Plan) {
	clean := true
	for i, v := range g.Volumes {
		if v.Foreign {
			p.Verdicts[i] = Verdict{Gone, WhyForeign}
			continue
		}
		// A claim that leaves takes its data along as soon as the policy is back. A primary's user wants that; on a
		// secondary it would destroy the replica.
		becomes := left
		if g.Role == Primary || v.Claim == ClaimBound {
			becomes = returned
		}
		p.Verdicts[i] = endProtection(g, i, v, p, becomes)
		clean = clean && p.Verdicts[i].State == Gone
	}
	for i := range g.Remains {
		p.volume(i, Abandon)
		clean = false
	}
	for i, c := range g.Copies {
		if !c.There {
			continue
		}
		clean = false
		if g.Role == Primary && g.Restore != RestoreDone {
			p.volume(i, Leave) // it may be all that is left, and was not made a claim yet
		} else {
			p.volume(i, Dismiss)
		}
	}
	if !clean {
		return
	}
	if g.Role == Primary {
		p.group(DeleteStored)
	}
	p.group(RemoveFinalizer)
}
