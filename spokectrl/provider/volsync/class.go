// SPDX-License-Identifier: Apache-2.0

package volsync

import (
	"context"
	"fmt"
	"slices"
	"strings"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

const annotationDefault = "snapshot.storage.kubernetes.io/is-default-class"

// classFor finds the VolumeSnapshotClass for volumes of a driver: selected by the group and of the same storage, if the
// StorageClass names its storage. Of several the default one is taken, else the first in the order of the alphabet.
func classFor(ctx context.Context, r client.Reader, g provider.Group, driver, storageID string) (string, *provider.Refusal, error) {
	list := &snapshotv1.VolumeSnapshotClassList{}
	switch err := r.List(ctx, list); {
	case meta.IsNoMatchError(err):
		return "", missingAPI(), nil
	case err != nil:
		return "", nil, fmt.Errorf("list VolumeSnapshotClasses: %w", err)
	}
	selector := labels.Everything()
	if g.SnapshotSelector != nil {
		var err error
		if selector, err = metav1.LabelSelectorAsSelector(g.SnapshotSelector); err != nil {
			return "", &provider.Refusal{Reason: provider.ReasonError, Message: fmt.Sprintf("spec.async.volumeSnapshotClassSelector: %v", err)}, nil
		}
	}
	var fit []*snapshotv1.VolumeSnapshotClass
	for i := range list.Items {
		c := &list.Items[i]
		if c.Driver == driver && selector.Matches(labels.Set(c.Labels)) && c.Labels[v1alpha1.LabelStorageID] == storageID {
			fit = append(fit, c)
		}
	}
	if len(fit) == 0 {
		return "", &provider.Refusal{Reason: provider.ReasonSnapshotClass, Message: fmt.Sprintf(
			"there is no VolumeSnapshotClass of driver %q with label %s=%s, selected by %q: create one, or correct the labels of the existing ones",
			driver, v1alpha1.LabelStorageID, storageID, selector)}, nil
	}
	slices.SortFunc(fit, func(a, b *snapshotv1.VolumeSnapshotClass) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range fit {
		if c.Annotations[annotationDefault] == "true" {
			return c.Name, nil, nil
		}
	}
	return fit[0].Name, nil, nil
}
