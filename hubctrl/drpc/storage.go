// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// observeStorage finds out whether a failover that is under way lacks a maintenance mode of its target's storage. The
// answers are read live: in the cache one may stand that belongs to a request which was ended.
func (r *Reconciler) observeStorage(ctx context.Context, w *snapshot.Snapshot) error {
	if w.Facts.Ask != plan.Failover {
		return nil
	}
	var sides [2]maintenance.Side
	for i := range w.Sides {
		sides[i] = maintenance.Side{Cluster: w.Sides[i].Cluster, Wish: w.Sides[i].Wish, Report: w.Sides[i].Report}
	}
	f, target, ok := maintenance.Of(w.DRPC, sides)
	if !ok || !f.UnderWay() {
		return nil
	}
	config := &v1alpha1.DRClusterConfig{}
	switch err := r.live.Get(ctx, client.ObjectKey{Name: target}, config); {
	case apierrors.IsNotFound(err):
		config = nil
	case err != nil:
		return fmt.Errorf("read DRClusterConfig %s: %w", target, err)
	}
	w.Storage = snapshot.Storage{Blind: f.Blind(config)}
	var classes []v1alpha1.ClassFact
	if config != nil {
		classes = config.Status.Classes
	}
	w.Storage.Lacks = maintenance.Lacking(maintenance.Needed([]maintenance.Failover{f}, classes), config)
	w.Facts.At(w.SideOf(target)).Unready = w.Storage.Blind || len(w.Storage.Lacks) > 0
	return nil
}

// explainStorage says which maintenance mode a failover waits for.
func explainStorage(w *snapshot.Snapshot, at *snapshot.Side) words {
	if len(w.Storage.Lacks) == 0 {
		return words{fact: "StorageReady", message: fmt.Sprintf("cluster %s has not reported its storage classes, so it is not known which maintenance modes a failover needs", at.Cluster),
			next: fmt.Sprintf("the operation continues automatically when spokectrl on %s has reported them: kubectl get drclusterconfig %s -o yaml", at.Cluster, at.Cluster)}
	}
	lack := &w.Storage.Lacks[0]
	message := fmt.Sprintf("the storage of cluster %s is not in the maintenance mode that a failover needs: driver %s, target %s: %s", at.Cluster, lack.Provisioner, lack.TargetID, modeState(lack))
	if more := len(w.Storage.Lacks) - 1; more > 0 {
		message += fmt.Sprintf("; and %d more", more)
	}
	out := words{fact: "StorageReady", message: message,
		next: fmt.Sprintf("the operation continues automatically when the storage's operator has set FailoverActivated: kubectl --context %s get maintenancemode %s -o yaml", at.Cluster, lack.Name())}
	if lack.Request != nil {
		out.since = lack.Request.RequestedTime.Time
	}
	return out
}

// modeState says how far a mode is. Times are left to the field that tells since when.
func modeState(lack *maintenance.Lack) string {
	a := lack.Answer
	switch {
	case lack.Request == nil:
		return "it is not asked for yet"
	case a == nil:
		return fmt.Sprintf("asked for since %s, the cluster has not answered yet", lack.Request.RequestedTime.UTC().Format(time.RFC3339))
	case a.Message != "":
		return bounded.Text(a.Message, bounded.Quote)
	}
	asked := fmt.Sprintf("asked for since %s", a.RequestedTime.UTC().Format(time.RFC3339))
	c := meta.FindStatusCondition(a.Conditions, v1alpha1.ConditionFailoverActivated)
	switch {
	case a.ObservedGeneration != 0 && a.ObservedGeneration != a.Generation:
		return asked + ", the storage's operator has not looked at the latest request yet"
	case c == nil && a.State == "":
		return asked + ", no operator of the storage has answered yet"
	case c == nil:
		return fmt.Sprintf("%s, its state is %s", asked, a.State)
	case a.State == "":
		return fmt.Sprintf("%s, FailoverActivated is %s, %s", asked, c.Status, conditionText(c))
	default:
		return fmt.Sprintf("%s, its state is %s, FailoverActivated is %s, %s", asked, a.State, c.Status, conditionText(c))
	}
}
