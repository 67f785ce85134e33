// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// report computes the whole status from what was seen, decided and done, and writes it if it changed. It is the only
// place that writes status (but for the decisions, which are writes of the plan), events and results.
func (r *Reconciler) report(ctx context.Context, before *v1alpha1.DRPlacementControl, w *world, next plan.Plan, seeErr, actErr error) (reconcile.Result, error) {
	reason, result, err := outcome.Of(seeErr, actErr)
	after := before.DeepCopy()
	now := r.clock.Now()
	if w == nil || seeErr != nil {
		r.reportBlind(after, now, reason, seeErr)
	} else {
		r.reportWorld(after, w, next, now, actErr)
		result.RequeueAfter = r.awaitInventory(w, next)
	}
	if saved, saveErr := r.save(ctx, before, after, now); saveErr != nil {
		err = errors.Join(err, saveErr)
	} else if saved {
		r.announce(before, after, w, seeErr, now)
	}
	return result, err
}

// reportBlind says that nothing could be found out; what was known is left alone.
func (r *Reconciler) reportBlind(drpc *v1alpha1.DRPlacementControl, now time.Time, reason string, err error) {
	gen := drpc.Generation
	var refused *outcome.Refused
	stalled := errors.As(err, &refused)
	list := []metav1.Condition{
		cond.New(v1alpha1.ConditionReady, metav1.ConditionFalse, reason, err.Error(), gen),
		cond.New(v1alpha1.ConditionStalled, cond.Status(stalled), reason, err.Error(), gen),
		cond.New(v1alpha1.ConditionReconciling, cond.Status(!stalled), reason, err.Error(), gen),
	}
	for _, kind := range []string{v1alpha1.ConditionAvailable, v1alpha1.ConditionPeerReady, v1alpha1.ConditionProtected} {
		list = append(list, cond.New(kind, metav1.ConditionUnknown, reason, err.Error(), gen))
	}
	if stalled {
		drpc.Status.ObservedGeneration = gen // else the spec was not considered yet
		refusal(&drpc.Status, now, reason, err)
	}
	drpc.Status.Conditions = merged(drpc.Status.Conditions, now, list...)
}

// refusal says where users look for it what only they can mend (I7). What runs keeps its phase.
func refusal(s *v1alpha1.DRPlacementControlStatus, now time.Time, reason string, err error) {
	if s.Phase == "" {
		s.Phase, s.Progression = v1alpha1.WaitForUser, v1alpha1.ProgressionPaused
	}
	since := &metav1.Time{Time: now.Truncate(time.Second)}
	if s.Waiting != nil && s.Waiting.Fact == reason {
		since = s.Waiting.Since
	}
	s.Waiting = &v1alpha1.Waiting{Fact: reason, Since: since, Message: bounded.Text(err.Error(), bounded.Message), NextStep: "mend it as the message says; it goes on by itself then"}
}

func (r *Reconciler) reportWorld(drpc *v1alpha1.DRPlacementControl, w *world, next plan.Plan, now time.Time, actErr error) {
	s := &drpc.Status
	was := s.DeepCopy()
	wait := next.Wait
	if wait.Fact == plan.Nothing && next.Done() {
		wait = w.ailing()
	}
	words := w.explain(wait)
	if words.fact == "" {
		words = w.explainFlaw()
	}
	if words.fact == "" {
		words = w.unmet()
	}
	s.ObservedGeneration = w.drpc.Generation
	s.Phase, s.Progression = phases[next.Phase], steps[next.Step]
	if s.Waiting = waiting(w, wait, words, was.Waiting, now); s.Waiting == nil {
		s.Waiting = waiting(w, plan.Wait{On: w.facts.Home()}, w.failing(next), was.Waiting, now)
	}
	s.Decisions, s.PreferredDecision = w.drpc.Status.Decisions, w.drpc.Status.PreferredDecision
	clockAction(s, was, next, now)
	s.Conditions = merged(was.Conditions, now, w.conditions(next, words, actErr)...)
	w.copyData(s)
}

func waiting(w *world, wait plan.Wait, words words, was *v1alpha1.Waiting, now time.Time) *v1alpha1.Waiting {
	if words.fact == "" {
		return nil
	}
	out := &v1alpha1.Waiting{Fact: words.fact, Message: bounded.Text(words.message, bounded.Message), NextStep: bounded.Text(words.next, bounded.Message)}
	if wait.On.Named() {
		out.Cluster = w.at(wait.On).cluster
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
func (w *world) copyData(s *v1alpha1.DRPlacementControlStatus) {
	home := w.source()
	if home == nil || home.report == nil || home.report.Status.Exchange == nil {
		return
	}
	rep := &home.report.Status
	var pvcs []string
	for _, p := range rep.ProtectedPVCs {
		pvcs = append(pvcs, p.Name)
	}
	s.ResourceConditions = v1alpha1.VRGConditions{
		ResourceMeta: v1alpha1.VRGResourceMeta{
			Kind: "VolumeReplicationGroup", Namespace: w.group.Namespace, Name: w.group.Name,
			Generation: rep.Exchange.SpokeGeneration, ProtectedPVCs: pvcs, PVCGroups: rep.PVCGroups,
		},
		Conditions: rep.Conditions,
	}
	if rep.LastGroupSyncTime != nil {
		s.LastGroupSyncTime, s.LastGroupSyncDuration, s.LastGroupSyncBytes = rep.LastGroupSyncTime, rep.LastGroupSyncDuration, rep.LastGroupSyncBytes
	}
	if c := rep.KubeObjectProtection.CaptureToRecoverFrom; c != nil {
		s.LastKubeObjectProtectionTime = c.EndTime
	}
}

// source is the side whose group protects the workload: the home; while there is none, the side that was demoted last is
// not known, and nil is returned.
func (w *world) source() *side {
	if h := w.facts.Home(); h.Named() {
		return w.at(h)
	}
	return nil
}

// awaitInventory asks to be woken when what the plan waits for may become known. Lease and inbox come from caches of
// their own: the lease may be told before the last report that it counts is seen. Hence the look after a while.
func (r *Reconciler) awaitInventory(w *world, next plan.Plan) time.Duration {
	switch next.Wait.Fact {
	case plan.InboxComplete, plan.ObjectGone:
		at := w.at(next.Wait.On)
		r.links.Await(at.cluster, client.ObjectKeyFromObject(w.drpc))
		if at.link.State == exchange.LinkLive {
			return exchange.DefaultLeaseDuration
		}
	default:
	}
	return 0
}

// save writes the status, but for the decisions, which have an owner of their own.
func (r *Reconciler) save(ctx context.Context, before, after *v1alpha1.DRPlacementControl, now time.Time) (bool, error) {
	before, after = before.DeepCopy(), after.DeepCopy()
	for _, o := range []*v1alpha1.DRPlacementControl{before, after} {
		o.Status.Decisions, o.Status.PreferredDecision = nil, v1alpha1.PlacementDecision{}
	}
	if equality.Semantic.DeepEqual(before.Status, after.Status) {
		return false, nil
	}
	after.Status.LastUpdateTime = &metav1.Time{Time: now.Truncate(time.Second)}
	return apply.New(r.client, ownerStatus).ChangedStatus(ctx, before, after)
}
