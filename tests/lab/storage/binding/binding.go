// SPDX-License-Identifier: Apache-2.0

// Package binding lets claims wait for their first consumer, where their class says so: nothing is provisioned for them until
// somebody who uses them has a node. It stands for what a scheduler does for a Pod. It promises that a claim that was not
// selected by the one that uses it stays as it is.
package binding

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// SelectedNode is the annotation that lets a claim be provisioned that waits for its first consumer.
const SelectedNode = "volume.kubernetes.io/selected-node"

// Waits reports whether nothing may be provisioned for a claim of the class yet.
func Waits(pvc *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) bool {
	mode := class.VolumeBindingMode
	return mode != nil && *mode == storagev1.VolumeBindingWaitForFirstConsumer && pvc.Annotations[SelectedNode] == ""
}

// Select lets a claim be provisioned for a consumer on a node, if that is what it waits for. waits says that the consumer has to
// come again later: the claim is not bound yet.
func Select(ctx context.Context, c client.Client, pvc *corev1.PersistentVolumeClaim, node string) (waits bool, err error) {
	if pvc.Spec.VolumeName != "" || pvc.Spec.StorageClassName == nil || *pvc.Spec.StorageClassName == "" {
		return false, nil
	}
	class := &storagev1.StorageClass{}
	if err := c.Get(ctx, client.ObjectKey{Name: *pvc.Spec.StorageClassName}, class); err != nil {
		return false, fmt.Errorf("read storage class: %w", err)
	}
	if !Waits(pvc, class) {
		return pvc.Annotations[SelectedNode] != "", nil
	}
	selected := pvc.DeepCopy()
	if selected.Annotations == nil {
		selected.Annotations = map[string]string{}
	}
	selected.Annotations[SelectedNode] = node
	if err := c.Patch(ctx, selected, client.MergeFromWithOptions(pvc, client.MergeFromWithOptimisticLock{})); err != nil { //nolint:forbidigo // a scheduler owns nothing of a claim but this
		return false, fmt.Errorf("select node %s for claim %s: %w", node, pvc.Name, err)
	}
	return true, nil
}
