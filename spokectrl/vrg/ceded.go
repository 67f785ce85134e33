// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// contest marks the volumes that a claim got from another one of the group whose replica is still there: both replicate the same
// volume of the storage, and the end of the first would end the second.
func (f *facts) contest() {
	for i, v := range f.volumes {
		if r := f.group.Volumes[i].Replica; !v.item.Ceded() || r == plan.ReplicaAbsent || r == plan.ReplicaForeign {
			continue
		}
		if j := f.volumeOf(v.item.Holder); j >= 0 {
			f.group.Volumes[j].Contested = true
		}
	}
}

// volumeOf is the index of the volume of a claim; -1: the group has none.
func (f *facts) volumeOf(claim client.ObjectKey) int {
	return slices.IndexFunc(f.volumes, func(v volume) bool { return v.item.Namespace == claim.Namespace && v.item.Name == claim.Name })
}
