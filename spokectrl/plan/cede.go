// SPDX-License-Identifier: Apache-2.0

package plan

// NoVolume is the Holder of a claim whose volume belongs to no claim of the group.
const NoVolume = -1

// Cede settles, before anything is decided, whose a volume is that a claim has given to another one. Tools that import or rename
// volumes do that, and leave the first claim behind for a while.
//
// If the group selects the other claim, the volume is its: the first is let go, and the other waits until the replica of the first
// is gone, whose end would end its own replication. Else nobody said that the volume is not protected any more: the first
// claim is like one whose volume is lost, and its replica and what is stored of it stay.
func Cede(volumes []Volume) {
	for i := range volumes {
		v := &volumes[i]
		if !v.Ceded {
			continue
		}
		if v.Holder == NoVolume || !volumes[v.Holder].Selected || volumes[v.Holder].Foreign {
			v.Ceded = false
			continue
		}
		v.Selected = false
		if v.Replica != ReplicaAbsent && v.Replica != ReplicaForeign {
			volumes[v.Holder].Contested = true
		}
	}
}
