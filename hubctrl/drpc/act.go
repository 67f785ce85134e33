// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// actor carries out the writes of one plan.
type actor struct {
	client   client.Client
	live     client.Reader // past the cache
	origin   string        // the id of this hub
	groups   *groups
	own      *own
	versions map[string]apply.Version // of the wish for each cluster: as it was read, or as this plan wrote it
	finished bool                     // the object was let go
}

// actor returns one that acts on what w showed.
func (r *Reconciler) actor(w *world) *actor {
	a := &actor{client: r.client, live: r.live, origin: r.origin, groups: r.groups, own: r.own, versions: map[string]apply.Version{}}
	for i := range w.sides {
		if wish := w.sides[i].wish; wish != nil {
			a.versions[w.sides[i].cluster] = apply.VersionOf(wish)
		}
	}
	return a
}

func (r *actor) wishes() apply.Applier { return apply.New(r.client, ownerWish) }

// act carries the writes of a plan out in their order and stops at the first error; a plan whose roles are settled
// lets it bring the content of wishes up to date. It reports whether it wrote. It decides nothing.
func (r *actor) act(ctx context.Context, w *world, next plan.Plan) (bool, error) {
	// Before anything is written for it, and again if someone removed the finalizer: without it nothing would be cleaned up.
	if w.drpc.DeletionTimestamp == nil && (len(next.Writes) > 0 || w.wished()) {
		if err := apply.Hold(ctx, r.client, w.drpc, v1alpha1.DRPCFinalizer); err != nil {
			return false, err
		}
	}
	if len(next.Writes) == 0 && w.misquoted() {
		return true, r.publish(ctx, w, w.decisions())
	}
	if next.Tend && len(next.Writes) == 0 {
		return r.refresh(ctx, w)
	}
	if len(next.Writes) > 0 {
		log.FromContext(ctx).Info("Carrying out a plan", "phase", phases[next.Phase], "step", steps[next.Step], "writes", len(next.Writes))
	}
	for _, wr := range next.Writes {
		if err := r.write(ctx, w, wr); err != nil {
			return true, err
		}
	}
	return len(next.Writes) > 0, nil
}

func (r *actor) write(ctx context.Context, w *world, wr plan.Write) error {
	switch wr.Kind {
	case plan.PutWish:
		return r.putWish(ctx, w, wr)
	case plan.AdoptWish:
		return r.adoptWish(ctx, w, wr.Side)
	case plan.MarkWish:
		return r.markWish(ctx, w, wr.Side)
	case plan.RemoveWish:
		return removeWish(ctx, r.client, w.at(wr.Side))
	case plan.DropWish:
		return r.letGo(ctx, w, wr.Side)
	case plan.Publish:
		return r.publish(ctx, w, wr.Decisions)
	case plan.Finish:
		// Of a cluster that was given up nothing else takes it away.
		if _, err := r.dropKey(ctx, w, w.outboxes()...); err != nil {
			return err
		}
		if w.more {
			return nil // the next look takes the next group
		}
		err := apply.Release(ctx, r.client, w.drpc, v1alpha1.DRPCFinalizer)
		r.finished = err == nil
		return err
	}
	panic("unknown write")
}

func (r *actor) putWish(ctx context.Context, w *world, wr plan.Write) error {
	intent, err := r.intent(w, wr, w.nextEpoch(wr), false)
	if err != nil {
		return err
	}
	r.groups.wrote(w.drpc, w.group)
	if wr.Promote && wr.Role == plan.Primary {
		if err := r.mark(ctx, w, wr.Side); err != nil {
			return err
		}
	}
	return r.writeWish(ctx, w.at(wr.Side), intent)
}

// nextEpoch is the epoch of a wish that is written now: a promotion exceeds all that is known, a Primary that stays one
// keeps its epoch, and a Secondary has the last one, so that it never resumes an older role (I5).
func (w *world) nextEpoch(wr plan.Write) int64 {
	switch {
	case wr.Promote && w.first(wr.Side):
		return w.lastEpoch()
	case wr.Promote:
		return exchange.NextEpoch(w.lastEpoch())
	case wr.Role == plan.Primary:
		return epochOf(w.at(wr.Side).wish)
	default:
		return max(w.lastEpoch(), 1)
	}
}

// first reports whether a promotion of s is the first one of all: there is nothing but the peer's wish, which this hub made
// before the Primary's. Its epoch, the first one, is no Primary's.
func (w *world) first(s plan.Side) bool {
	at, peer := w.at(s), w.at(s.Peer())
	return w.facts.At(s).Decision == plan.Untold && at.wish == nil && at.report == nil && peer.wish != nil && roleOf(&peer.wish.Spec) == plan.Secondary &&
		peer.wish.Annotations[exchange.AnnotationAdoptUID] == "" && w.lastEpoch() == 1
}

// adoptWish makes a wish from the report about an object that an earlier hub wished, or this one before it was restored
// from a backup: the same spec and epoch.
func (r *actor) adoptWish(ctx context.Context, w *world, s plan.Side) error {
	at := w.at(s)
	intent := r.frame(w, at.cluster, at.report.Status.Exchange.Epoch)
	if ours(at) {
		intent.SetAnnotations(with(intent.GetAnnotations(), exchange.AnnotationRecalled, strconv.FormatInt(w.drpc.Generation, 10)))
	}
	if uid := at.adopts(); uid != "" {
		intent.SetAnnotations(with(intent.GetAnnotations(), exchange.AnnotationAdoptUID, uid))
	}
	if w.sendsAway(plan.Write{Kind: plan.AdoptWish, Side: s, Role: roleOf(&at.report.Spec)}, false) {
		intent.SetAnnotations(with(intent.GetAnnotations(), exchange.AnnotationSentAway, on))
	}
	if serves(at.report) {
		intent.SetAnnotations(with(intent.GetAnnotations(), v1alpha1.AnnotationPeerServes, on))
	}
	if signers := w.signers(plan.Write{Kind: plan.AdoptWish, Side: s, Role: roleOf(&at.report.Spec)}); signers != "" {
		intent.SetAnnotations(with(intent.GetAnnotations(), v1alpha1.AnnotationSigners, signers))
	}
	if w.differs(scopeOf(&at.report.Spec)) {
		intent.SetAnnotations(with(intent.GetAnnotations(), exchange.AnnotationScopeKept, string(w.drpc.UID)))
	}
	if err := setSpec(intent, &at.report.Spec); err != nil {
		return err
	}
	r.groups.wrote(w.drpc, w.group)
	return r.writeWish(ctx, at, intent)
}

func removeWish(ctx context.Context, c client.Client, at *side) error {
	if err := apply.Delete(ctx, c, at.wish); err != nil {
		return fmt.Errorf("remove wish for %s: %w", at.cluster, err)
	}
	return nil
}

// letGo drops the tombstone of a side. A key stays if the application does: the wish is re-created.
func (r *actor) letGo(ctx context.Context, w *world, s plan.Side) error {
	at := w.at(s)
	if w.drpc.DeletionTimestamp == nil {
		log.FromContext(ctx).Info("Re-creating a wish that was deleted by hand", "cluster", at.cluster, "uid", at.wish.UID)
	} else if _, err := r.dropKey(ctx, w, s); err != nil {
		// The key first: with the wish goes what leads to this outbox, should the policy be gone.
		return err
	}
	delete(r.versions, at.cluster)
	return dropWish(ctx, r.client, at.wish)
}

func dropWish(ctx context.Context, c client.Client, wish *v1alpha1.VolumeReplicationGroup) error {
	return apply.Release(ctx, c, wish, exchange.FinalizerWish)
}

// sweep looks after the wishes of a DRPlacementControl that is gone. It drops the tombstones that were obeyed: those of
// clusters that were given up. It removes what an earlier leader wished late, after this one had ended the protection: a wish
// that is to be made names no version but that there must be none.
func (r *Reconciler) sweep(ctx context.Context, key client.ObjectKey) error {
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.client.List(ctx, list, client.MatchingFields{indexDRPC: key.String()}); err != nil {
		return fmt.Errorf("list wishes: %w", err)
	}
	for i := range list.Items {
		wish := &list.Items[i]
		cluster, _ := exchange.ClusterOf(wish.Namespace)
		at := side{cluster: cluster, wish: wish}
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
		}) || !removed(&at) {
			continue
		}
		if err := dropWish(ctx, r.client, wish); err != nil {
			return err
		}
	}
	return nil
}
