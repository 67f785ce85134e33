// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Field managers, one per kind of object and purpose.
const (
	ownerWish      = "hubctrl-drpc"
	ownerStatus    = "hubctrl-drpc-status"
	ownerDecisions = "hubctrl-drpc-decisions"
	ownerFinalizer = "hubctrl-drpc-finalizer"
)

// Links tells how the links to the clusters fare.
type Links interface {
	Link(cluster string) exchange.Link
	Await(cluster string, key client.ObjectKey)
}

// Reconciler carries out the plan for DRPlacementControls.
type Reconciler struct {
	client   client.Client // cached
	live     client.Reader // past the cache
	links    Links
	clock    clock.PassiveClock
	recorder events.EventRecorder
	origin   string // the id of this hub
}

// maxSteps bounds the plans that one pass carries out. It only keeps a mistake from spinning: no operation has so many
// steps that need no answer in between.
const maxSteps = 8

// Reconcile makes one pass.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (reconcile.Result, error) {
	drpc := &v1alpha1.DRPlacementControl{}
	if err := r.live.Get(ctx, req.NamespacedName, drpc); err != nil {
		if client.IgnoreNotFound(err) == nil {
			return reconcile.Result{}, r.sweep(ctx, req.NamespacedName)
		}
		return reconcile.Result{}, fmt.Errorf("read DRPlacementControl: %w", err)
	}
	before := drpc.DeepCopy()
	var (
		w      *world
		next   plan.Plan
		seeErr error
		actErr error
	)
	for range maxSteps {
		w, seeErr = r.observe(ctx, drpc)
		if seeErr != nil {
			break
		}
		next = plan.Decide(w.facts)
		if next.Done() {
			if changed, err := r.refresh(ctx, w); err != nil || !changed {
				actErr = err
				break
			}
			continue
		}
		if len(next.Writes) == 0 {
			break
		}
		log.FromContext(ctx).Info("Carry out plan", "phase", phases[next.Phase], "step", steps[next.Step], "writes", len(next.Writes))
		if actErr = r.act(ctx, w, next.Writes); actErr != nil || w.finished {
			break
		}
	}
	if w != nil && w.finished {
		return reconcile.Result{}, actErr
	}
	return r.report(ctx, before, w, next, seeErr, actErr)
}

func (r *Reconciler) wishes() apply.Applier { return apply.New(r.client, ownerWish) }
