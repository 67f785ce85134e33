// SPDX-License-Identifier: Apache-2.0

package plan

import "slices"

func secondary(g Group, p *Plan) {
	if g.Pruned {
		prune(g, p)
		return
	}
	switch loose := slices.ContainsFunc(g.Volumes, loosened); {
	case g.Released:
	case !loose:
		p.group(Forget) // the next term as primary starts with a restore
	case !g.Held:
		p.group(Hold) // what an interruption loosened is held again first: else its claim could go unnoticed
	}
	for i, v := range g.Volumes {
		if loosened(v) && v.Claim == ClaimBound {
			p.volume(i, Mark)
		}
		p.Verdicts[i] = release(g, i, v, p)
	}
	abandon(g, p) // as long as the newer data can be seen
	for i, c := range g.Copies {
		switch {
		case c.There && (c.Stale || !c.Wanted):
			p.volume(i, Dismiss)
		case c.Wanted && c.Able && !c.Sending && !c.Exact:
			p.volume(i, Receive)
		}
	}
}

// loosened says that a claim is without our finalizer while its volume is still to be demoted.
func loosened(v Volume) bool {
	return !v.Foreign && v.Marks == MarksSome && v.Claim != ClaimAbsent && v.Replica == ReplicaPresent
}

// release decides for one volume of a secondary. Its replica is kept until it is in sync; its PV stays retained for
// good, so that deleting the claim never destroys the copy.
func release(g Group, i int, v Volume, p *Plan) Verdict {
	switch {
	case v.Foreign:
		return Verdict{Discovered, WhyForeign}
	case v.Replica == ReplicaUnknown:
		return Verdict{Releasing, WhyUnread}
	case v.Replica == ReplicaForeign:
		return Verdict{Discovered, WhyForeign}
	case v.Replica == ReplicaLeaving:
		return Verdict{AtSecondary, WhyLeaving}
	case v.Replica == ReplicaAbsent:
		return free(g, i, v, p)
	case v.Told == Primary && v.Claim == ClaimAbsent:
		return Verdict{Releasing, WhyClaimLost} // dropping the replica could take the peer's copy with it
	case v.Told == Primary && v.Use != UseFree:
		return Verdict{Releasing, WhyUse}
	case !v.Exact:
		if !v.Kept && v.Claim != ClaimAbsent {
			p.volume(i, Retain)
		}
		p.volume(i, Demote)
		return Verdict{Demoting, WhyReplica}
	case !v.Settled:
		return Verdict{Demoting, WhyReplica}
	default:
		if !v.Kept && v.Claim != ClaimAbsent {
			p.volume(i, Retain)
		}
		p.volume(i, Drop)
		return Verdict{AtSecondary, WhyNothing}
	}
}

// free decides for a volume of a secondary that has no replica.
func free(g Group, i int, v Volume, p *Plan) Verdict {
	exists := v.Claim == ClaimBound || v.Claim == ClaimLeaving || v.Claim == ClaimLost
	switch {
	case v.Marks != MarksNone && !v.Sealed && exists && !g.Discard:
		// It was told to leave before it had been replicated once: the peer has no copy. It is held, so that a return
		// to primary finds it.
		return Verdict{Releasing, WhyUnprotected}
	case v.Marks != MarksNone && v.Claim != ClaimAbsent:
		if !v.Kept && exists {
			p.volume(i, Retain)
		}
		p.volume(i, Unmark)
		return Verdict{AtSecondary, WhyNothing}
	case !exists, v.Claim == ClaimLeaving, !v.Selected:
		return Verdict{Gone, WhyNothing}
	case v.Kept:
		return Verdict{AtSecondary, WhyNothing}
	default:
		return Verdict{Discovered, WhyUnprotected}
	}
}
