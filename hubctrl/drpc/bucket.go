// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
)

// storeInCommon is the S3 profile of a bucket that two groups of one namespace and name, on other clusters, would both write:
// the keys in a bucket begin with namespace and name of the group. Empty: there is none.
func (r *observer) storeInCommon(ctx context.Context, w *snapshot.Snapshot, group client.ObjectKey, clusters []string) (string, error) {
	if group != w.Group {
		return "", nil
	}
	mine := map[string]bool{}
	for _, profile := range w.Profiles {
		mine[bucketOf(w, profile)] = true
	}
	for _, cluster := range clusters {
		c := &v1alpha1.DRCluster{}
		switch err := r.client.Get(ctx, client.ObjectKey{Name: cluster}, c); {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return "", fmt.Errorf("read DRCluster %s: %w", cluster, err)
		case mine[bucketOf(w, c.Spec.S3ProfileName)]:
			return c.Spec.S3ProfileName, nil
		}
	}
	return "", nil
}

// bucketOf tells buckets apart: by endpoint and name where the profile is known, else by the profile itself.
func bucketOf(w *snapshot.Snapshot, profile string) string {
	if w.Config != nil {
		if p, err := w.Config.Profile(profile); err == nil {
			return p.S3CompatibleEndpoint + " " + p.S3Bucket
		}
	}
	return profile
}
