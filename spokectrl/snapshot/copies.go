// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// Copy is where a volume is received.
type Copy struct {
	provider.Destination
	By provider.Receiver
}

// Restoring is the next step of a destination.
type Restoring struct {
	provider.Restoring
	Of provider.Destination
}

// Remain is a volume of an earlier term as primary, whose claim is gone or has another volume.
type Remain struct {
	PV       *corev1.PersistentVolume
	Claim    types.NamespacedName
	Lacking  bool // there is no claim of that name that has a volume, or it leaves
	Usurped  bool // the claim of that name has a volume that nobody restored: it may be empty
	Bound    bool // the claim of that name has it, and stays
	Outdated bool
	// Stranded says that claim and replica were taken away while the volume was primary here. Why says why it is not known that the
	// peer has taken its place; empty: it has.
	Stranded bool
	Why      string
}

// Gives reports whether a volume of the group has a PersistentVolume, and gives it up with its protection.
func (s *Snapshot) Gives(pv *corev1.PersistentVolume) bool {
	for i, v := range s.Volumes {
		if v.Item.PV != nil && v.Item.PV.Name == pv.Name {
			return !s.Facts.Volumes[i].Foreign && s.Facts.Volumes[i].Kept != plan.KeptNone
		}
	}
	return false
}

// Is reports whether a volume in a list is the one of a claim.
func Is(p v1alpha1.ProtectedPVC, namespace, name string) bool {
	return p.Namespace == namespace && p.Name == name
}

// RestoreCopies says what the restore needs next of what was received. done are the claims that it needs nothing for.
func RestoreCopies(s *Snapshot, group provider.Group) (Restore, map[types.NamespacedName]bool) {
	out, done := Restore{State: plan.RestoreComplete}, map[types.NamespacedName]bool{}
	var messages, conflicts []string
	ready, all := 0, 0
	for _, c := range s.Copies {
		if len(c.Objects) == 0 || !group.Covers(c.Volume.Namespace) {
			continue
		}
		all++
		next := c.By.Restore(group, c.Destination)
		done[types.NamespacedName{Namespace: c.Volume.Namespace, Name: c.Volume.Name}] = next.Done
		out.Copies = append(out.Copies, Restoring{next, c.Destination})
		switch {
		case next.Done:
			ready++
		case next.Blocked:
			conflicts = append(conflicts, next.Message)
		default:
			messages = append(messages, next.Message)
		}
	}
	switch {
	case len(conflicts) > 0:
		out.State, out.Message = plan.RestoreConflict, bounded.Messages(conflicts)
	case ready < all:
		out.State = plan.RestoreMissing
		out.Message = fmt.Sprintf("%d of %d volumes are made from what was received; %s", ready, all, bounded.Messages(messages))
	case all > 0:
		out.Message = fmt.Sprintf("%d volumes are made from what was received", all)
	default:
		out.Message = NothingToRestore
	}
	return out, done
}

// Remaining are the pairs of an earlier term whose claims are lacking, and are not being made from what was received.
func (s *Snapshot) Remaining(done map[types.NamespacedName]bool) ([]capsule.Pair, error) {
	var out []capsule.Pair
	seen := map[types.NamespacedName]bool{}
	for _, m := range s.Remains {
		if m.Stranded {
			continue // a store describes it
		}
		received, there := done[m.Claim]
		if !m.Lacking && !m.Usurped || seen[m.Claim] || there && !received {
			continue
		}
		seen[m.Claim] = true
		pair, err := capsule.PairOf(m.PV, m.PV.Annotations[volumes.AnnotationClaim])
		if err != nil {
			return nil, err
		}
		out = append(out, pair)
	}
	return out, nil
}
