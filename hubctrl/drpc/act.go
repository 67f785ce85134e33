// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/status"
	"github.com/ramendr/ramen-direct/hubctrl/volsynckey"
	"github.com/ramendr/ramen-direct/hubctrl/wish"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// actor carries out the writes of one plan.
type actor struct {
	client   client.Client
	origin   string // the id of this hub
	key      volsynckey.Keeper
	groups   *groups
	own      *ownWrites
	versions map[string]apply.Version // of the wish for each cluster: as it was read, or as this plan wrote it
	finished bool                     // the object was let go
}

// actor returns one that acts on what w showed.
func (r *Reconciler) actor(w *snapshot.Snapshot) *actor {
	a := &actor{client: r.client, origin: r.origin, key: volsynckey.New(r.client, r.live, r.origin), groups: r.groups, own: r.own, versions: map[string]apply.Version{}}
	for i := range w.Sides {
		if wish := w.Sides[i].Wish; wish != nil {
			a.versions[w.Sides[i].Cluster] = apply.VersionOf(wish)
		}
	}
	return a
}

// act carries the writes of a plan out in their order and stops at the first error; a plan whose roles are settled
// lets it bring the content of wishes up to date. It reports whether it wrote. It decides nothing.
func (r *actor) act(ctx context.Context, w *snapshot.Snapshot, next plan.Plan) (bool, error) {
	// Before anything is written for it, and again if someone removed the finalizer: without it nothing would be cleaned up.
	if w.DRPC.DeletionTimestamp == nil && (len(next.Writes) > 0 || w.Wished()) {
		if err := apply.Hold(ctx, r.client, w.DRPC, v1alpha1.DRPCFinalizer); err != nil {
			return false, err
		}
	}
	if len(next.Writes) == 0 && wish.Misquoted(w) {
		return true, r.publish(ctx, w, wish.Published(w))
	}
	if next.Tend && len(next.Writes) == 0 {
		return r.refresh(ctx, w)
	}
	if len(next.Writes) > 0 {
		phase, step := status.PhaseOf(next)
		log.FromContext(ctx).Info("Carrying out a plan", "phase", phase, "step", step, "writes", len(next.Writes))
	}
	for _, wr := range next.Writes {
		if err := r.write(ctx, w, wr); err != nil {
			return true, err
		}
	}
	return len(next.Writes) > 0, nil
}

func (r *actor) write(ctx context.Context, w *snapshot.Snapshot, wr plan.Write) error {
	switch wr.Kind {
	case plan.PutWish:
		return r.putWish(ctx, w, wr)
	case plan.AdoptWish:
		return r.adoptWish(ctx, w, wr.Side)
	case plan.MarkWish:
		return r.markWish(ctx, w, wr.Side)
	case plan.RemoveWish:
		return removeWish(ctx, r.client, w.At(wr.Side))
	case plan.DropWish:
		return r.dropTombstone(ctx, w, wr.Side)
	case plan.Publish:
		return r.publish(ctx, w, wr.Decisions)
	case plan.Finish:
		// Of a cluster that was given up nothing else takes it away.
		if _, err := r.key.Drop(ctx, w); err != nil {
			return err
		}
		if w.More {
			return nil // the next look takes the next group
		}
		err := apply.Release(ctx, r.client, w.DRPC, v1alpha1.DRPCFinalizer)
		r.finished = err == nil
		return err
	}
	panic("unknown write")
}

func (r *actor) putWish(ctx context.Context, w *snapshot.Snapshot, wr plan.Write) error {
	want, err := wish.Of(w, r.origin, wr, wish.NextEpoch(w, wr), false)
	if err != nil {
		return err
	}
	r.groups.wrote(w.DRPC, w.Group)
	if wr.Promote && wr.Role == plan.Primary {
		if err := r.mark(ctx, w, wr.Side); err != nil {
			return err
		}
	}
	return r.writeWish(ctx, w.At(wr.Side), want)
}

func (r *actor) adoptWish(ctx context.Context, w *snapshot.Snapshot, s plan.Side) error {
	want, err := wish.Adopted(w, r.origin, s)
	if err != nil {
		return err
	}
	r.groups.wrote(w.DRPC, w.Group)
	return r.writeWish(ctx, w.At(s), want)
}

// markWish notes at the wish for a side that the user is asked about what the cluster claims.
func (r *actor) markWish(ctx context.Context, w *snapshot.Snapshot, s plan.Side) error {
	at := w.At(s)
	stamp := at.Report.Status.Exchange
	log.FromContext(ctx).Info("Cluster claims a later wish than this hub's", "cluster", at.Cluster, "wishUID", stamp.WishUID,
		"epoch", stamp.Epoch, "generation", stamp.WishGeneration, "role", at.Report.Spec.ReplicationState)
	want, err := wish.Questioned(w, r.origin, s)
	if err != nil {
		return err
	}
	return r.writeWish(ctx, at, want)
}

// refresh brings the content of wishes in line with what the user and the policy say besides roles. It reports whether it
// wrote.
func (r *actor) refresh(ctx context.Context, w *snapshot.Snapshot) (bool, error) {
	key, wrote, keyErr := r.key.Choose(ctx, w) // what fails there keeps no wish from its content
	with := *w
	with.KeySecret = key.Secret
	w = &with
	named := false
	for _, s := range []plan.Side{plan.First, plan.Second} {
		want, err := wish.Refreshed(w, r.origin, s)
		if err != nil {
			return wrote, errors.Join(keyErr, err)
		}
		if want == nil {
			named = named || w.At(s).Wish != nil && w.At(s).Wish.Spec.VolSync.KeySecret == key.Secret
			continue
		}
		if err := r.writeWish(ctx, w.At(s), want); err != nil {
			return wrote, errors.Join(keyErr, err)
		}
		wrote, named = true, true
	}
	if keyErr != nil || !named {
		return wrote, keyErr
	}
	put, err := r.key.Put(ctx, w, key)
	return wrote || put, err
}

func removeWish(ctx context.Context, c client.Client, at *snapshot.Side) error {
	if err := apply.Delete(ctx, c, at.Wish); err != nil {
		return fmt.Errorf("remove wish for %s: %w", at.Cluster, err)
	}
	return nil
}

// dropTombstone lets go of the wish of a side that is being deleted. A key stays if the application does: the wish is re-created.
func (r *actor) dropTombstone(ctx context.Context, w *snapshot.Snapshot, s plan.Side) error {
	at := w.At(s)
	if w.DRPC.DeletionTimestamp == nil {
		log.FromContext(ctx).Info("Re-creating a wish that was deleted by hand", "cluster", at.Cluster, "uid", at.Wish.UID)
	} else if _, err := r.key.Drop(ctx, w, s); err != nil {
		// The key first: with the wish goes what leads to this outbox, should the policy be gone.
		return err
	}
	delete(r.versions, at.Cluster)
	return dropWish(ctx, r.client, at.Wish)
}

func dropWish(ctx context.Context, c client.Client, wish *v1alpha1.VolumeReplicationGroup) error {
	return apply.Release(ctx, c, wish, exchange.FinalizerWish)
}

// cleanUp looks after the wishes of a DRPlacementControl that is gone. It drops the tombstones that were obeyed: those of
// clusters that were given up. It removes what an earlier leader wished late, after this one had ended the protection: a wish
// that is to be made names no version but that there must be none.
func (r *Reconciler) cleanUp(ctx context.Context, key client.ObjectKey) error {
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.client.List(ctx, list, client.MatchingFields{indexDRPC: key.String()}); err != nil {
		return fmt.Errorf("list wishes: %w", err)
	}
	for i := range list.Items {
		wish := &list.Items[i]
		cluster, _ := exchange.ClusterOf(wish.Namespace)
		at := snapshot.Side{Cluster: cluster, Wish: wish}
		if wish.Namespace != exchange.Outbox(cluster) {
			continue
		}
		if wish.DeletionTimestamp == nil && r.ledger.hasEnded(types.UID(wish.Annotations[v1alpha1.AnnotationDRPCUID])) {
			log.FromContext(ctx).Info("Removing a wish that came late", "cluster", cluster, "uid", wish.UID)
			if err := removeWish(ctx, r.client, &at); err != nil {
				return err
			}
			continue
		}
		if slices.ContainsFunc(list.Items, func(o v1alpha1.VolumeReplicationGroup) bool {
			return o.Namespace == exchange.Inbox(cluster) && o.Name == wish.Name
		}) || !snapshot.Removed(&at) {
			continue
		}
		if err := dropWish(ctx, r.client, wish); err != nil {
			return err
		}
	}
	return nil
}
