// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/status"
	"github.com/ramendr/ramen-direct/internal/outcome"
)

// announce tells users by events, and monitoring by counts, what changed since they were last told. It is called after
// the status was saved.
func (r *Reconciler) announce(before, after *v1alpha1.DRPlacementControl, w *snapshot.Snapshot, seeErr error, now time.Time) {
	was := r.ledger.of(before)
	var refused *outcome.Refused
	switch {
	case seeErr != nil && !errors.As(seeErr, &refused):
		return // nothing was found out
	case seeErr == nil && w.Connecting():
		return // a hub that starts does not know its links for seconds: what that changes is no news
	}
	r.count(&was, &after.Status, now)
	for _, e := range status.EventsOf(&was.status, &after.Status, was.protected) {
		r.recorder.Eventf(after, nil, e.Kind, e.Reason, "Protect", "%s", e.Note)
	}
	r.ledger.told(after, was, now)
}

// count tells monitoring what became of operations from one status to the next.
func (r *Reconciler) count(was *remembered, is *v1alpha1.DRPlacementControlStatus, now time.Time) {
	from, to := status.OperationOf(&was.status), status.OperationOf(is)
	again := to != status.Idle && !was.status.ActionStartTime.Equal(is.ActionStartTime)
	if start := was.status.ActionStartTime; from != status.Idle && start != nil {
		took := now.Sub(start.Time)
		if status.OperationOfPhase(is.Phase) == from && !status.Ended(was.status.Phase) && status.Ended(is.Phase) {
			r.operations.Ready(from, took)
		}
		switch {
		case to != status.Idle && (to != from || again):
			r.operations.Ended(from, metrics.Superseded, took)
		case to == status.Idle && is.Phase == v1alpha1.WaitForUser:
			r.operations.Ended(from, metrics.Stopped, took)
		case to == status.Idle:
			r.operations.Ended(from, metrics.Completed, took)
		}
	}
	if (to == status.Failover || to == status.Relocate) && (to != from || again) && !status.Fresh(&was.status) {
		r.operations.Acted(to)
	}
	if status.SameStep(&was.status, is) || from == status.Idle || was.since.IsZero() {
		return
	}
	r.operations.Stepped(string(was.status.Phase), string(was.status.Progression), now.Sub(was.since))
}

// finish tells what a protection that ended left behind on clusters that were given up.
func (r *Reconciler) finish(before *v1alpha1.DRPlacementControl, w *snapshot.Snapshot) {
	if s := &before.Status; status.OperationOf(s) == status.Delete && s.ActionStartTime != nil {
		r.operations.Ended(status.Delete, metrics.Completed, r.clock.Now().Sub(s.ActionStartTime.Time))
	}
	for _, s := range []plan.Side{plan.First, plan.Second} {
		at, c := w.At(s), w.Facts.At(s)
		if !c.Abandon || c.Report.Removed || at.Cluster == "" {
			continue
		}
		what := "it is not known what was left there"
		if at.Wish != nil {
			what = fmt.Sprintf("VolumeReplicationGroup %s may be left there; %s/%s has it removed when the cluster returns", w.Group, at.Wish.Namespace, at.Wish.Name)
		}
		r.recorder.Eventf(w.DRPC, nil, corev1.EventTypeWarning, "DRPCClusterAbandoned", "Abandon", "cluster %s was given up: %s", at.Cluster, what)
	}
}
