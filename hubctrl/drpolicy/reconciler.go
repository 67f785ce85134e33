// SPDX-License-Identifier: Apache-2.0

package drpolicy

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/cond"
)

// reasonReferred is the reason of the condition DeletionBlocked.
const reasonReferred = "ReferredToByDRPC"

// seen is what a pass found about the clusters of a policy, in the policy's order.
type seen struct {
	clusters []cluster
}

// cluster is what the hub knows of one cluster; nil: there is no such object.
type cluster struct {
	name   string
	object *v1alpha1.DRCluster
	config *v1alpha1.DRClusterConfig
}

// Reconcile looks at one DRPolicy.
func (r *Reconciler) Reconcile(ctx context.Context, policy *v1alpha1.DRPolicy) (reconcile.Result, error) {
	var blocked []string
	if !policy.DeletionTimestamp.IsZero() {
		if !slices.Contains(policy.Finalizers, v1alpha1.DRPolicyFinalizer) {
			return reconcile.Result{}, nil // ours is gone: what happens next is not our business
		}
		var err error
		if blocked, err = r.referring(ctx, policy.Name); err != nil {
			return reconcile.Result{}, err
		}
		if len(blocked) == 0 {
			return reconcile.Result{}, apply.Release(ctx, r.client, policy, v1alpha1.DRPolicyFinalizer)
		}
	} else if err := apply.Hold(ctx, r.client, policy, v1alpha1.DRPolicyFinalizer); err != nil {
		return reconcile.Result{}, err // not validated before it is held: a DRPC must not lose its policy
	}
	now, err := r.observe(ctx, policy)
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{}, r.report(ctx, policy, decide(policy, now), blocked)
}

// referring lists the DRPlacementControls that refer to the policy, read live: one that the cache does not show yet
// needs it too.
func (r *Reconciler) referring(ctx context.Context, policy string) ([]string, error) {
	list := &v1alpha1.DRPlacementControlList{}
	if err := r.live.List(ctx, list); err != nil {
		return nil, fmt.Errorf("list DRPlacementControls: %w", err)
	}
	var out []string
	for i := range list.Items {
		if list.Items[i].Spec.DRPolicyRef.Name == policy {
			out = append(out, client.ObjectKeyFromObject(&list.Items[i]).String())
		}
	}
	slices.Sort(out)
	return out, nil
}

func (r *Reconciler) observe(ctx context.Context, policy *v1alpha1.DRPolicy) (seen, error) {
	var s seen
	for _, name := range policy.Spec.DRClusters {
		c := cluster{name: name}
		object, config := &v1alpha1.DRCluster{}, &v1alpha1.DRClusterConfig{}
		found, err := r.found(ctx, name, object)
		if err != nil {
			return s, fmt.Errorf("read DRCluster %s: %w", name, err)
		}
		if found {
			c.object = object
		}
		if found, err = r.found(ctx, name, config); err != nil {
			return s, fmt.Errorf("read DRClusterConfig %s: %w", name, err)
		}
		if found {
			c.config = config
		}
		s.clusters = append(s.clusters, c)
	}
	return s, nil
}

func (r *Reconciler) found(ctx context.Context, name string, into client.Object) (bool, error) {
	err := r.client.Get(ctx, client.ObjectKey{Name: name}, into)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// report writes the status, once and only if it changed, and then events for what changed in it.
func (r *Reconciler) report(ctx context.Context, policy *v1alpha1.DRPolicy, is verdict, blocked []string) error {
	after := policy.DeepCopy()
	if is.known {
		after.Status.Async.PeerClasses = is.peers
	}
	conditions := []metav1.Condition{
		cond.New(v1alpha1.ConditionValidated, cond.Status(is.valid), is.reason, is.message, policy.Generation),
	}
	if len(blocked) > 0 {
		conditions = append(conditions, cond.New(v1alpha1.ConditionDeletionBlocked, metav1.ConditionTrue, reasonReferred,
			"delete the DRPlacementControls that refer to this policy first: "+bounded.List(blocked, ", "), policy.Generation))
	}
	after.Status.Conditions = cond.Merge(policy.Status.Conditions, r.clock.Now(), conditions...)
	saved, err := r.apply.ChangedStatus(ctx, policy, after)
	if err != nil {
		return fmt.Errorf("report on DRPolicy %s: %w", policy.Name, err)
	}
	if saved {
		r.announce(policy, after)
	}
	return nil
}

// announce records an event for each condition that changed its status or reason, or its words if a deletion waits.
func (r *Reconciler) announce(before, after *v1alpha1.DRPolicy) {
	for _, c := range after.Status.Conditions {
		was := meta.FindStatusCondition(before.Status.Conditions, c.Type)
		blocked := c.Type == v1alpha1.ConditionDeletionBlocked
		if was != nil && was.Status == c.Status && was.Reason == c.Reason && (!blocked || was.Message == c.Message) {
			continue
		}
		kind := corev1.EventTypeNormal
		if blocked || c.Status == metav1.ConditionFalse {
			kind = corev1.EventTypeWarning
		}
		r.recorder.Eventf(after, nil, kind, c.Reason, c.Type, "%s", bounded.Text(c.Message, bounded.Note))
	}
}
