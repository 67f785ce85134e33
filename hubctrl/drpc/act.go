// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// act carries writes out in their order and stops at the first error. It decides nothing.
func (r *Reconciler) act(ctx context.Context, w *world, writes []plan.Write) error {
	if err := r.hold(ctx, w.drpc); err != nil {
		return err
	}
	for _, wr := range writes {
		var err error
		switch wr.Kind {
		case plan.PutWish:
			err = r.putWish(ctx, w, wr)
		case plan.AdoptWish:
			err = r.adoptWish(ctx, w, wr.Side)
		case plan.RemoveWish:
			err = r.removeWish(ctx, w.at(wr.Side).wish)
		case plan.DropWish:
			err = r.dropWish(ctx, w.at(wr.Side).wish)
		case plan.Publish:
			err = r.publish(ctx, w, wr.Decisions)
		case plan.Finish:
			err = r.letGo(ctx, w.drpc)
			w.finished = err == nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hold puts our finalizer on a DRPlacementControl before anything is done for it.
func (r *Reconciler) hold(ctx context.Context, drpc *v1alpha1.DRPlacementControl) error {
	if drpc.DeletionTimestamp != nil || controllerutil.ContainsFinalizer(drpc, v1alpha1.DRPCFinalizer) {
		return nil
	}
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("DRPlacementControl"))
	u.SetNamespace(drpc.Namespace)
	u.SetName(drpc.Name)
	u.SetUID(drpc.UID) // a deleted object is not made anew
	u.SetFinalizers([]string{v1alpha1.DRPCFinalizer})
	if err := apply.New(r.client, ownerFinalizer).Shared(ctx, apply.Untyped(u)); err != nil {
		return fmt.Errorf("hold DRPlacementControl: %w", err)
	}
	return nil
}

func (r *Reconciler) letGo(ctx context.Context, drpc *v1alpha1.DRPlacementControl) error {
	if !controllerutil.RemoveFinalizer(drpc, v1alpha1.DRPCFinalizer) {
		return nil
	}
	if err := r.client.Update(ctx, drpc); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("let DRPlacementControl go: %w", err)
	}
	return nil
}

func (r *Reconciler) putWish(ctx context.Context, w *world, wr plan.Write) error {
	intent, err := r.intent(w, wr, w.nextEpoch(wr))
	if err != nil {
		return err
	}
	if err := r.wishes().Owned(ctx, intent); err != nil {
		return fmt.Errorf("write wish for %s: %w", w.at(wr.Side).cluster, err)
	}
	return nil
}

// nextEpoch is the epoch of a wish that is written now: a promotion exceeds all that is known, a Primary that stays one
// keeps its epoch, and a Secondary has the last one, so that it never resumes an older role (I5).
func (w *world) nextEpoch(wr plan.Write) int64 {
	switch {
	case wr.Promote:
		return w.lastEpoch() + 1
	case wr.Role == plan.Primary:
		return epochOf(w.at(wr.Side).wish)
	default:
		return max(w.lastEpoch(), 1)
	}
}

// adoptWish makes a wish from the report about an object that an earlier hub wished: the same spec and epoch.
func (r *Reconciler) adoptWish(ctx context.Context, w *world, s plan.Side) error {
	at := w.at(s)
	intent := r.frame(w, at.cluster, at.report.Status.Exchange.Epoch)
	intent.SetAnnotations(with(intent.GetAnnotations(), exchange.AnnotationAdoptUID, at.report.Status.Exchange.SpokeUID))
	if err := setSpec(intent, &at.report.Spec); err != nil {
		return err
	}
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

func (r *Reconciler) dropWish(ctx context.Context, wish *v1alpha1.VolumeReplicationGroup) error {
	if wish == nil || !controllerutil.RemoveFinalizer(wish, exchange.FinalizerWish) {
		return nil
	}
	if err := r.client.Update(ctx, wish); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("drop tombstone %s/%s: %w", wish.Namespace, wish.Name, err)
	}
	return nil
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
		case plan.Gone:
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
