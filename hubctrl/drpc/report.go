// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/internal/outcome"
)

// report computes the whole status from what was seen, decided and done, and writes it if it changed. It is the only
// place that writes status (but for the decisions, which are writes of the plan), events and results.
func (r *Reconciler) report(ctx context.Context, before *v1alpha1.DRPlacementControl, w *snapshot.Snapshot, next plan.Plan, seeErr, actErr error) (reconcile.Result, error) {
	reason, result, _ := outcome.Of(seeErr, actErr)
	after := before.DeepCopy()
	now := r.clock.Now()
	switch since := r.ledger.sees(client.ObjectKeyFromObject(before), now, transient(seeErr)); {
	case transient(seeErr) && now.Sub(since) < patience:
		return reconcile.Result{}, seeErr // it is read again soon; until then what was told stays
	case w == nil || seeErr != nil:
		r.reportBlind(after, now, reason, seeErr, since)
	default:
		r.own.expect(client.ObjectKeyFromObject(before), decisions, decisionsHash(&w.DRPC.Status))
		r.reportWorld(after, w, next, now, actErr)
		result.RequeueAfter = r.awaitAbsence(w, next)
	}
	saved, saveErr := r.save(ctx, before, after, versionOf(before, w), now)
	switch {
	case apply.Outdated(saveErr):
		return reconcile.Result{RequeueAfter: lookAgain}, nil // somebody wrote since the look: it no longer counts (X15)
	case apierrors.IsNotFound(saveErr):
		return reconcile.Result{}, nil // another leader was faster; the deletion wakes us
	case saved:
		r.announce(before, after, w, seeErr, now)
	}
	_, folded, err := outcome.Of(seeErr, actErr, saveErr)
	if err != nil {
		return folded, err // a refusal that could not be told is told again
	}
	return result, nil
}

// patience is how long an application's status stays as it is while the hub can't read what it needs. An API server that
// restarts takes less.
const patience = time.Minute

// transient reports whether err is one that goes away without anybody's doing.
func transient(err error) bool {
	var refused *outcome.Refused
	var waiting *outcome.Waiting
	return err != nil && !errors.As(err, &refused) && !errors.As(err, &waiting)
}

// lookAgain is how soon a pass starts again whose look was outdated before its end.
const lookAgain = 10 * time.Millisecond

// versionOf is the version of the application's object that the pass looked at last.
func versionOf(before *v1alpha1.DRPlacementControl, w *snapshot.Snapshot) apply.Version {
	if w != nil && w.DRPC != nil {
		return apply.VersionOf(w.DRPC)
	}
	return apply.VersionOf(before)
}

// reportBlind says that nothing could be found out; what was known is left alone. since is when the hub could read last what
// it needs, if it can't.
func (r *Reconciler) reportBlind(drpc *v1alpha1.DRPlacementControl, now time.Time, reason string, err error, since time.Time) {
	gen, message := drpc.Generation, err.Error()
	var refused *outcome.Refused
	stalled := errors.As(err, &refused)
	if transient(err) {
		message = fmt.Sprintf("the hub has not been able to read what it needs since %s, and tries again at least every minute: %v",
			since.UTC().Format(time.RFC3339), err)
	}
	list := []metav1.Condition{
		cond.New(v1alpha1.ConditionReady, metav1.ConditionFalse, reason, message, gen),
		cond.New(v1alpha1.ConditionStalled, cond.Status(stalled), reason, message, gen),
		cond.New(v1alpha1.ConditionReconciling, cond.Status(!stalled), reason, message, gen),
	}
	for _, kind := range []string{v1alpha1.ConditionAvailable, v1alpha1.ConditionPeerReady, v1alpha1.ConditionProtected} {
		list = append(list, cond.New(kind, metav1.ConditionUnknown, reason, message, gen))
	}
	if stalled {
		drpc.Status.ObservedGeneration = gen // else the spec was not considered yet
		refusal(&drpc.Status, now, reason, err)
	}
	drpc.Status.Conditions = merged(drpc.Status.Conditions, now, list...)
}

// refusal says where users look for it what only they can fix (I7). What runs keeps its phase.
func refusal(s *v1alpha1.DRPlacementControlStatus, now time.Time, reason string, err error) {
	if s.Phase == "" {
		s.Phase, s.Progression = v1alpha1.WaitForUser, v1alpha1.ProgressionPaused
	}
	since := &metav1.Time{Time: now.Truncate(time.Second)}
	if s.Waiting != nil && s.Waiting.Fact == reason {
		since = s.Waiting.Since
	}
	s.Waiting = &v1alpha1.Waiting{Fact: reason, Since: since, Message: bounded.Text(err.Error(), bounded.Message), NextStep: "fix the problem described in the message; the operation continues automatically"}
}

func (r *Reconciler) reportWorld(drpc *v1alpha1.DRPlacementControl, w *snapshot.Snapshot, next plan.Plan, now time.Time, actErr error) {
	s := &drpc.Status
	was := s.DeepCopy()
	wait := next.Wait
	if wait.Fact == plan.Nothing && next.Done() {
		wait = unhealthy(w)
	}
	words := explain(w, wait)
	if words.fact == "" {
		words = explainFlaw(w)
	}
	if words.fact == "" {
		words = unmet(w)
	}
	s.ObservedGeneration = w.DRPC.Generation
	s.Phase, s.Progression = phases[next.Phase], steps[next.Step]
	if s.Waiting = waiting(w, wait, words, was.Waiting, now); s.Waiting == nil {
		s.Waiting = waiting(w, plan.Wait{On: w.Facts.Home()}, failing(w, next), was.Waiting, now)
	}
	s.Decisions, s.PreferredDecision = w.DRPC.Status.Decisions, w.DRPC.Status.PreferredDecision
	clockAction(s, was, next, now)
	s.Conditions = merged(was.Conditions, now, conditions(w, next, words, actErr)...)
	copyData(w, s)
}

func waiting(w *snapshot.Snapshot, wait plan.Wait, words words, was *v1alpha1.Waiting, now time.Time) *v1alpha1.Waiting {
	if words.fact == "" {
		return nil
	}
	out := &v1alpha1.Waiting{Fact: words.fact, Message: bounded.Text(words.message, bounded.Message), NextStep: bounded.Text(words.next, bounded.Message)}
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

// awaitAbsence registers for a wake-up when the object that the plan waits for is known to be gone. If that became known
// since the look, it returns when to look again.
func (r *Reconciler) awaitAbsence(w *snapshot.Snapshot, next plan.Plan) time.Duration {
	switch next.Wait.Fact {
	case plan.InboxComplete, plan.ObjectGone:
		at := w.At(next.Wait.On)
		if w.Facts.At(next.Wait.On).Report.View != plan.Absent && r.links.Await(at.Cluster, w.Group, client.ObjectKeyFromObject(w.DRPC)) {
			return lookAgain
		}
	default:
	}
	return 0
}

// save writes the status except the decisions, which another field manager owns.
func (r *Reconciler) save(ctx context.Context, before, after *v1alpha1.DRPlacementControl, was apply.Version, now time.Time) (bool, error) {
	before, after = before.DeepCopy(), after.DeepCopy()
	for _, o := range []*v1alpha1.DRPlacementControl{before, after} {
		o.Status.Decisions, o.Status.PreferredDecision = nil, v1alpha1.PlacementDecision{}
	}
	if equality.Semantic.DeepEqual(before.Status, after.Status) {
		r.own.expect(client.ObjectKeyFromObject(before), rest, hashOf(before.Status))
		return false, nil
	}
	after.Status.LastUpdateTime = &metav1.Time{Time: now.Truncate(time.Second)}
	r.own.expect(client.ObjectKeyFromObject(before), rest, hashOf(after.Status))
	intent, err := apply.StatusOf(after, r.client.Scheme())
	if err != nil {
		return false, err
	}
	if _, err := apply.New(r.client, ownerStatus).StatusOver(ctx, was, intent); err != nil {
		return false, fmt.Errorf("save status: %w", err)
	}
	return true, nil
}
