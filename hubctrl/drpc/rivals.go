// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// observeFlaws refuses an application that nothing was done for yet, if it is not where it may be or if another one
// protects the same. What is protected already is never stopped by that: what is wrong is shown, and not taken over.
func (r *Reconciler) observeFlaws(ctx context.Context, w *world) error {
	if w.drpc.DeletionTimestamp != nil || w.flaw != nil {
		return nil //nolint:nilerr // the flaw is reported: the look did not fail
	}
	flaw, err := r.unfit(ctx, w)
	if err != nil {
		return err
	}
	if flaw == nil {
		conflict, err := r.rivalry(ctx, w)
		if err != nil {
			return err
		}
		if conflict != nil {
			flaw = conflict
		}
	}
	if w.begun() {
		w.flaw = flaw
		return nil
	}
	if flaw == nil {
		flaw = w.unplaced()
	}
	return flaw
}

// begun reports whether a cluster was told of the application, by this hub or by one before it.
func (w *world) begun() bool {
	return w.wished() || slices.ContainsFunc(w.sides[:], func(at side) bool {
		return at.report != nil && at.report.Annotations[exchange.AnnotationDRPC] == client.ObjectKeyFromObject(w.drpc).String()
	})
}

// rivalry says which other application is in the way; nil: none. What is protected goes before what is not, older before
// younger.
func (r *Reconciler) rivalry(ctx context.Context, w *world) (conflict *outcome.Refused, err error) {
	rivals, err := r.rivals(ctx, w.drpc, w.config)
	if err != nil {
		return nil, err
	}
	for i := range rivals {
		other := &rivals[i]
		clusters, begun, err := r.whereabouts(ctx, other)
		if err != nil {
			return nil, err
		}
		shared := slices.ContainsFunc(clusters, func(c string) bool { return w.sideOf(c).Named() })
		first := older(other, w.drpc)
		if begun != w.begun() {
			first = begun
		}
		if !first || !begun && misplaced(other, w.config) != nil {
			continue
		}
		if shared {
			return &outcome.Refused{Reason: "Conflict", Err: errors.New(overlap(w.drpc, other, w.config))}, nil
		}
		if store, err := r.storeInCommon(ctx, w, other, clusters); err != nil || store != "" {
			return &outcome.Refused{Reason: "Conflict", Err: fmt.Errorf(
				"DRPlacementControl %s stores the metadata of %s in object store %s already, from other clusters, and this one would overwrite it: rename one of the two, or use another bucket",
				client.ObjectKeyFromObject(other), w.group, store)}, err
		}
	}
	return nil, nil
}

// rivals are the other objects that would protect, on a cluster in common, what drpc does. They must not be changed.
func (r *Reconciler) rivals(ctx context.Context, drpc *v1alpha1.DRPlacementControl, config *ramenconfig.Config) ([]v1alpha1.DRPlacementControl, error) {
	var out []v1alpha1.DRPlacementControl
	seen := map[client.ObjectKey]bool{client.ObjectKeyFromObject(drpc): true}
	for _, claim := range contested(drpc, config) {
		list := &v1alpha1.DRPlacementControlList{}
		if err := r.client.List(ctx, list, client.MatchingFields{indexClaim: claim}, client.UnsafeDisableDeepCopy); err != nil {
			return nil, fmt.Errorf("list DRPlacementControls: %w", err)
		}
		for i := range list.Items {
			o := &list.Items[i]
			if key := client.ObjectKeyFromObject(o); !seen[key] && overlap(drpc, o, config) != "" {
				seen[key] = true
				out = append(out, *o)
			}
		}
	}
	return out, nil
}

// whereabouts tells on which clusters an application is, or will be, and whether one of them was told of it. One whose
// policy is missing is where it was told to be.
func (r *Reconciler) whereabouts(ctx context.Context, drpc *v1alpha1.DRPlacementControl) (clusters []string, begun bool, err error) {
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.client.List(ctx, list, client.MatchingFields{indexDRPC: client.ObjectKeyFromObject(drpc).String()}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, false, fmt.Errorf("list wishes: %w", err)
	}
	for i := range list.Items {
		if cluster, ok := exchange.ClusterOf(list.Items[i].Namespace); ok {
			clusters = append(clusters, cluster)
		}
	}
	policy := &v1alpha1.DRPolicy{}
	switch err := r.client.Get(ctx, client.ObjectKey{Name: drpc.Spec.DRPolicyRef.Name}, policy); {
	case err == nil:
		clusters = append(clusters, policy.Spec.DRClusters...)
	case !apierrors.IsNotFound(err):
		return nil, false, fmt.Errorf("read DRPolicy %s: %w", drpc.Spec.DRPolicyRef.Name, err)
	}
	return clusters, len(list.Items) > 0, nil
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
