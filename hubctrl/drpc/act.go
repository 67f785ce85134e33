// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// act carries the writes of a plan out in their order and stops at the first error; a plan whose roles are settled
// lets it bring the content of wishes up to date. It reports whether it wrote. It decides nothing.
func (r *Reconciler) act(ctx context.Context, w *world, next plan.Plan) (bool, error) {
	// Before anything is done for it, and again if somebody took the finalizer off: else nobody would clean up.
	if w.drpc.DeletionTimestamp == nil && (len(next.Writes) > 0 || w.wished()) {
		if err := apply.Hold(ctx, r.client, w.drpc, v1alpha1.DRPCFinalizer); err != nil {
			return false, err
		}
	}
	if next.Tend && len(next.Writes) == 0 {
		return r.refresh(ctx, w)
	}
	if len(next.Writes) > 0 {
		log.FromContext(ctx).Info("Carry out plan", "phase", phases[next.Phase], "step", steps[next.Step], "writes", len(next.Writes))
	}
	for _, wr := range next.Writes {
		if err := r.write(ctx, w, wr); err != nil {
			return true, err
		}
	}
	return len(next.Writes) > 0, nil
}

func (r *Reconciler) write(ctx context.Context, w *world, wr plan.Write) error {
	switch wr.Kind {
	case plan.PutWish:
		return r.putWish(ctx, w, wr)
	case plan.AdoptWish:
		return r.adoptWish(ctx, w, wr.Side)
	case plan.MarkWish:
		return r.markWish(ctx, w, wr.Side)
	case plan.RemoveWish:
		return r.removeWish(ctx, w.at(wr.Side).wish)
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
		w.finished = err == nil
		return err
	}
	panic("unknown write")
}

func (r *Reconciler) putWish(ctx context.Context, w *world, wr plan.Write) error {
	intent, err := r.intent(w, wr, w.nextEpoch(wr), false)
	if err != nil {
		return err
	}
	r.groups.wrote(w.drpc, w.group)
	if err := r.wishes().Owned(ctx, apply.Untyped(intent)); err != nil {
		return fmt.Errorf("write wish for %s: %w", w.at(wr.Side).cluster, err)
	}
	return nil
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
func (r *Reconciler) adoptWish(ctx context.Context, w *world, s plan.Side) error {
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
	if err := setSpec(intent, &at.report.Spec); err != nil {
		return err
	}
	r.groups.wrote(w.drpc, w.group)
	if err := r.wishes().Owned(ctx, apply.Untyped(intent)); err != nil {
		return fmt.Errorf("adopt the object on %s: %w", at.cluster, err)
	}
	return nil
}

func (r *Reconciler) removeWish(ctx context.Context, wish *v1alpha1.VolumeReplicationGroup) error {
	err := r.client.Delete(ctx, wish, client.Preconditions{UID: &wish.UID})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("remove wish %s/%s: %w", wish.Namespace, wish.Name, err)
	}
	return nil
}

// letGo drops the tombstone of a side. A key stays if the application does: the wish is made anew.
func (r *Reconciler) letGo(ctx context.Context, w *world, s plan.Side) error {
	at := w.at(s)
	if w.drpc.DeletionTimestamp == nil {
		log.FromContext(ctx).Info("Make anew the wish that somebody deleted", "cluster", at.cluster, "uid", at.wish.UID)
		return r.dropWish(ctx, at.wish)
	}
	// The key first: with the wish goes what leads to this outbox, should the policy be gone.
	if _, err := r.dropKey(ctx, w, s); err != nil {
		return err
	}
	return r.dropWish(ctx, at.wish)
}

func (r *Reconciler) dropWish(ctx context.Context, wish *v1alpha1.VolumeReplicationGroup) error {
	return apply.Release(ctx, r.client, wish, exchange.FinalizerWish)
}

// publish tells those who deploy where the workload's objects may exist.
func (r *Reconciler) publish(ctx context.Context, w *world, decisions [2]plan.Decision) error {
	told := &v1alpha1.DRPlacementControl{}
	told.Namespace, told.Name, told.UID = w.drpc.Namespace, w.drpc.Name, w.drpc.UID
	told.Status.Decisions = []v1alpha1.ClusterDecision{}
	for i, d := range decisions {
		cluster := w.sides[i].cluster
		switch d {
		case plan.RunHere:
			told.Status.PreferredDecision = v1alpha1.PlacementDecision{ClusterName: cluster, ClusterNamespace: cluster}
			told.Status.Decisions = append(told.Status.Decisions, v1alpha1.ClusterDecision{ClusterName: cluster, ClusterNamespace: cluster, Reason: v1alpha1.DecisionRun})
		case plan.Retain:
			told.Status.Decisions = append(told.Status.Decisions, v1alpha1.ClusterDecision{ClusterName: cluster, ClusterNamespace: cluster, Reason: v1alpha1.DecisionRetain})
		case plan.Gone, plan.Untold:
		}
	}
	intent, err := apply.StatusOf(told, r.client.Scheme())
	if err != nil {
		return err
	}
	if err := apply.New(r.client, ownerDecisions).Status(ctx, intent); err != nil {
		return fmt.Errorf("publish decisions: %w", err)
	}
	return nil
}

// sweep drops the tombstones of a DRPlacementControl that is gone, when they were obeyed: those of clusters that were
// given up.
func (r *Reconciler) sweep(ctx context.Context, key client.ObjectKey) error {
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.client.List(ctx, list, client.MatchingFields{indexDRPC: key.String()}); err != nil {
		return fmt.Errorf("list wishes: %w", err)
	}
	for i := range list.Items {
		wish := &list.Items[i]
		cluster, _ := exchange.ClusterOf(wish.Namespace)
		at := side{cluster: cluster, wish: wish}
		if wish.Namespace != exchange.Outbox(cluster) || slices.ContainsFunc(list.Items, func(o v1alpha1.VolumeReplicationGroup) bool {
			return o.Namespace == exchange.Inbox(cluster) && o.Name == wish.Name
		}) || !removed(&at) {
			continue
		}
		if err := r.dropWish(ctx, wish); err != nil {
			return err
		}
	}
	return nil
}
