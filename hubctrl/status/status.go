// SPDX-License-Identifier: Apache-2.0

package status

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// Report computes the whole status from what was seen, decided and done. What was told earlier is kept only where it says
// since when something holds, or what was true before.
func Report(drpc *v1alpha1.DRPlacementControl, w *snapshot.Snapshot, next plan.Plan, now time.Time, actErr error) {
	s := &drpc.Status
	was := s.DeepCopy()
	wait := next.Wait
	if wait.Fact == plan.Nothing && next.Done() {
		wait = unhealthy(w)
	}
	words := Explain(w, wait)
	if words.Fact == "" {
		words = explainFlaw(w)
	}
	if words.Fact == "" {
		words = unmet(w)
	}
	s.ObservedGeneration = w.DRPC.Generation
	s.Phase, s.Progression = phases[next.Phase], progressions[next.Progression]
	if s.Waiting = Waiting(w, wait, words, was.Waiting, now); s.Waiting == nil {
		s.Waiting = Waiting(w, plan.Wait{On: w.Facts.Home()}, failing(w, next), was.Waiting, now)
	}
	if s.Waiting == nil {
		s.Waiting = Waiting(w, plan.Wait{On: w.Facts.Home()}, overdue(w, next, was, now), was.Waiting, now)
	}
	s.Decisions, s.PreferredDecision = w.DRPC.Status.Decisions, w.DRPC.Status.PreferredDecision
	remember(w.DRPC, s, was, clockAction(s, was, next, now), now)
	s.Conditions = merged(was.Conditions, now, conditions(w, next, words, actErr)...)
	copyData(w, s)
}

// Waiting is what the status says of a wait, in words; nil: nothing is waited for. was says since when, if it is the same wait.
func Waiting(w *snapshot.Snapshot, wait plan.Wait, words Words, was *v1alpha1.Waiting, now time.Time) *v1alpha1.Waiting {
	if words.Fact == "" {
		return nil
	}
	out := &v1alpha1.Waiting{Fact: words.Fact, Message: bounded.Text(words.message, bounded.Message), NextStep: bounded.Text(words.next, bounded.Message)}
	if wait.On.Named() {
		out.Cluster = w.At(wait.On).Cluster
	}
	switch {
	case !words.since.IsZero():
		out.Since = &metav1.Time{Time: words.since.Truncate(time.Second)}
	case was != nil && was.Fact == out.Fact && was.Cluster == out.Cluster:
		out.Since = was.Since
	default:
		out.Since = &metav1.Time{Time: now.Truncate(time.Second)}
	}
	return out
}

// copyData repeats what the protecting group reports. While nothing is known the last known values stay.
func copyData(w *snapshot.Snapshot, s *v1alpha1.DRPlacementControlStatus) {
	home := w.Source()
	if home == nil || home.Report == nil || home.Report.Status.Exchange == nil {
		return
	}
	rep := &home.Report.Status
	var pvcs []string
	for _, p := range rep.ProtectedPVCs {
		pvcs = append(pvcs, p.Name)
	}
	s.ResourceConditions = v1alpha1.VRGConditions{
		ResourceMeta: v1alpha1.VRGResourceMeta{
			Kind: "VolumeReplicationGroup", Namespace: w.Group.Namespace, Name: w.Group.Name,
			Generation: rep.Exchange.SpokeGeneration, ProtectedPVCs: pvcs, PVCGroups: rep.PVCGroups,
		},
		Conditions: rep.Conditions,
	}
	if at := restorable(w, home); at != nil && at.Equal(rep.LastGroupSyncTime) {
		s.LastGroupSyncTime, s.LastGroupSyncDuration, s.LastGroupSyncBytes = rep.LastGroupSyncTime, rep.LastGroupSyncDuration, rep.LastGroupSyncBytes
	}
	if c := rep.KubeObjectProtection.CaptureToRecoverFrom; c != nil {
		s.LastKubeObjectProtectionTime = c.EndTime
	}
}
