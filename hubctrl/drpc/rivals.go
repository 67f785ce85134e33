// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// observeRivals refuses an application of which nothing is wished yet, if an older object protects the same group. Once
// something is wished, newcomers don't matter.
func (r *Reconciler) observeRivals(ctx context.Context, w *world) error {
	if w.wished() || w.drpc.DeletionTimestamp != nil {
		return nil
	}
	rivals, err := r.rivals(ctx, w.drpc)
	if err != nil {
		return err
	}
	for i := range rivals {
		if older(&rivals[i], w.drpc) {
			return conflict(w, client.ObjectKeyFromObject(&rivals[i]).String())
		}
	}
	return nil
}

// rivals are the other objects that protect the group of drpc.
func (r *Reconciler) rivals(ctx context.Context, drpc *v1alpha1.DRPlacementControl) ([]v1alpha1.DRPlacementControl, error) {
	list := &v1alpha1.DRPlacementControlList{}
	if err := r.client.List(ctx, list); err != nil {
		return nil, fmt.Errorf("list DRPlacementControls: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(o v1alpha1.DRPlacementControl) bool {
		return client.ObjectKeyFromObject(&o) == client.ObjectKeyFromObject(drpc) || exchange.GroupOf(&o) != exchange.GroupOf(drpc)
	}), nil
}

// older orders any two objects, so that one of two that were made in the same second wins.
func older(a, b *v1alpha1.DRPlacementControl) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return client.ObjectKeyFromObject(a).String() < client.ObjectKeyFromObject(b).String()
}

func conflict(w *world, other string) error {
	return &outcome.Refused{Reason: "Conflict", Err: fmt.Errorf(
		"DRPlacementControl %s protects %s already: rename or delete one of the two", other, w.group)}
}
