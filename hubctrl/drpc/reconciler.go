// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/apply"
)

// Field managers, one per kind of object and purpose.
const (
	fieldOwnerWish      = "hubctrl-drpc"
	fieldOwnerStatus    = "hubctrl-drpc-status"
	fieldOwnerDecisions = "hubctrl-drpc-decisions"
)

// Reconciler carries out the plan for DRPlacementControls.
type Reconciler struct {
	*observer
	client     client.Client // cached
	recorder   events.EventRecorder
	operations *metrics.Operations
	ledger     *ledger
	own        *ownWrites
	origin     string // the id of this hub
}

// maxSteps is the most plans that one pass carries out. No operation has that many steps without waiting for an answer
// in between: the bound stops a plan that would never come to rest.
const maxSteps = 8

// errNotSettled ends a pass that still had something to write after maxSteps rounds.
var errNotSettled = errors.New("the plan does not come to rest: it is tried again")

// errGone ends a pass whose object was deleted during the pass.
var errGone = errors.New("the DRPlacementControl is gone")

// Reconcile makes one pass.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (reconcile.Result, error) {
	before, err := r.read(ctx, req.NamespacedName)
	switch {
	case apierrors.IsNotFound(err):
		r.ledger.forget(req.NamespacedName)
		r.groups.forget(req.NamespacedName)
		r.own.Forget(req.NamespacedName)
		r.contests.note(req.NamespacedName, client.ObjectKey{})
		return reconcile.Result{}, r.cleanUp(ctx, req.NamespacedName)
	case err != nil:
		return reconcile.Result{}, err
	}
	w, next, finished, seeErr, actErr := r.carryOut(ctx, before.DeepCopy())
	switch {
	case finished:
		r.finish(before, w)
		r.ledger.ended(before.UID, r.clock.Now())
		return reconcile.Result{}, nil
	case errors.Is(seeErr, errGone):
		return reconcile.Result{}, nil // another leader was faster; the deletion wakes us
	}
	return r.report(ctx, before, w, next, seeErr, actErr)
}

// carryOut observes, decides and acts until there is nothing to do but wait. It returns the last look and plan, and whether the
// object was let go.
func (r *Reconciler) carryOut(ctx context.Context, drpc *v1alpha1.DRPlacementControl) (w *snapshot.Snapshot, next plan.Plan, finished bool, seeErr, actErr error) {
	for range maxSteps {
		if w, seeErr = r.observe(ctx, drpc); seeErr != nil {
			return w, next, false, seeErr, nil
		}
		next = plan.Decide(w.Facts)
		a := r.actor(w)
		wrote, err := a.act(ctx, w, next)
		outdated := apply.Outdated(err) // somebody wrote since the look: it no longer counts (X15)
		if err != nil && !outdated || err == nil && !wrote || a.finished {
			return w, next, a.finished, nil, err
		}
		actErr = err
		drpc, seeErr = r.read(ctx, client.ObjectKeyFromObject(drpc))
		switch {
		case apierrors.IsNotFound(seeErr):
			return w, next, false, errGone, nil
		case seeErr != nil:
			return w, next, false, seeErr, nil
		}
	}
	return w, next, false, nil, errors.Join(errNotSettled, actErr)
}

// read returns the application's object as it is now. It is a new one each time: decoding into the last one would leave
// what is gone since, such as a decision that was taken back.
func (r *Reconciler) read(ctx context.Context, key client.ObjectKey) (*v1alpha1.DRPlacementControl, error) {
	drpc := &v1alpha1.DRPlacementControl{}
	if err := r.live.Get(ctx, key, drpc); err != nil {
		return nil, fmt.Errorf("read DRPlacementControl: %w", err)
	}
	return drpc, nil
}
