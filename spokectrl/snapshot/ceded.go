// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// Cede tells the plan which claims have given their volumes to which.
func (s *Snapshot) Cede() {
	for i, v := range s.Volumes {
		if v.Item.Ceded() {
			s.Facts.Volumes[i].Holder = s.volumeOf(v.Item.Holder)
		}
	}
	plan.Cede(s.Facts.Volumes)
}

// volumeOf is the index of the volume of a claim; plan.NoVolume: the group has none.
func (s *Snapshot) volumeOf(claim types.NamespacedName) int {
	return slices.IndexFunc(s.Volumes, func(v Volume) bool { return v.Item.Namespace == claim.Namespace && v.Item.Name == claim.Name })
}
