// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// observeGroup finds out where the application's group is, and on which two clusters: where its object says, unless its
// wishes say otherwise.
func (r *observer) observeGroup(ctx context.Context, w *snapshot.Snapshot) error {
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.client.List(ctx, list, client.MatchingFields{indexDRPC: client.ObjectKeyFromObject(w.DRPC).String()}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list wishes and reports: %w", err)
	}
	traces := snapshot.TracesOf(list.Items, w.DRPC)
	w.Group = r.groups.of(w.DRPC, exchange.GroupOf(w.DRPC), len(traces) > 0)
	wishes, reports := snapshot.Telling(traces, w.DRPC)
	if len(wishes) == 0 {
		return snapshot.PlaceUnmade(w, reports)
	}
	if w.Facts.Deleting {
		var err error
		if wishes, err = r.standing(ctx, wishes); err != nil {
			return err
		}
	}
	return snapshot.PlaceMade(w, wishes, reports)
}

// standing are the wishes that are there now, where they are of several groups: the index may lag behind a removal, and the
// groups are removed one after the other.
func (r *observer) standing(ctx context.Context, wishes []snapshot.Trace) ([]snapshot.Trace, error) {
	if !slices.ContainsFunc(wishes, func(t snapshot.Trace) bool { return t.Group != wishes[0].Group }) {
		return wishes, nil
	}
	var out []snapshot.Trace
	for _, t := range wishes {
		key := client.ObjectKey{Namespace: exchange.Outbox(t.Cluster), Name: exchange.ObjectName(t.Group.Namespace, t.Group.Name)}
		switch err := r.live.Get(ctx, key, &v1alpha1.VolumeReplicationGroup{}); {
		case err == nil:
			out = append(out, t)
		case !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("read wish %s: %w", t, err)
		}
	}
	if out == nil {
		return wishes, nil
	}
	return out, nil
}

// groups are those of which this process wrote a wish that its cache has not shown yet: meanwhile the object may have been
// changed to name another one.
type groups struct {
	mu   sync.Mutex
	made map[client.ObjectKey]madeFor
}

type madeFor struct {
	uid   types.UID
	group client.ObjectKey
}

func newGroups() *groups { return &groups{made: map[client.ObjectKey]madeFor{}} }

// of is the group to begin with: the one that was made, while the cache is behind, else the one that the object names.
func (g *groups) of(drpc *v1alpha1.DRPlacementControl, named client.ObjectKey, shown bool) client.ObjectKey {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := client.ObjectKeyFromObject(drpc)
	made, ok := g.made[key]
	if !ok || shown || made.uid != drpc.UID {
		delete(g.made, key)
		return named
	}
	return made.group
}

func (g *groups) wrote(drpc *v1alpha1.DRPlacementControl, group client.ObjectKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.made[client.ObjectKeyFromObject(drpc)] = madeFor{drpc.UID, group}
}

func (g *groups) forget(key client.ObjectKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.made, key)
}
