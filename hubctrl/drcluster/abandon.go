// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// abandonedStores are the S3 profiles that any DRCluster gives up, sorted: a store is lost for all clusters, and for the groups
// that end on one whose policy is gone.
func abandonedStores(ctx context.Context, r client.Reader) ([]string, error) {
	list := &v1alpha1.DRClusterList{}
	if err := r.List(ctx, list); err != nil {
		return nil, fmt.Errorf("list DRClusters: %w", err)
	}
	var out []string
	for i := range list.Items {
		out = append(out, strings.FieldsFunc(list.Items[i].Annotations[v1alpha1.AnnotationAbandonStore], func(c rune) bool { return c == ',' || c == ' ' })...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// giveUp tells how to give the store of a cluster up.
func giveUp(dc *v1alpha1.DRCluster) string {
	return fmt.Sprintf("if this store is lost for good, point the profile to a new bucket, or give the store up: kubectl annotate --overwrite drcluster %s %s=%s",
		dc.Name, v1alpha1.AnnotationAbandonStore, dc.Spec.S3ProfileName)
}
