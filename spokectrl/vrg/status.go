// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/spokectrl/archive"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// pass is all that a status is computed from.
type pass struct {
	*facts
	plan plan.Plan
	done actions
}

// status is the whole status of a group after a pass. Nothing of the old one goes into it but the times.
func status(was *v1alpha1.VolumeReplicationGroup, f *facts, p plan.Plan, done actions, now time.Time) v1alpha1.VolumeReplicationGroupStatus {
	s := pass{f, p, done}
	out := v1alpha1.VolumeReplicationGroupStatus{
		ObservedGeneration: was.Generation,
		LastUpdateTime:     was.Status.LastUpdateTime,
		Exchange:           was.Status.Exchange,
		SigningKey:         f.term.Key.Public(),
		Namespaces:         f.houses,

		KubeObjectProtection: done.objects.status(was),
	}
	primary := f.group.Role == plan.Primary
	// Only after the note of the restore is changed: from the answer on, the hub takes the application away.
	away := primary && s.away() && !f.group.Ending && done.group == nil
	out.PrepareForFinalSyncComplete = away && was.Spec.PrepareForFinalSync && !s.any(func(v volume) bool { return v.state.Unprepared })
	out.FinalSyncComplete = away && was.Spec.RunFinalSync && s.inUse().Status == metav1.ConditionFalse &&
		!s.any(func(v volume) bool { return v.state.Unsent })
	for i := range f.volumes {
		if s.listed(i) {
			out.ProtectedPVCs = append(out.ProtectedPVCs, s.protectedPVC(i, was, now))
		}
	}
	all := len(out.ProtectedPVCs)
	sync := out.ProtectedPVCs
	out.ProtectedPVCs = fitting(out.ProtectedPVCs)
	out.RDInfo = s.rdInfo()
	if primary {
		out.LastGroupSyncTime, out.LastGroupSyncDuration, out.LastGroupSyncBytes = groupSync(sync)
	}
	conditions := append(s.conditions(), condition(v1alpha1.VRGKubeObjectsReady, done.objects.ready(s)))
	if listed := len(out.ProtectedPVCs); listed < all {
		conditions[0].Message = bounded.Text(fmt.Sprintf("this status lists %d of %d volumes, which is as many as a group can have: divide the application into several; %s", listed, all, conditions[0].Message), bounded.Message)
	}
	out.Conditions = merged(was.Status.Conditions, conditions, was.Generation, now)
	out.State = s.state(conditions)
	return dated(was, out, now)
}

// any reports whether is holds for a volume that the group protects. One that could not be read may be anything.
func (s pass) any(is func(volume) bool) bool {
	for i, v := range s.volumes {
		if s.listed(i) && (v.err != nil || is(v)) {
			return true
		}
	}
	return false
}

// rdInfo tells where the volumes that the hub asks for are received.
func (s pass) rdInfo() []v1alpha1.VolSyncReplicationDestinationInfo {
	var out []v1alpha1.VolSyncReplicationDestinationInfo
	for _, c := range s.copies {
		if s.group.Role != plan.Secondary || s.group.Ending || !c.Wanted || !c.Exact || c.Address == "" {
			continue
		}
		out = append(out, v1alpha1.VolSyncReplicationDestinationInfo{
			ProtectedPVC: v1alpha1.ProtectedPVC{Namespace: c.Volume.Namespace, Name: c.Volume.Name, ProtectedByVolSync: true, LastSyncTime: c.Image},
			RsyncTLS:     &v1alpha1.RsyncTLSConfig{Address: c.Address},
		})
	}
	return out
}

// blind is the status of a pass that could not see: what is known to be wrong is said, nothing else is vouched for.
func blind(was *v1alpha1.VolumeReplicationGroup, now time.Time, err error) v1alpha1.VolumeReplicationGroupStatus {
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

// dated sets lastUpdateTime if anything else changed.
func dated(was *v1alpha1.VolumeReplicationGroup, out v1alpha1.VolumeReplicationGroupStatus, now time.Time) v1alpha1.VolumeReplicationGroupStatus {
	if !equality.Semantic.DeepEqual(was.Status, out) {
		t := metav1.NewTime(now.Truncate(time.Second))
		out.LastUpdateTime = &t
	}
	return out
}

// merged are the conditions as computed now, for this generation, with the transition times of the old ones.
func merged(was, now []metav1.Condition, generation int64, at time.Time) []metav1.Condition {
	var kept []metav1.Condition
	for i := range now {
		now[i].ObservedGeneration = generation
		if old := meta.FindStatusCondition(was, now[i].Type); old != nil {
			kept = append(kept, *old)
		}
	}
	return cond.Merge(kept, at, now...)
}

// state is the role that the group has, as opposed to the one it was told.
func (s pass) state(conditions []metav1.Condition) v1alpha1.State {
	protected := meta.FindStatusCondition(conditions, v1alpha1.VRGDataProtected)
	// Whether the peer lacks something is said by the condition. Here it only matters that what it says is no conflict.
	safe := s.vrg.Spec.Action != v1alpha1.VRGActionRelocate || protected.Status == metav1.ConditionTrue || protected.Reason == provider.ReasonReplicating
	switch {
	case s.group.Role == plan.Primary && cond.IsTrue(conditions, v1alpha1.VRGDataReady):
		return v1alpha1.PrimaryState
	case s.group.Role == plan.Secondary && s.secondary() && safe:
		return v1alpha1.SecondaryState
	default:
		return v1alpha1.UnknownState
	}
}

// secondary reports whether everything was demoted for good. A claim that still waits for the peer does not matter here.
func (s pass) secondary() bool {
	return s.done.group == nil && !s.group.Ending && s.severed == nil && !slices.ContainsFunc(s.indexes(), func(i int) bool { return s.listed(i) && !s.released(i) })
}

// groupSync folds the synchronizations of all volumes: the group is as old as its oldest volume.
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
		if i == 0 || (oldest != nil && p.LastSyncTime.Before(oldest)) {
			oldest = p.LastSyncTime
		}
	}
	return oldest, longest, bytes
}

// retry says that a store has to be asked again: nothing wakes us when one comes back.
func retry(f *facts, done actions) error {
	if f.restore.unread || done.stores.Err() != nil {
		return &outcome.Waiting{Reason: "ObjectStore", Message: "an object store does not answer", After: archive.Pause}
	}
	if f.group.Role == plan.Primary && !f.group.Ending && len(f.profiles()) > 0 {
		return &outcome.Waiting{Reason: "ObjectStore", Message: "what is stored is looked at again", After: archive.Recheck}
	}
	return nil
}
