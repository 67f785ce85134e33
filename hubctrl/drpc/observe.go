// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// world is what one look showed: the objects, and the facts in them.
type world struct {
	drpc     *v1alpha1.DRPlacementControl
	policy   *v1alpha1.DRPolicy
	profiles []string // S3 profiles of both clusters, sorted
	group    client.ObjectKey
	sides    [2]side
	facts    plan.Facts
	finished bool // the object was let go
}

// side is one cluster.
type side struct {
	cluster string
	link    exchange.Link
	wish    *v1alpha1.VolumeReplicationGroup // nil: none
	report  *v1alpha1.VolumeReplicationGroup // nil: not in the inbox
}

func (w *world) at(s plan.Side) *side {
	if s == plan.First {
		return &w.sides[0]
	}
	return &w.sides[1]
}

// groupOf is where the group of an application lies on its clusters.
func groupOf(drpc *v1alpha1.DRPlacementControl) client.ObjectKey {
	key := client.ObjectKeyFromObject(drpc)
	if ns := drpc.Annotations[v1alpha1.AnnotationAppNamespace]; ns != "" {
		key.Namespace = ns
	}
	return key
}

// observe looks at everything that matters for drpc. It only reads.
func (r *Reconciler) observe(ctx context.Context, drpc *v1alpha1.DRPlacementControl) (*world, error) {
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(drpc), drpc); err != nil {
		return nil, fmt.Errorf("read DRPlacementControl: %w", err)
	}
	w := &world{drpc: drpc, group: groupOf(drpc)}
	if err := r.observePolicy(ctx, w); err != nil {
		return nil, err
	}
	spec := &drpc.Spec
	w.facts.Deleting = drpc.DeletionTimestamp != nil
	w.facts.Usable = w.policy.DeletionTimestamp == nil && cond.IsTrue(w.policy.Status.Conditions, v1alpha1.ConditionValidated)
	switch spec.Action {
	case v1alpha1.ActionFailover:
		w.facts.Ask, w.facts.Target = plan.Failover, w.sideOf(spec.FailoverCluster)
	case v1alpha1.ActionRelocate:
		w.facts.Ask, w.facts.Target = plan.Relocate, w.sideOf(spec.PreferredCluster)
	default:
		w.facts.Ask, w.facts.Target = plan.Stay, w.sideOf(spec.PreferredCluster)
	}
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if err := r.observeSide(ctx, w, s); err != nil {
			return nil, err
		}
	}
	rankEpochs(w)
	return w, nil
}

// errNoPolicy is why an application can't even be looked at.
var errNoPolicy = errors.New("there is no such DRPolicy: create it, or delete and re-create the DRPlacementControl with another drPolicyRef")

func (r *Reconciler) observePolicy(ctx context.Context, w *world) error {
	w.policy = &v1alpha1.DRPolicy{}
	name := w.drpc.Spec.DRPolicyRef.Name
	err := r.client.Get(ctx, client.ObjectKey{Name: name}, w.policy)
	switch {
	case apierrors.IsNotFound(err) && w.drpc.DeletionTimestamp != nil:
		return r.observeWithoutPolicy(ctx, w)
	case apierrors.IsNotFound(err):
		return &outcome.Refused{Reason: "NoSuchPolicy", Err: fmt.Errorf("spec.drPolicyRef names %q: %w", name, errNoPolicy)}
	case err != nil:
		return fmt.Errorf("read DRPolicy %s: %w", name, err)
	}
	for i, cluster := range w.policy.Spec.DRClusters {
		w.sides[i].cluster = cluster
		c := &v1alpha1.DRCluster{}
		err := r.client.Get(ctx, client.ObjectKey{Name: cluster}, c)
		if apierrors.IsNotFound(err) {
			continue // the policy says so; what runs goes on
		}
		if err != nil {
			return fmt.Errorf("read DRCluster %s: %w", cluster, err)
		}
		if !slices.Contains(w.profiles, c.Spec.S3ProfileName) {
			w.profiles = append(w.profiles, c.Spec.S3ProfileName)
		}
	}
	slices.Sort(w.profiles)
	return nil
}

// observeWithoutPolicy finds the clusters of an application whose policy is gone by its wishes: DR can be disabled.
func (r *Reconciler) observeWithoutPolicy(ctx context.Context, w *world) error {
	w.policy.Name = w.drpc.Spec.DRPolicyRef.Name
	list := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.client.List(ctx, list, client.MatchingFields{indexDRPC: client.ObjectKeyFromObject(w.drpc).String()}); err != nil {
		return fmt.Errorf("list wishes: %w", err)
	}
	var clusters []string
	for i := range list.Items {
		if cluster, ok := exchange.ClusterOf(list.Items[i].Namespace); ok && !slices.Contains(clusters, cluster) {
			clusters = append(clusters, cluster)
		}
	}
	slices.Sort(clusters)
	for i := range min(len(clusters), len(w.sides)) {
		w.sides[i].cluster = clusters[i]
	}
	return nil
}

func (w *world) sideOf(cluster string) plan.Side {
	switch cluster {
	case "":
		return plan.Nowhere
	case w.sides[0].cluster:
		return plan.First
	case w.sides[1].cluster:
		return plan.Second
	default:
		return plan.Elsewhere
	}
}

func (r *Reconciler) observeSide(ctx context.Context, w *world, s plan.Side) error {
	at := w.at(s)
	if at.cluster == "" {
		w.facts.At(s).Abandon = true // no policy names it, and nothing of ours is known to lie there
		return nil
	}
	at.link = r.links.Link(at.cluster)
	name := exchange.ObjectName(w.group.Namespace, w.group.Name)

	at.wish = &v1alpha1.VolumeReplicationGroup{}
	switch err := r.live.Get(ctx, client.ObjectKey{Namespace: exchange.Outbox(at.cluster), Name: name}, at.wish); {
	case apierrors.IsNotFound(err):
		at.wish = nil
	case err != nil:
		return fmt.Errorf("read wish for %s: %w", at.cluster, err)
	}
	if at.wish != nil && at.wish.Annotations[exchange.AnnotationDRPC] != client.ObjectKeyFromObject(w.drpc).String() {
		return &outcome.Refused{Reason: "Conflict", Err: fmt.Errorf("the DRPlacementControl %s protects namespace %s under this name already: rename or delete one of the two",
			at.wish.Annotations[exchange.AnnotationDRPC], w.group.Namespace)}
	}
	at.report = &v1alpha1.VolumeReplicationGroup{}
	switch err := r.client.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(at.cluster), Name: name}, at.report); {
	case apierrors.IsNotFound(err):
		at.report = nil
	case err != nil:
		return fmt.Errorf("read report of %s: %w", at.cluster, err)
	}
	view, err := r.view(ctx, at)
	if err != nil {
		return err
	}
	c := w.facts.At(s)
	c.Live = at.link.State == exchange.LinkLive
	c.Decision = decisionOf(w.drpc, at.cluster)
	c.Abandon = w.drpc.Annotations[v1alpha1.AnnotationAbandonCluster] == at.cluster
	c.Wish = wishFacts(at)
	c.Report = reportFacts(at, view)
	return nil
}

// view tells what may be believed about the object. Only where there is no report is the whole inbox looked at.
func (r *Reconciler) view(ctx context.Context, at *side) (plan.View, error) {
	if at.report != nil {
		return plan.Present, nil
	}
	lease := &coordinationv1.Lease{}
	switch err := r.client.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(at.cluster), Name: exchange.LeaseName}, lease); {
	case apierrors.IsNotFound(err):
		return plan.Unknown, nil
	case err != nil:
		return plan.Unknown, fmt.Errorf("read lease of %s: %w", at.cluster, err)
	}
	inbox := &v1alpha1.VolumeReplicationGroupList{}
	if err := r.client.List(ctx, inbox, client.InNamespace(exchange.Inbox(at.cluster))); err != nil {
		return plan.Unknown, fmt.Errorf("read inbox of %s: %w", at.cluster, err)
	}
	switch exchange.ViewOf(at.link, lease, inbox.Items, nil) {
	case exchange.Absent:
		return plan.Absent, nil
	case exchange.Unknown, exchange.Present:
	}
	return plan.Unknown, nil
}

func decisionOf(drpc *v1alpha1.DRPlacementControl, cluster string) plan.Decision {
	for _, d := range drpc.Status.Decisions {
		if d.ClusterName != cluster {
			continue
		}
		switch d.Reason {
		case v1alpha1.DecisionRun:
			return plan.RunHere
		case v1alpha1.DecisionRetain:
			return plan.Retain
		}
	}
	return plan.Gone
}

func wishFacts(at *side) plan.Wish {
	if at.wish == nil {
		return plan.Wish{}
	}
	spec := &at.wish.Spec
	w := plan.Wish{Role: plan.Secondary, Deleting: at.wish.DeletionTimestamp != nil}
	if spec.ReplicationState == v1alpha1.Primary {
		w.Role = plan.Primary
	}
	switch {
	case spec.RunFinalSync:
		w.FinalSync = plan.Run
	case spec.PrepareForFinalSync:
		w.FinalSync = plan.Prepare
	}
	switch spec.Action {
	case v1alpha1.VRGActionFailover:
		w.For = plan.Failover
	case v1alpha1.VRGActionRelocate:
		w.For = plan.Relocate
	}
	w.Adopting = at.wish.Annotations[exchange.AnnotationAdoptUID] != "" && !ours(at)
	return w
}

// ours reports whether the report is about an object that carries the wish's UID.
func ours(at *side) bool {
	return at.report != nil && at.wish != nil && at.report.Status.Exchange != nil &&
		at.report.Status.Exchange.WishUID == string(at.wish.UID)
}

func reportFacts(at *side, view plan.View) plan.Report {
	out := plan.Report{View: view, Removed: removed(at)}
	if at.report == nil {
		return out
	}
	status := &at.report.Status
	if status.Exchange == nil {
		out.View = plan.Unknown // half written: the mirror is not done with it
		return out
	}
	made := status.Exchange.WishUID != ""
	out.Orphan = at.wish == nil && made && !status.Exchange.SpokeDeleting
	out.Foreign = at.wish == nil && !made || at.wish != nil && refusedAs(at.wish, "OwnedElsewhere")
	if !exchange.Answers(at.wish, at.report) {
		return out
	}
	is := func(kind string) bool {
		return exchange.Condition(at.report, kind).Status == metav1.ConditionTrue
	}
	out.Answered = true
	switch {
	case status.State == v1alpha1.PrimaryState:
		out.State = plan.IsPrimary
	case status.State == v1alpha1.SecondaryState && is(v1alpha1.VRGDataProtected):
		out.State = plan.IsSecondary
	}
	out.Ready = is(v1alpha1.VRGDataReady) && is(v1alpha1.VRGClusterDataReady)
	out.Protected = out.Ready && is(v1alpha1.VRGClusterDataProtected)
	out.Prepared, out.Synced = status.PrepareForFinalSyncComplete, status.FinalSyncComplete
	out.InUse = is(v1alpha1.VRGInUse)
	return out
}

// removed reports whether the mirror saw the tombstone and that its object is gone. It says so after it removed the
// report; a report that the cache still shows means that the cache is behind.
func removed(at *side) bool {
	if at.wish == nil || at.wish.DeletionTimestamp == nil || at.report != nil {
		return false
	}
	applied := meta.FindStatusCondition(at.wish.Status.Conditions, v1alpha1.WishApplied)
	available := meta.FindStatusCondition(at.wish.Status.Conditions, v1alpha1.WishAvailable)
	return applied != nil && applied.Status == metav1.ConditionTrue && applied.ObservedGeneration == at.wish.Generation &&
		available != nil && available.Status == metav1.ConditionFalse && available.ObservedGeneration == at.wish.Generation
}

func refusedAs(wish *v1alpha1.VolumeReplicationGroup, reason string) bool {
	c := meta.FindStatusCondition(wish.Status.Conditions, v1alpha1.WishApplied)
	return c != nil && c.Status == metav1.ConditionFalse && c.Reason == reason && c.ObservedGeneration == wish.Generation
}

// rankEpochs folds the epochs of the two wishes into their order.
func rankEpochs(w *world) {
	first, second := epochOf(w.sides[0].wish), epochOf(w.sides[1].wish)
	a, b := &w.facts.At(plan.First).Wish.Epoch, &w.facts.At(plan.Second).Wish.Epoch
	switch {
	case first > second:
		*a, *b = 2, 1
	case second > first:
		*a, *b = 1, 2
	default:
		*a, *b = 1, 1
	}
}

// epochOf is the epoch of a wish; an unreadable one counts as none: the mirror refuses it with a message.
func epochOf(wish *v1alpha1.VolumeReplicationGroup) int64 {
	if wish == nil {
		return 0
	}
	epoch, err := exchange.EpochOf(wish)
	if err != nil {
		return 0
	}
	return epoch
}

// lastEpoch is the highest epoch that the hub sees.
func (w *world) lastEpoch() int64 {
	var last int64
	for i := range w.sides {
		last = max(last, epochOf(w.sides[i].wish))
		if rep := w.sides[i].report; rep != nil && rep.Status.Exchange != nil {
			last = max(last, rep.Status.Exchange.Epoch)
		}
	}
	return last
}
