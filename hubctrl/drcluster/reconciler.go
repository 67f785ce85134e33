// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Reasons of the condition Validated, besides those of the object store.
const (
	reasonSucceeded    = "Succeeded"
	reasonFinalizer    = "FinalizerAddFailed"
	reasonExchange     = "ExchangeFailed"
	reasonConfig       = "DRClusterConfigFailed"
	reasonDistribution = "SecretDistributionFailed"
	reasonIncarnation  = "IdentityFailed"
)

// seen is what a pass found.
type seen struct {
	policies  []v1alpha1.DRPolicy // those that name the cluster and are not being deleted
	profiles  []string            // S3 profiles of all clusters of those policies, sorted
	abandoned []string            // S3 profiles whose stores the user gave up, sorted
	config    *ramenconfig.Config // nil if configErr
	configErr error
	link      exchange.Link
	apart     int                   // reports that are not kept in memory
	lease     *coordinationv1.Lease // nil: none
	identity  identity
	claims    claims
}

// acted is what became of the steps of a pass.
type acted struct {
	failed []failure
	waits  *outcome.Waiting // nil: nothing but time is waited for
}

// failure is a step that failed, under the reason that Validated shows.
type failure struct {
	reason string
	err    error
}

// Reconcile looks at one DRCluster.
func (r *Reconciler) Reconcile(ctx context.Context, dc *v1alpha1.DRCluster) (reconcile.Result, error) {
	var blocked *outcome.Waiting
	if !dc.DeletionTimestamp.IsZero() {
		if !slices.Contains(dc.Finalizers, v1alpha1.DRClusterFinalizer) {
			return reconcile.Result{}, nil // ours is gone: what happens next is not our business
		}
		var err error
		if blocked, err = r.removal.blocked(ctx, dc.Name); err != nil {
			return r.reportRemoval(ctx, dc, err) // keep nothing: the removal may have begun
		}
		if blocked == nil {
			return r.reportRemoval(ctx, dc, r.remove(ctx, dc))
		}
	}
	now, err := r.observe(ctx, dc)
	if err != nil {
		return reconcile.Result{}, err
	}
	return r.report(ctx, dc, now, r.act(ctx, dc, &now), blocked)
}

// remove gives up what the hub holds for a cluster, and at last the finalizer.
func (r *Reconciler) remove(ctx context.Context, dc *v1alpha1.DRCluster) error {
	if err := r.removal.remove(ctx, dc); err != nil {
		return err
	}
	r.buckets.forget(dc.Name)
	r.deleted.forget(dc.Name)
	return apply.Release(ctx, r.client, dc, v1alpha1.DRClusterFinalizer)
}

func (r *Reconciler) observe(ctx context.Context, dc *v1alpha1.DRCluster) (seen, error) {
	s := seen{link: r.options.Links.Link(dc.Name), identity: r.identityOf(ctx, dc.Name)}
	if r.options.Apart != nil {
		s.apart = r.options.Apart(dc.Name)
	}
	policies, err := policiesNaming(ctx, r.client, dc.Name)
	if err != nil {
		return s, err
	}
	for _, p := range policies {
		if p.DeletionTimestamp.IsZero() {
			s.policies = append(s.policies, p)
		}
	}
	if s.profiles, err = profilesOf(ctx, r.client, s.policies); err != nil {
		return s, err
	}
	if s.abandoned, err = abandonedStores(ctx, r.client); err != nil {
		return s, err
	}
	s.config, s.configErr = ramenconfig.Load(ctx, r.live, r.options.Namespace, ramenconfig.HubConfigMap)
	lease := &coordinationv1.Lease{}
	switch err := r.client.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(dc.Name), Name: exchange.LeaseName}, lease); {
	case err == nil:
		s.lease = lease
	case !apierrors.IsNotFound(err):
		return s, fmt.Errorf("read the lease of cluster %s: %w", dc.Name, err)
	}
	s.claims = claimsOf(s)
	return s, nil
}

// act runs every step, whatever became of those before. The object store comes last: it may take seconds to answer.
func (r *Reconciler) act(ctx context.Context, dc *v1alpha1.DRCluster, now *seen) acted {
	var did acted
	step := func(reason string, err error) {
		if err != nil {
			did.failed = append(did.failed, failure{reason: reason, err: err})
		}
	}
	if dc.DeletionTimestamp.IsZero() {
		step(reasonFinalizer, apply.Hold(ctx, r.client, dc, v1alpha1.DRClusterFinalizer))
	}
	exchanged := r.keepExchange(ctx, dc)
	if exchanged == nil {
		did.waits, exchanged = r.keepIdentity(ctx, dc.Name, *now)
	}
	step(reasonExchange, exchanged)
	step(reasonIncarnation, r.record(ctx, dc, &now.claims))
	step(reasonConfig, r.keepConfig(ctx, dc, now))
	step(reasonDistribution, r.secrets.dropWithdrawn(ctx, dc.Name, exchange.Withdrawn(now.lease, dc.Status.ClusterID)))
	step(reasonDistribution, r.secrets.distribute(ctx, dc.Name, *now))
	if f := r.checkBucket(ctx, dc, *now); f != nil {
		did.failed = append(did.failed, *f)
	}
	return did
}

// result folds what became of the steps: after how long to come again, or an error to retry. next is when the status would
// change by itself; zero: it does not.
func (r *Reconciler) result(cluster string, did acted, blocked *outcome.Waiting, next time.Time) (reconcile.Result, error) {
	var errs []error
	for _, wait := range []*outcome.Waiting{blocked, did.waits} {
		if wait != nil {
			errs = append(errs, wait)
		}
	}
	for _, f := range did.failed {
		errs = append(errs, f.err)
	}
	_, res, err := outcome.Of(errs...)
	if err != nil {
		return res, err
	}
	again := func(after time.Duration) {
		if res.RequeueAfter == 0 || after < res.RequeueAfter {
			res.RequeueAfter = max(after, time.Second)
		}
	}
	if after, ok := r.buckets.due(cluster); ok {
		again(after)
	}
	if after, ok := r.quotas.due(cluster); ok {
		again(after)
	}
	if !next.IsZero() {
		again(next.Sub(r.options.Clock.Now()))
	}
	return res, nil
}
