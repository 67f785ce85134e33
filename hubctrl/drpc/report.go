// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/status"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/outcome"
)

// report computes the whole status from what was seen, decided and done, and writes it if it changed. It is the only
// place that writes status (but for the decisions, which are writes of the plan), events and results.
func (r *Reconciler) report(ctx context.Context, before *v1alpha1.DRPlacementControl, w *snapshot.Snapshot, next plan.Plan, seeErr, actErr error) (reconcile.Result, error) {
	reason, result, _ := outcome.Of(seeErr, actErr)
	after := before.DeepCopy()
	now := r.clock.Now()
	switch since := r.ledger.sees(client.ObjectKeyFromObject(before), now, status.Transient(seeErr)); {
	case status.Transient(seeErr) && now.Sub(since) < patience:
		return reconcile.Result{}, seeErr // it is read again soon; until then what was told stays
	case w == nil || seeErr != nil:
		status.ReportBlind(after, now, reason, seeErr, since)
	default:
		r.own.Expect(client.ObjectKeyFromObject(before), decisions, decided(&w.DRPC.Status))
		status.Report(after, w, next, now, actErr)
		if err := r.attribute(ctx, before, after); err != nil {
			return reconcile.Result{}, err
		}
		result.RequeueAfter = r.awaitAbsence(w, next)
		if due := status.Overdue(w, next, &after.Status); result.RequeueAfter == 0 && due.After(now) {
			result.RequeueAfter = due.Sub(now) // nothing else tells that too much time has gone by
		}
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

// attribute notes who asked for an operation that begins, if nobody said so: who wrote the field. The cache does not keep that.
func (r *Reconciler) attribute(ctx context.Context, before, after *v1alpha1.DRPlacementControl) error {
	op := status.Began(&before.Status, &after.Status)
	if op == nil {
		return nil
	}
	whole := &v1alpha1.DRPlacementControl{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(after), whole); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read who asked for the %s: %w", strings.ToLower(op.Action), err)
	}
	op.RequestedBy = status.Manager(whole.ManagedFields)
	return nil
}

// patience is how long an application's status stays as it is while the hub can't read what it needs. An API server that
// restarts takes less.
const patience = time.Minute

// lookAgain is how soon a pass starts again whose look was outdated before its end.
const lookAgain = 10 * time.Millisecond

// versionOf is the version of the application's object that the pass looked at last.
func versionOf(before *v1alpha1.DRPlacementControl, w *snapshot.Snapshot) apply.Version {
	if w != nil && w.DRPC != nil {
		return apply.VersionOf(w.DRPC)
	}
	return apply.VersionOf(before)
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
		r.own.Expect(client.ObjectKeyFromObject(before), rest, before.Status)
		return false, nil
	}
	after.Status.LastUpdateTime = &metav1.Time{Time: now.Truncate(time.Second)}
	r.own.Expect(client.ObjectKeyFromObject(before), rest, after.Status)
	intent, err := apply.StatusOf(after, r.client.Scheme())
	if err != nil {
		return false, err
	}
	if _, err := apply.New(r.client, fieldOwnerStatus).StatusOver(ctx, was, intent); err != nil {
		return false, fmt.Errorf("save status: %w", err)
	}
	return true, nil
}
