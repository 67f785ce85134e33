// SPDX-License-Identifier: Apache-2.0

package status

import "github.com/ramendr/ramen-direct/spokectrl/capsule"

// contentOf is what the stores should hold of the claim of a volume; false: nothing.
func contentOf(s Pass, volume int) (capsule.Object, bool) {
	id, it := capsule.Group{Namespace: s.VRG.Namespace, Name: s.VRG.Name}, s.Volumes[volume].Item
	object, wanted := s.Content[id.PVC(it.Namespace, it.Name)]
	return object, wanted
}

// unaddressed says why the peer would not find, or not restore, a volume by what is stored of it; empty: it would.
func unaddressed(s Pass, volume int) string {
	v := s.Volumes[volume]
	if _, stored := contentOf(s, volume); v.State.Unaddressed != "" || !stored || v.Item.PV == nil {
		return v.State.Unaddressed
	}
	return capsule.Unrestorable(capsule.Pair{PV: v.Item.PV, PVC: v.Item.Claim}, v.Item.Class)
}
