// SPDX-License-Identifier: Apache-2.0

package volumes

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
)

// restored reports whether a claim may have been made by a restore. What an earlier version marked does not say from what: the storage is
// asked what became of its volume, which harms none.
func restored(claim *corev1.PersistentVolumeClaim) bool {
	if claim.Annotations[capsule.AnnotationRestoredFrom] == "" {
		return claim.Annotations[v1alpha1.AnnotationRestored] != ""
	}
	return capsule.Restored(claim)
}
