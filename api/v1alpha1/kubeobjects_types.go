// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RecipeRef names a Recipe.
type RecipeRef struct {
	// namespace of the Recipe.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the Recipe.
	// +optional
	Name string `json:"name,omitempty"`
}

// KubeObjectProtectionSpec asks for the capture of Kubernetes objects besides PVCs.
type KubeObjectProtectionSpec struct {
	// captureInterval is the time from one capture to the next.
	// +optional
	// +kubebuilder:validation:Format=duration
	CaptureInterval *metav1.Duration `json:"captureInterval,omitempty"`
	// recipeRef names a Recipe that says what is captured and how.
	// +optional
	RecipeRef *RecipeRef `json:"recipeRef,omitempty"`
	// recipeParameters are values for the parameters of the Recipe.
	// +optional
	RecipeParameters map[string][]string `json:"recipeParameters,omitempty"`
	// kubeObjectSelector selects the objects to capture, where no Recipe is named.
	// +optional
	KubeObjectSelector *metav1.LabelSelector `json:"kubeObjectSelector,omitempty"`
}

// KubeObjectsCaptureIdentifier names a capture of Kubernetes objects.
type KubeObjectsCaptureIdentifier struct {
	// number of the slot, 0 or 1.
	// +required
	Number int64 `json:"number"`
	// startTime of the capture.
	// +optional
	// +nullable
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// endTime of the capture.
	// +optional
	// +nullable
	EndTime *metav1.Time `json:"endTime,omitempty"`
	// startGeneration of the group.
	// +optional
	StartGeneration int64 `json:"startGeneration,omitempty"`
}

// KubeObjectProtectionStatus says which capture would be restored.
type KubeObjectProtectionStatus struct {
	// captureToRecoverFrom is the last complete capture.
	// +optional
	CaptureToRecoverFrom *KubeObjectsCaptureIdentifier `json:"captureToRecoverFrom,omitempty"`
}
