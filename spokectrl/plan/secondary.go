// SPDX-License-Identifier: Apache-2.0

package plan

func secondary(g Group, p *Plan) {
	if g.Remembered {
		p.group(Forget) // the next term as primary starts with a restore
	}
	for i, v := range g.Volumes {
		p.Verdicts[i] = release(i, v, p)
	}
}

// release decides for one volume of a secondary. Its replica is kept until it is in sync; its PV stays retained for
// good, so that deleting the claim never destroys the copy.
func release(i int, v Volume, p *Plan) Verdict {
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
		return free(i, v, p)
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
func free(i int, v Volume, p *Plan) Verdict {
	// Marked, never sealed: it was told to leave before it had been replicated once. The peer has no copy.
	lost := v.Marks != MarksNone && !v.Sealed && v.Claim == ClaimBound
	if v.Marks != MarksNone && v.Claim != ClaimAbsent && !lost {
		if !v.Kept && v.Claim != ClaimPending {
			p.volume(i, Retain)
		}
		p.volume(i, Unmark)
		return Verdict{AtSecondary, WhyNothing}
	}
	switch {
	case v.Claim == ClaimAbsent, v.Claim == ClaimLeaving, !v.Selected:
		return Verdict{Gone, WhyNothing}
	case v.Kept && !lost:
		return Verdict{AtSecondary, WhyNothing}
	default:
		return Verdict{Discovered, WhyUnprotected}
	}
}
