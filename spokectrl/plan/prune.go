// SPDX-License-Identifier: Apache-2.0

package plan

import "slices"

// prune decides for a group a namespace of which is being deleted: what leaves with it is not held, and is given up by nobody.
func prune(g Facts, p *Plan) {
	loosen(g, p, leavesHeld)
}

// leavesHeld says that a claim is being deleted, and waits for our finalizer.
func leavesHeld(v Volume) bool { return v.Marks == MarksAll && v.Claim == ClaimLeaving }

// pruneSecondary is prune for a secondary. A volume that leaves with its namespace before it was demoted can't be demoted any more.
// Afterwards nothing of it would be left here that tells so, and what was written last may be nowhere but on it: the group notes it
// before anything can go, and is no secondary until a person decides.
func pruneSecondary(g Facts, p *Plan) {
	switch {
	case !g.Severed && !g.Discard && !g.Taken && slices.ContainsFunc(g.Volumes, Volume.unshipped):
		p.group(Sever)
	case !g.Held:
		p.group(AddFinalizer)
	}
	loosen(g, p, func(v Volume) bool { return leavesHeld(v) && !v.justDemoted() })
	for i, v := range g.Volumes {
		switch {
		case v.Foreign || v.unshipped():
		case leavesHeld(v) && v.justDemoted():
			p.volume(i, Release) // it is let go with this memory
			p.Verdicts[i] = Verdict{AtSecondary, WhyNothing}
		default:
			p.Verdicts[i] = release(g, i, v, &Plan{}) // what it is; nothing is done about it
		}
	}
}

// unshipped says that the group has a volume which was not demoted for good. Volumes that are copied are all sent before a group
// becomes Secondary.
func (v Volume) unshipped() bool {
	ours := v.Marks != MarksNone || v.Replica == ReplicaPresent || v.Replica == ReplicaLeaving
	return ours && !v.Foreign && !v.Copied && !v.Ceded && (!v.Released || v.misremembers()) && !v.justDemoted()
}

// justDemoted says that a volume was demoted for good, and that its claim does not say so yet.
func (v Volume) justDemoted() bool {
	return !v.Released && !v.Copied && v.Replica == ReplicaPresent && v.Told == Secondary && v.Settled
}
