// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// cede tells the plan which claims have given their volumes to which.
func (f *facts) cede() {
	for i, v := range f.volumes {
		if v.item.Ceded() {
			f.group.Volumes[i].Holder = f.volumeOf(v.item.Holder)
		}
	}
	plan.Cede(f.group.Volumes)
}

// volumeOf is the index of the volume of a claim; plan.NoVolume: the group has none.
func (f *facts) volumeOf(claim client.ObjectKey) int {
	return slices.IndexFunc(f.volumes, func(v volume) bool { return v.item.Namespace == claim.Namespace && v.item.Name == claim.Name })
}
