// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/snapshot"
)

// Of is the whole status of a group after a pass. Nothing of the old one goes into it but the times.
func Of(was *v1alpha1.VolumeReplicationGroup, f *snapshot.Snapshot, p plan.Plan, done Done, now time.Time) v1alpha1.VolumeReplicationGroupStatus {
	s := Pass{f, p, done}
	out := v1alpha1.VolumeReplicationGroupStatus{
		ObservedGeneration: was.Generation,
		LastUpdateTime:     was.Status.LastUpdateTime,
		Exchange:           was.Status.Exchange,
		SigningKey:         f.Term.Key.Public(),
		Namespaces:         f.Namespaces,

		KubeObjectProtection: done.Objects.status(was),
	}
	primary := f.Facts.Role == plan.Primary
	// Only after the note of the restore is changed: from the answer on, the hub takes the application away.
	away := primary && s.away() && !f.Facts.Ending && !f.Facts.Pruned && done.Group == nil
	out.PrepareForFinalSyncComplete = away && was.Spec.PrepareForFinalSync && !s.any(func(v snapshot.Volume) bool { return v.State.Unprepared })
	out.FinalSyncComplete = away && was.Spec.RunFinalSync && s.inUse().Status == metav1.ConditionFalse &&
		!s.any(func(v snapshot.Volume) bool { return v.State.Unsent })
	var copied []v1alpha1.ProtectedPVC // all that have something to copy
	for _, v := range s.volumes() {
		if v.untold() {
			continue
		}
		out.ProtectedPVCs = append(out.ProtectedPVCs, v.protectedPVC(was, now))
		if s.Plan.Verdicts[v.index].Why != plan.WhyIdle {
			copied = append(copied, out.ProtectedPVCs[len(out.ProtectedPVCs)-1])
		}
	}
	all := len(out.ProtectedPVCs)
	out.ProtectedPVCs = fitting(out.ProtectedPVCs)
	out.RDInfo = rdInfo(s)
	if primary {
		out.LastGroupSyncTime, out.LastGroupSyncDuration, out.LastGroupSyncBytes = groupSync(copied)
	}
	conditions := append(s.conditions(), condition(v1alpha1.VRGKubeObjectsReady, done.Objects.ready(s)))
	conditions = append(conditions, done.Objects.hooks(was)...)
	if listed := len(out.ProtectedPVCs); listed < all {
		conditions[0].Message = bounded.Text(fmt.Sprintf("this status lists %d of %d volumes, which is as many as a group can have: divide the application into several; %s", listed, all, conditions[0].Message), bounded.Message)
	}
	out.Conditions = merged(was.Status.Conditions, conditions, was.Generation, now)
	out.State = s.state(conditions)
	return dated(was, out, now)
}

// Blind is the status of a pass that could not see: what is known to be wrong is said, nothing else is vouched for.
func Blind(was *v1alpha1.VolumeReplicationGroup, now time.Time, err error) v1alpha1.VolumeReplicationGroupStatus {
	out := *was.Status.DeepCopy()
	out.ObservedGeneration = was.Generation
	out.State = v1alpha1.UnknownState
	finding := cond.New(v1alpha1.VRGDataReady, metav1.ConditionUnknown, provider.ReasonUnknownError, err.Error(), was.Generation)
	if refusedReason(err) {
		finding.Status, finding.Reason = metav1.ConditionFalse, provider.ReasonError
	}
	out.Conditions = cond.Merge(out.Conditions, now, finding)
	return dated(was, out, now)
}

// state is the role that the group has, as opposed to the one it was told.
func (s Pass) state(conditions []metav1.Condition) v1alpha1.State {
	protected := meta.FindStatusCondition(conditions, v1alpha1.VRGDataProtected)
	// Whether the peer lacks something is said by the condition. Here it only matters that what it says is no conflict.
	safe := s.VRG.Spec.Action != v1alpha1.VRGActionRelocate || protected.Status == metav1.ConditionTrue || protected.Reason == provider.ReasonReplicating
	switch {
	case s.Facts.Role == plan.Primary && cond.IsTrue(conditions, v1alpha1.VRGDataReady):
		return v1alpha1.PrimaryState
	case s.Facts.Role == plan.Secondary && s.secondary() && safe:
		return v1alpha1.SecondaryState
	default:
		return v1alpha1.UnknownState
	}
}

// rdInfo tells where the volumes that the hub asks for are received.
func rdInfo(s Pass) []v1alpha1.VolSyncReplicationDestinationInfo {
	var out []v1alpha1.VolSyncReplicationDestinationInfo
	for _, c := range s.Copies {
		if s.Facts.Role != plan.Secondary || s.Facts.Ending || !c.Wanted || !c.Exact || c.Address == "" {
			continue
		}
		out = append(out, v1alpha1.VolSyncReplicationDestinationInfo{
			ProtectedPVC: v1alpha1.ProtectedPVC{Namespace: c.Volume.Namespace, Name: c.Volume.Name, ProtectedByVolSync: true, LastSyncTime: c.Image},
			RsyncTLS:     &v1alpha1.RsyncTLSConfig{Address: c.Address},
		})
	}
	return out
}

// groupSync folds the synchronizations of all volumes: the group is as old as its oldest volume, and was never synchronized if
// one of them was not.
func groupSync(pvcs []v1alpha1.ProtectedPVC) (oldest *metav1.Time, longest *metav1.Duration, bytes *int64) {
	for i := range pvcs {
		p := &pvcs[i]
		if d := p.LastSyncDuration; d != nil && (longest == nil || d.Duration > longest.Duration) {
			longest = d
		}
		if b := p.LastSyncBytes; b != nil {
			sum := *b
			if bytes != nil {
				sum += *bytes
			}
			bytes = &sum
		}
		if i == 0 || p.LastSyncTime.Before(oldest) {
			oldest = p.LastSyncTime
		}
	}
	if slices.ContainsFunc(pvcs, func(p v1alpha1.ProtectedPVC) bool { return p.LastSyncTime == nil }) {
		oldest = nil
	}
	return oldest, longest, bytes
}

// any reports whether is holds for a volume that the group protects. One that could not be read may be anything.
func (s Pass) any(is func(snapshot.Volume) bool) bool {
	return slices.ContainsFunc(s.volumes(), func(v volume) bool {
		one := s.Volumes[v.index]
		return one.Err != nil || !v.unused() && is(one)
	})
}
