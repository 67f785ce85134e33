// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// keepConfig keeps the spec of the cluster's DRClusterConfig, and tells the agent in it which cluster is the recorded one
// (X13). Its status is the agent's.
func (r *Reconciler) keepConfig(ctx context.Context, dc *v1alpha1.DRCluster, now *seen) error {
	cluster := dc.Name
	intent := &unstructured.Unstructured{}
	intent.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("DRClusterConfig"))
	intent.SetName(cluster)
	intent.SetLabels(created())
	intent.SetAnnotations(map[string]string{exchange.AnnotationSpokeID: dc.Status.ClusterID})
	// Untyped, so that an empty list is sent: an apply that leaves the last field of a spec out makes the spec null, and
	// the API server refuses that.
	intent.Object["spec"] = map[string]any{"replicationSchedules": schedules(now.policies), "abandonedStores": untyped(now.abandoned)}
	if _, err := r.apply.Kept(ctx, r.live, apply.Untyped(intent)); err != nil {
		return fmt.Errorf("keep DRClusterConfig %s: %w", cluster, err)
	}
	return nil
}

// schedules are the distinct intervals of the policies, sorted: the order of a list of objects must not show.
func schedules(policies []v1alpha1.DRPolicy) []any {
	var distinct []string
	for _, p := range policies {
		distinct = append(distinct, p.Spec.SchedulingInterval)
	}
	slices.Sort(distinct)
	return untyped(slices.Compact(distinct))
}

func untyped(list []string) []any {
	out := []any{}
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

// policiesNaming are the DRPolicies that list cluster, also those that are being deleted.
func policiesNaming(ctx context.Context, from client.Reader, cluster string) ([]v1alpha1.DRPolicy, error) {
	list := &v1alpha1.DRPolicyList{}
	if err := from.List(ctx, list); err != nil {
		return nil, fmt.Errorf("list DRPolicies: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(p v1alpha1.DRPolicy) bool {
		return !slices.Contains(p.Spec.DRClusters, cluster)
	}), nil
}

// profilesOf are the S3 profiles of all clusters of the policies, sorted. A cluster that does not exist has none,
// nor has one that is to have none.
func profilesOf(ctx context.Context, from client.Reader, policies []v1alpha1.DRPolicy) ([]string, error) {
	var out []string
	for _, p := range policies {
		for _, name := range p.Spec.DRClusters {
			dc := &v1alpha1.DRCluster{}
			switch err := from.Get(ctx, client.ObjectKey{Name: name}, dc); {
			case err == nil && dc.Spec.S3ProfileName == noStore:
			case err == nil:
				out = append(out, dc.Spec.S3ProfileName)
			case !apierrors.IsNotFound(err):
				return nil, fmt.Errorf("read DRCluster %s: %w", name, err)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
