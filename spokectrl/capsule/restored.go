// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// AnnotationRestoredFrom names, on a claim that was restored, the PersistentVolume that it was given or the image that it was made from.
// Without it AnnotationRestored says nothing: users and tools copy claims with all annotations.
const AnnotationRestoredFrom = "volumereplicationgroups.ramendr.openshift.io/restored-from"

// MarkRestored notes on a claim that is about to be made that a restore makes it, and from what: the volume that it names, or else its
// data source.
func MarkRestored(claim *corev1.PersistentVolumeClaim) {
	if claim.Annotations == nil {
		claim.Annotations = map[string]string{}
	}
	claim.Annotations[v1alpha1.AnnotationRestored] = "True"
	switch {
	case claim.Spec.VolumeName != "":
		claim.Annotations[AnnotationRestoredFrom] = claim.Spec.VolumeName
	case claim.Spec.DataSource != nil:
		claim.Annotations[AnnotationRestoredFrom] = claim.Spec.DataSource.Name
	}
}

// Restored reports whether a claim was made by a restore. A mark that was copied to a claim which has another volume, and was made from
// something else, counts for nothing; neither does the mark of an earlier version, which did not say from what.
func Restored(claim *corev1.PersistentVolumeClaim) bool {
	from := claim.Annotations[AnnotationRestoredFrom]
	source := claim.Spec.DataSource
	return from != "" && (from == claim.Spec.VolumeName || source != nil && from == source.Name)
}
