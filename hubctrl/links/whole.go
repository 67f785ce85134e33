// SPDX-License-Identifier: Apache-2.0

package links

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// Whole is a report with all that it says: of one that is not kept in memory the cache has an outline, and live the rest. nil: it
// is gone.
func Whole(ctx context.Context, live client.Reader, report *v1alpha1.VolumeReplicationGroup) (*v1alpha1.VolumeReplicationGroup, error) {
	if !Apart(report) {
		return report, nil
	}
	out := &v1alpha1.VolumeReplicationGroup{}
	switch err := live.Get(ctx, client.ObjectKeyFromObject(report), out); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read report %s/%s: %w", report.Namespace, report.Name, err)
	}
	return out, nil
}
