// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MMode is a maintenance mode of a storage driver.
// +kubebuilder:validation:Enum=Failover
type MMode string

// MModeFailover prepares the storage for a failover.
const MModeFailover MMode = "Failover"

// MModeState is the state of a maintenance mode.
// +kubebuilder:validation:Enum=Unknown;Error;Progressing;Completed
type MModeState string

// States of a maintenance mode.
const (
	MModeStateUnknown     MModeState = "Unknown"
	MModeStateError       MModeState = "Error"
	MModeStateProgressing MModeState = "Progressing"
	MModeStateCompleted   MModeState = "Completed"
)

// ConditionFailoverActivated is the condition of a MaintenanceMode that says that the mode Failover is on.
const ConditionFailoverActivated = "FailoverActivated"

// MaintenanceModeSpec asks a storage driver for a mode.
type MaintenanceModeSpec struct {
	// storageProvisioner names the driver.
	// +required
	// +kubebuilder:validation:MinLength=1
	StorageProvisioner string `json:"storageProvisioner"`
	// targetID is the storage or replication id that the mode is for. Empty: all of the driver.
	// +optional
	TargetID string `json:"targetID,omitempty"`
	// modes that are asked for.
	// +optional
	// +listType=set
	Modes []MMode `json:"modes,omitempty"`
}

// MaintenanceModeStatus is written by the storage vendor's operator.
type MaintenanceModeStatus struct {
	// state of the mode.
	// +optional
	State MModeState `json:"state,omitempty"`
	// observedGeneration is the generation of the spec that was considered.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: FailoverActivated.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// MaintenanceMode asks the storage of a cluster to prepare for an operation.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:printcolumn:name="Provisioner",type=string,JSONPath=`.spec.storageProvisioner`
// +kubebuilder:printcolumn:name="Target",type=string,JSONPath=`.spec.targetID`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Activated",type=string,JSONPath=`.status.conditions[?(@.type=="FailoverActivated")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type MaintenanceMode struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what is asked for.
	// +required
	Spec MaintenanceModeSpec `json:"spec"`
	// status is what the storage answers.
	// +optional
	Status MaintenanceModeStatus `json:"status,omitzero"`
}

// MaintenanceModeList is a list of MaintenanceMode.
// +kubebuilder:object:root=true
type MaintenanceModeList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MaintenanceMode `json:"items"`
}
