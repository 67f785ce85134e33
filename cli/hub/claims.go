// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/view"
)

// ClaimsOn lists the PVCs that an application selects on a cluster, and tells which cluster it is, and whether the Recipe that it
// names is missing there.
func ClaimsOn(ctx context.Context, cluster *Hub, w *order.Wanted) (claims []view.Claim, identity string, noRecipe bool, err error) {
	system := &corev1.Namespace{}
	if err := cluster.Get(ctx, client.ObjectKey{Name: "kube-system"}, system); err != nil {
		return nil, "", false, fmt.Errorf("read which cluster it is: %w", err)
	}
	selector, err := metav1.LabelSelectorAsSelector(&w.Claims)
	if err != nil {
		return nil, "", false, fmt.Errorf("read the selector: %w", err)
	}
	for _, in := range w.Spans() {
		list := &corev1.PersistentVolumeClaimList{}
		if err := cluster.List(ctx, list, client.InNamespace(in), client.MatchingLabelsSelector{Selector: selector}); err != nil {
			return nil, "", false, fmt.Errorf("list PVCs of namespace %s on the cluster: %w", in, err)
		}
		for i := range list.Items {
			c := view.Claim{Namespace: in, Name: list.Items[i].Name}
			if class := list.Items[i].Spec.StorageClassName; class != nil {
				c.StorageClass = *class
			}
			claims = append(claims, c)
		}
	}
	if key := w.Recipe(); key.Name != "" {
		switch err := cluster.Get(ctx, key, &v1alpha1.Recipe{}); {
		case apierrors.IsNotFound(err):
			noRecipe = true
		case err != nil:
			return nil, "", false, fmt.Errorf("read Recipe %s on the cluster: %w", key, err)
		}
	}
	return claims, string(system.UID), noRecipe, nil
}
