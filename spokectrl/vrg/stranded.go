// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
)

// A namespace that is deleted on a cluster which is to be demoted takes claims and VolumeReplications along. The volumes are retained, as
// they were when the cluster was Primary, and the storage no longer replicates them: so it can't make copies of the peer's volumes in
// their place. The group that comes back has no claim by which it would know of them; their PersistentVolumes tell.

// mayBeStranded reports whether a retained PersistentVolume of a secondary is of a volume that was never demoted here, and that no
// claim or replica which the group knows is of: it is stranded, unless there is a claim all the same. During a relocate it is not:
// the peer, which has to store what it has before anything is let go, waits for this side, and what a failover left lying here
// long ago would end each relocate. Nor is a volume that never had a claim, because the role was taken back while it was being
// restored: it was never promoted here.
func mayBeStranded(f *snapshot.Snapshot, pv *corev1.PersistentVolume) bool {
	if f.Facts.Role != plan.Secondary || f.VRG.Spec.Action == v1alpha1.VRGActionRelocate || !volumes.Kept(pv) || volumes.Demoted(pv) || pv.DeletionTimestamp != nil || pv.Spec.ClaimRef.UID == "" {
		return false
	}
	for i, v := range f.Volumes {
		has := v.Item.PV != nil && v.Item.PV.Name == pv.Name
		switch is := f.Facts.Volumes[i]; {
		case has && is.Claim == plan.ClaimLeaving && is.Marks == plan.MarksNone && is.Replica == plan.ReplicaAbsent: // it was let go
		case has, v.Item.Namespace == pv.Spec.ClaimRef.Namespace && v.Item.Name == pv.Spec.ClaimRef.Name && is.Replica != plan.ReplicaAbsent:
			return false // it is decided about as a volume
		}
	}
	return true
}

// observeSuccession finds out whether the peer has taken the place of what is stranded: it was promoted after this cluster, and has
// stored the claim with the same volume. What it stores without that volume is in nobody's way, and is not looked at any more: it may
// be the only copy of something that was never replicated.
func (r observer) observeSuccession(ctx context.Context, f *snapshot.Snapshot) {
	profiles := f.Profiles()
	newest := r.Archive.Newest(ctx, f.ID, profiles, f.Term.Trust)
	why := ""
	switch {
	case len(profiles) == 0:
		why = "no object store tells whether the peer has the claim"
	case newest.Answer != archive.Found:
		f.Restore.Unread = true
		why = "the object stores do not tell whether the peer has the claim"
		if err := newest.Problems.Err(); err != nil {
			why += fmt.Sprintf(": %v", err)
		}
	case newest.Manifest.Cluster == f.Term.Cluster || newest.Manifest.Epoch < f.Term.Epoch:
		f.Restore.Unread = true
		why = "the peer has not stored the claim since it was promoted"
	}
	pairs := map[client.ObjectKey]*corev1.PersistentVolume{}
	if why == "" {
		for _, p := range capsule.Arrived(newest.Pairs, newest.Manifest.Cluster, f.Term.Cluster) {
			pairs[client.ObjectKeyFromObject(p.PVC)] = p.PV
		}
	}
	f.Remains = slices.DeleteFunc(f.Remains, func(m snapshot.Remain) bool {
		return m.Stranded && why == "" && !sameVolume(m.PV, pairs[m.Claim])
	})
	f.Facts.Remains = nil
	for i := range f.Remains {
		m := &f.Remains[i]
		if m.Stranded {
			m.Why = why
			if why == "" && capsule.OriginalPolicy(m.PV) != corev1.PersistentVolumeReclaimDelete {
				m.Why = fmt.Sprintf("the reclaim policy of PersistentVolume %s was %s: delete it, and its volume on the storage", m.PV.Name, capsule.OriginalPolicy(m.PV))
			}
		}
		f.Facts.Remains = append(f.Facts.Remains, plan.Remain{Outdated: m.Outdated, Stranded: m.Stranded, Succeeded: m.Stranded && m.Why == ""})
	}
}

// sameVolume reports whether a PersistentVolume here is of the volume that the peer has stored.
func sameVolume(here, stored *corev1.PersistentVolume) bool {
	if stored == nil || stored.Spec.CSI == nil || here.Spec.CSI == nil {
		return false
	}
	return here.Spec.CSI.Driver == stored.Spec.CSI.Driver && here.Spec.CSI.VolumeHandle == stored.Spec.CSI.VolumeHandle
}
