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
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// observeFlaws refuses an application that nothing was done for yet, if it is not where it may be or if another one
// protects the same. What is protected already is never stopped by that: what is wrong is shown, and not taken over.
func (r *observer) observeFlaws(ctx context.Context, w *snapshot.Snapshot) error {
	if w.DRPC.DeletionTimestamp != nil || w.Flaw != nil {
		return nil //nolint:nilerr // the flaw is reported: the look did not fail
	}
	flaw, err := r.unfit(ctx, w)
	if err != nil {
		return err
	}
	if flaw == nil {
		conflict, err := r.conflictingApplication(ctx, w)
		if err != nil {
			return err
		}
		if conflict != nil {
			flaw = conflict
		}
	}
	if w.Begun() {
		w.Flaw = flaw
		return nil
	}
	if flaw == nil {
		flaw = snapshot.Unplaced(w)
	}
	return flaw
}

// conflictingApplication says which other application is in the way; nil: none. What is protected goes before what is not, older before
// younger.
func (r *observer) conflictingApplication(ctx context.Context, w *snapshot.Snapshot) (conflict *outcome.Refused, err error) {
	mine := snapshot.Asking(w.DRPC)
	mine.Group = w.Group
	rivals, err := r.rivals(ctx, mine, w.Config)
	if err != nil {
		return nil, err
	}
	for i := range rivals {
		other := rivals[i].DRPlacementControl
		clusters, begun, err := r.clustersOfApplication(ctx, other)
		if err != nil {
			return nil, err
		}
		shared := slices.ContainsFunc(clusters, func(c string) bool { return w.SideOf(c).Named() })
		first := older(other, w.DRPC)
		if begun != w.Begun() {
			first = begun
		}
		if !first || !begun && snapshot.Misplaced(other, w.Config) != nil {
			continue
		}
		if shared {
			return &outcome.Refused{Reason: "Conflict", Err: errors.New(rivals[i].overlap)}, nil
		}
		if store, err := r.storeInCommon(ctx, w, rivals[i].protects.Group, clusters); err != nil || store != "" {
			return &outcome.Refused{Reason: "Conflict", Err: fmt.Errorf(
				"DRPlacementControl %s stores the metadata of %s in object store %s already, from other clusters, and this one would overwrite it: rename one of the two, or use another bucket",
				client.ObjectKeyFromObject(other), w.Group, store)}, err
		}
	}
	text, err := r.taken(ctx, w)
	if err != nil || text == "" {
		return nil, err
	}
	return &outcome.Refused{Reason: "Conflict", Err: errors.New(text)}, nil
}

// rival is another application, and how it overlaps.
type rival struct {
	*v1alpha1.DRPlacementControl
	protects snapshot.Claimant
	overlap  string
}

// rivals are the other applications that would protect, on a cluster in common, what mine does: by their wishes, if there are
// any, else by their objects. They must not be changed.
func (r *observer) rivals(ctx context.Context, mine snapshot.Claimant, config *ramenconfig.Config) ([]rival, error) {
	candidates, err := r.candidates(ctx, mine, config)
	if err != nil {
		return nil, err
	}
	var out []rival
	for _, drpc := range candidates {
		protects, err := r.claimants(ctx, drpc)
		if err != nil {
			return nil, err
		}
		for _, c := range protects {
			if text := snapshot.Overlap(mine, c, config); text != "" {
				out = append(out, rival{drpc, c, text})
				break
			}
		}
	}
	return out, nil
}

// candidates are the other applications that may overlap with mine, by their objects or by their wishes.
func (r *observer) candidates(ctx context.Context, mine snapshot.Claimant, config *ramenconfig.Config) ([]*v1alpha1.DRPlacementControl, error) {
	seen := map[client.ObjectKey]bool{mine.Drpc: true}
	var keys []client.ObjectKey
	add := func(key client.ObjectKey) {
		if !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	for _, entry := range mine.Contested(config) {
		objects, wishes := &v1alpha1.DRPlacementControlList{}, &v1alpha1.VolumeReplicationGroupList{}
		for _, list := range []client.ObjectList{objects, wishes} {
			if err := r.client.List(ctx, list, client.MatchingFields{indexClaim: entry}, client.UnsafeDisableDeepCopy); err != nil {
				return nil, fmt.Errorf("list what claims %s: %w", entry, err)
			}
		}
		for i := range objects.Items {
			add(client.ObjectKeyFromObject(&objects.Items[i]))
		}
		for i := range wishes.Items {
			if c, ok := snapshot.Wishing(&wishes.Items[i]); ok {
				add(c.Drpc)
			}
		}
	}
	var out []*v1alpha1.DRPlacementControl
	for _, key := range keys {
		drpc := &v1alpha1.DRPlacementControl{}
		switch err := r.client.Get(ctx, key, drpc); {
		case apierrors.IsNotFound(err):
			// a wish that nobody tends
		case err != nil:
			return nil, fmt.Errorf("read DRPlacementControl %s: %w", key, err)
		default:
			out = append(out, drpc)
		}
	}
	return out, nil
}

// clustersOfApplication tells on which clusters an application is, or will be, and whether one of them was told of it. One whose
// policy is missing is where it was told to be.
func (r *observer) clustersOfApplication(ctx context.Context, drpc *v1alpha1.DRPlacementControl) (clusters []string, begun bool, err error) {
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

func conflict(w *snapshot.Snapshot, other string) error {
	return &outcome.Refused{Reason: "Conflict", Err: fmt.Errorf(
		"DRPlacementControl %s protects %s already: rename or delete one of the two", other, w.Group)}
}
