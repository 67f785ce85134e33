// SPDX-License-Identifier: Apache-2.0

package capsule

import "github.com/ramendr/ramen-direct/api/v1alpha1"

// Arrived are pairs that the cluster with id from has stored, as the cluster with id at restores them: where the storage gives a volume
// another handle on each side, the PersistentVolume gets the one of this side, and remembers the other one. A cluster that
// restores what it stored itself has its own handles in it.
func Arrived(pairs []Pair, from, at string) []Pair {
	if from == at {
		return pairs
	}
	out := make([]Pair, 0, len(pairs))
	for _, p := range pairs {
		if here := p.PV.Annotations[v1alpha1.AnnotationPeerHandle]; here != "" && p.PV.Spec.CSI != nil {
			p.PV = p.PV.DeepCopy()
			p.PV.Annotations[v1alpha1.AnnotationPeerHandle], p.PV.Spec.CSI.VolumeHandle = p.PV.Spec.CSI.VolumeHandle, here
		}
		out = append(out, p)
	}
	return out
}
