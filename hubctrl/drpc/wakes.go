// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance/modes"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/internal/rewind"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Whatever a pass waits for has somebody who ends the wait: the watch on an object in the table below, the user's own edit, a
// link (Options.Changed), an absence that becomes known (Options.Absences), or a timer. A map from an object to whom it
// concerns asks an index: it costs nothing that grows with the number of applications which are not concerned.

// waker finds out whom a change wakes.
type waker struct{ *observer }

// wake says whom a change of an object wakes.
type wake struct {
	by   client.Object
	whom handler.MapFunc
	when predicate.Predicate
}

func (r *waker) wakes() []wake {
	always := predicate.NewPredicateFuncs(func(client.Object) bool { return true })
	return []wake{
		{&v1alpha1.VolumeReplicationGroup{}, r.ofGroup, always},
		{&v1alpha1.VolumeReplicationGroup{}, r.ofLeft, gone()},
		{&v1alpha1.DRPlacementControl{}, r.ofRival, yields()},
		{&v1alpha1.DRPolicy{}, r.ofPolicy, policyChanged()},
		{&v1alpha1.DRCluster{}, r.ofCluster, rewind.Changed()},
		{&v1alpha1.DRCluster{}, r.ofOthersCluster, rewind.Changed()},
		{&v1alpha1.DRClusterConfig{}, r.failingOver, modesChanged()},
		{&v1alpha1.DRClusterConfig{}, r.ofCluster, keyTold()},
		{&corev1.ConfigMap{}, r.ofConfig, always},
	}
}

// index makes objects findable in the cache.
type index struct {
	of     client.Object
	name   string
	values client.IndexerFunc
}

func indices() []index {
	return []index{
		{&v1alpha1.VolumeReplicationGroup{}, indexDRPC, drpcKey},
		{&v1alpha1.DRPlacementControl{}, indexPolicy, policyKey},
		{&v1alpha1.DRPlacementControl{}, indexBox, boxes},
		{&v1alpha1.DRPlacementControl{}, indexClaim, claims},
		{&v1alpha1.VolumeReplicationGroup{}, indexClaim, claims},
		{&v1alpha1.VolumeReplicationGroup{}, indexVolume, volumeKeys},
	}
}

// drpcKey is the index of an object in an outbox or inbox.
func drpcKey(o client.Object) []string {
	if _, ok := exchange.ClusterOf(o.GetNamespace()); !ok {
		return nil
	}
	if key := o.GetAnnotations()[exchange.AnnotationDRPC]; key != "" {
		return []string{key}
	}
	return nil
}

// claims are the index of a DRPlacementControl, or of a wish.
func claims(o client.Object) []string {
	switch o := o.(type) {
	case *v1alpha1.DRPlacementControl:
		return snapshot.Asking(o).Index()
	case *v1alpha1.VolumeReplicationGroup:
		if c, ok := snapshot.Wishing(o); ok {
			return c.Index()
		}
	}
	return nil
}

func policyKey(o client.Object) []string {
	if drpc, ok := o.(*v1alpha1.DRPlacementControl); ok {
		return []string{drpc.Spec.DRPolicyRef.Name}
	}
	return nil
}

// boxes are the clusters in whose outboxes or inboxes, if there are such clusters, a DRPlacementControl is, or has its application.
func boxes(o client.Object) []string {
	drpc, ok := o.(*v1alpha1.DRPlacementControl)
	if !ok {
		return nil
	}
	var out []string
	for _, namespace := range places(drpc) {
		if cluster, boxed := exchange.ClusterOf(namespace); boxed && !slices.Contains(out, cluster) {
			out = append(out, cluster)
		}
	}
	return out
}

// policyChanged lets only through what an application takes from its policy.
func policyChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.DRPolicy)
		is, also := e.ObjectNew.(*v1alpha1.DRPolicy)
		valid := func(p *v1alpha1.DRPolicy) any {
			c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionValidated)
			if c == nil {
				return nil
			}
			return []any{c.Status, c.Reason, c.Message}
		}
		return !ok || !also || was.UID != is.UID || !equality.Semantic.DeepEqual(was.Spec, is.Spec) ||
			(was.DeletionTimestamp == nil) != (is.DeletionTimestamp == nil) ||
			!equality.Semantic.DeepEqual(was.Status.Async, is.Status.Async) || !equality.Semantic.DeepEqual(valid(was), valid(is))
	}}
}

// ofGroup finds the application of a wish or report, and those of which it may be in the way.
func (r *waker) ofGroup(ctx context.Context, o client.Object) []reconcile.Request {
	var out []reconcile.Request
	for _, key := range drpcKey(o) {
		if of, ok := snapshot.KeyOf(key); ok {
			out = append(out, reconcile.Request{NamespacedName: of})
			for _, who := range r.contests.of(of) {
				out = append(out, reconcile.Request{NamespacedName: who})
			}
		}
	}
	if _, ok := exchange.ClusterOf(o.GetNamespace()); !ok {
		return out
	}
	target, err := exchange.Target(o)
	if err != nil {
		return out
	}
	for _, q := range r.found(ctx, indexClaim, snapshot.Claim(snapshot.ClaimGroup, target)) {
		if !slices.Contains(out, q) {
			out = append(out, q)
		}
	}
	return out
}

// ofRival finds the applications that conflicted with one that is gone, or that protects something else now.
func (r *waker) ofRival(ctx context.Context, o client.Object) []reconcile.Request {
	drpc, ok := o.(*v1alpha1.DRPlacementControl)
	if !ok {
		return nil
	}
	config, _ := ramenconfig.Load(ctx, r.configs, r.namespace, ramenconfig.HubConfigMap) // unknown has an answer too
	return r.inTheWay(ctx, snapshot.Asking(drpc), config)
}

// ofLeft finds the applications that conflicted with what a wish protected.
func (r *waker) ofLeft(ctx context.Context, o client.Object) []reconcile.Request {
	wish, ok := o.(*v1alpha1.VolumeReplicationGroup)
	if !ok {
		return nil
	}
	wish = wish.DeepCopy()
	wish.DeletionTimestamp = nil // its last state is a tombstone
	c, ok := snapshot.Wishing(wish)
	if !ok {
		return nil
	}
	config, _ := ramenconfig.Load(ctx, r.configs, r.namespace, ramenconfig.HubConfigMap)
	return r.inTheWay(ctx, c, config)
}

// inTheWay finds those that ask for something that c protected, or asked for too.
func (r *waker) inTheWay(ctx context.Context, c snapshot.Claimant, config *ramenconfig.Config) []reconcile.Request {
	candidates, err := r.candidates(ctx, c, config)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not find rivals")
		return nil
	}
	var out []reconcile.Request
	for _, drpc := range candidates {
		if snapshot.Overlap(c, snapshot.Asking(drpc), config) != "" {
			out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(drpc)})
		}
	}
	return out
}

// gone lets only deletions pass.
func gone() predicate.Predicate {
	never := func(event.CreateEvent) bool { return false }
	return predicate.Funcs{CreateFunc: never, UpdateFunc: func(event.UpdateEvent) bool { return false }, GenericFunc: func(event.GenericEvent) bool { return false }}
}

// ofConfig finds everything: the configuration says where applications of several namespaces are.
func (r *waker) ofConfig(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.found(ctx, "", "")
}

func (r *waker) ofPolicy(ctx context.Context, o client.Object) []reconcile.Request {
	return r.found(ctx, indexPolicy, o.GetName())
}

func (r *waker) ofCluster(ctx context.Context, o client.Object) []reconcile.Request {
	policies := &v1alpha1.DRPolicyList{}
	if err := r.client.List(ctx, policies, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list DRPolicies")
		return nil
	}
	var out []reconcile.Request
	for i := range policies.Items {
		if slices.Contains(policies.Items[i].Spec.DRClusters, o.GetName()) {
			out = append(out, r.found(ctx, indexPolicy, policies.Items[i].Name)...)
		}
	}
	return out
}

// ofOthersCluster finds the applications that a cluster concerns which is none of theirs: those that are refused because they
// are in one of its namespaces of the exchange, and those that share the name of their group, and perhaps a bucket, with an
// application of the cluster.
func (r *waker) ofOthersCluster(ctx context.Context, o client.Object) []reconcile.Request {
	out := r.found(ctx, indexBox, o.GetName())
	for _, q := range r.ofCluster(ctx, o) {
		drpc := &v1alpha1.DRPlacementControl{}
		if r.client.Get(ctx, q.NamespacedName, drpc) != nil {
			continue
		}
		for _, twin := range r.found(ctx, indexClaim, snapshot.Claim(snapshot.ClaimGroup, exchange.GroupOf(drpc))) {
			if twin != q && !slices.Contains(out, twin) {
				out = append(out, twin)
			}
		}
	}
	return out
}

// failingOver finds the applications with a failover that may wait for the storage of a cluster.
func (r *waker) failingOver(ctx context.Context, o client.Object) []reconcile.Request {
	return slices.DeleteFunc(r.ofCluster(ctx, o), func(q reconcile.Request) bool {
		drpc := &v1alpha1.DRPlacementControl{}
		return r.client.Get(ctx, q.NamespacedName, drpc) != nil || drpc.Spec.Action != v1alpha1.ActionFailover
	})
}

// modesChanged lets only through what concerns maintenance modes.
func modesChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.DRClusterConfig)
		now, same := e.ObjectNew.(*v1alpha1.DRClusterConfig)
		return !ok || !same || modes.Changed(was, now)
	}}
}

// keyTold lets only through that a cluster tells another key than before, or another cluster tells one.
func keyTold() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false }, // what exists when the hub starts is looked at anyhow
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, ok := e.ObjectOld.(*v1alpha1.DRClusterConfig)
			now, same := e.ObjectNew.(*v1alpha1.DRClusterConfig)
			return ok && same && now.Status.SigningKey != "" &&
				(was.Status.SigningKey != now.Status.SigningKey || was.Status.ClusterID != now.Status.ClusterID)
		},
	}
}

// found are the applications under value in an index; without an index, all.
func (r *waker) found(ctx context.Context, index, value string) []reconcile.Request {
	options := []client.ListOption{client.UnsafeDisableDeepCopy}
	if index != "" {
		options = append(options, client.MatchingFields{index: value})
	}
	list := &v1alpha1.DRPlacementControlList{}
	if err := r.client.List(ctx, list, options...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Could not list DRPlacementControls")
		return nil
	}
	return requests(list.Items)
}

func requests(list []v1alpha1.DRPlacementControl) []reconcile.Request {
	var out []reconcile.Request
	for i := range list {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list[i])})
	}
	return out
}

// byUser lets only pass what the user did. Our own status writes must not wake us: that would be one pass more for each.
func byUser() predicate.Predicate {
	return predicate.Or(rewind.Changed(), predicate.AnnotationChangedPredicate{}, deletion())
}

func deletion() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return (e.ObjectOld.GetDeletionTimestamp() == nil) != (e.ObjectNew.GetDeletionTimestamp() == nil)
		},
		CreateFunc: func(event.CreateEvent) bool { return true },
		DeleteFunc: func(event.DeleteEvent) bool { return true },
	}
}

// yields lets only pass that an object is gone, or protects something else than before.
func yields() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, ok := e.ObjectOld.(*v1alpha1.DRPlacementControl)
			is, also := e.ObjectNew.(*v1alpha1.DRPlacementControl)
			return ok && also && (exchange.GroupOf(was) != exchange.GroupOf(is) || !slices.Equal(was.Spec.ProtectedNamespaces, is.Spec.ProtectedNamespaces))
		},
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
}
