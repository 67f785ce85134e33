// SPDX-License-Identifier: Apache-2.0

package status

import "github.com/ramendr/ramen-direct/spokectrl/plan"

// unused reports whether a claim of a primary was never used: it has no volume, and there is nothing to bring to the peer. Whatever is
// asked of the volumes of a group is so of this one.
func (s volume) unused() bool {
	return s.Plan.Verdicts[s.index].Why == plan.WhyIdle && s.Volumes[s.index].Item.Unused()
}

// untold reports whether a volume is left out of what is reported: the peer would be asked to receive what is never sent, and to restore
// what it never received. What deploys the application makes the claim there, too.
func (s volume) untold() bool {
	return s.unused() && s.Volumes[s.index].State.Copied
}
