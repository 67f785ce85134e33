// SPDX-License-Identifier: Apache-2.0

package plan

// Stored says of each volume of a group that stores whether its metadata belongs into the stores: it is protected, or about to be, or
// its user deleted the claim and still writes to it, or does not select it any more and may not have it released. Whether there is
// something to store is another matter: where the PersistentVolume is missing, what was stored stays. It does not depend on
// Group.Archived.
func Stored(g Facts) []bool {
	out := make([]bool, len(g.Volumes))
	for i, verdict := range Decide(g).Verdicts {
		out[i] = stored(g.Volumes[i], verdict)
	}
	return out
}

func stored(v Volume, verdict Verdict) bool {
	switch {
	case v.Copied, v.Foreign, v.Ceded, verdict.State == Gone:
		return false
	case v.Claim == ClaimLeaving && v.Use != UseFree:
		return true // also if it was never marked: a failover may be its rescue
	case verdict.State == Releasing:
		return false
	case v.Claim == ClaimLost:
		return true
	case verdict.Why == WhyUnbound:
		return true // a claim that was just restored must not leave the stores meanwhile
	}
	return v.Marks != MarksNone || verdict.State == Protecting || verdict.State == AtPrimary
}
