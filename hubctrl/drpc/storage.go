// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance/modes"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
)

// observeStorage finds out whether a failover that is under way lacks a maintenance mode of its target's storage. The
// answers are read live: in the cache one may stand that belongs to a request which was ended.
func (r *observer) observeStorage(ctx context.Context, w *snapshot.Snapshot) error {
	if w.Facts.Ask != plan.Failover {
		return nil
	}
	var sides [2]modes.Side
	for i := range w.Sides {
		sides[i] = modes.Side{Cluster: w.Sides[i].Cluster, Wish: w.Sides[i].Wish, Report: w.Sides[i].Report}
	}
	f, target, ok := modes.Of(w.DRPC, sides)
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
	w.Storage.Lacks = modes.Lacking(modes.Needed([]modes.Failover{f}, classes), config)
	w.Facts.At(w.SideOf(target)).Unready = w.Storage.Blind || len(w.Storage.Lacks) > 0
	return nil
}
