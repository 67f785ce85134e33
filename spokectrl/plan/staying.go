// SPDX-License-Identifier: Apache-2.0

package plan

// stays reports whether a volume whose claim is not selected any more is protected on, as one that is: single volumes are not released,
// and something of its protection is missing. Else it is left as it is, and told.
func (g Facts) stays(v Volume) bool {
	return !g.Unprotect && !g.FinalSync && !v.Ceded && v.Claim == ClaimBound && v.Marks != MarksNone && (standing(v) != AtPrimary || !v.Sealed || v.Apart)
}
