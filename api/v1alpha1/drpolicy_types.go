// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ConditionValidated is the condition of DRPolicy and DRCluster that says whether they can be used.
const ConditionValidated = "Validated"

// DRPolicySpec names two clusters and the interval of replication between them.
// +kubebuilder:validation:XValidation:rule="(!has(self.replicationClassSelector) || (!has(self.replicationClassSelector.matchLabels) || size(self.replicationClassSelector.matchLabels) == 0) && (!has(self.replicationClassSelector.matchExpressions) || size(self.replicationClassSelector.matchExpressions) == 0)) ? (!has(oldSelf.replicationClassSelector) || (!has(oldSelf.replicationClassSelector.matchLabels) || size(oldSelf.replicationClassSelector.matchLabels) == 0) && (!has(oldSelf.replicationClassSelector.matchExpressions) || size(oldSelf.replicationClassSelector.matchExpressions) == 0)) : has(oldSelf.replicationClassSelector) && self.replicationClassSelector == oldSelf.replicationClassSelector",message="replicationClassSelector is immutable: make a new DRPolicy",fieldPath=".replicationClassSelector"
// +kubebuilder:validation:XValidation:rule="(!has(self.volumeSnapshotClassSelector) || (!has(self.volumeSnapshotClassSelector.matchLabels) || size(self.volumeSnapshotClassSelector.matchLabels) == 0) && (!has(self.volumeSnapshotClassSelector.matchExpressions) || size(self.volumeSnapshotClassSelector.matchExpressions) == 0)) ? (!has(oldSelf.volumeSnapshotClassSelector) || (!has(oldSelf.volumeSnapshotClassSelector.matchLabels) || size(oldSelf.volumeSnapshotClassSelector.matchLabels) == 0) && (!has(oldSelf.volumeSnapshotClassSelector.matchExpressions) || size(oldSelf.volumeSnapshotClassSelector.matchExpressions) == 0)) : has(oldSelf.volumeSnapshotClassSelector) && self.volumeSnapshotClassSelector == oldSelf.volumeSnapshotClassSelector",message="volumeSnapshotClassSelector is immutable: make a new DRPolicy",fieldPath=".volumeSnapshotClassSelector"
// +kubebuilder:validation:XValidation:rule="!has(self.networkMappingRef) || !has(self.networkMappingRef.name) || size(self.networkMappingRef.name) == 0",message="networkMappingRef (static IP addresses of virtual machines) is not supported: leave it out",fieldPath=".networkMappingRef"
type DRPolicySpec struct {
	// schedulingInterval is the time from one replication to the next: a number and m (minutes), h (hours) or d (days).
	// It bounds the data that a failover loses. Immutable.
	// +required
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="schedulingInterval is immutable: make a new DRPolicy"
	// +kubebuilder:validation:XValidation:rule="self.matches('^[1-9][0-9]*[mhd]$')",message="schedulingInterval must be a positive number followed by m, h or d, such as 5m (empty and 0 meant synchronous DR, which is not supported)"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[1-9][0-9]*[mhd]$') || int(self.substring(0, self.size() - 1)) <= 65535",message="schedulingInterval is at most 65535m, 65535h or 65535d: use a larger unit"
	SchedulingInterval string `json:"schedulingInterval"`

	// replicationClassSelector limits the VolumeReplicationClasses that are considered. Absent and {} select all.
	// Immutable.
	// +optional
	ReplicationClassSelector *metav1.LabelSelector `json:"replicationClassSelector,omitempty"`

	// volumeSnapshotClassSelector limits the VolumeSnapshotClasses that are considered. Absent and {} select all.
	// Immutable.
	// +optional
	VolumeSnapshotClassSelector *metav1.LabelSelector `json:"volumeSnapshotClassSelector,omitempty"`

	// volumeGroupSnapshotClassSelector limits the VolumeGroupSnapshotClasses that are considered.
	// +optional
	VolumeGroupSnapshotClassSelector *metav1.LabelSelector `json:"volumeGroupSnapshotClassSelector,omitempty"`

	// drClusters names exactly two different DRClusters. Immutable.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.size() == 2",message="drClusters must name exactly two DRClusters"
	// +kubebuilder:validation:XValidation:rule="self.size() != 2 || self[0] != self[1]",message="drClusters must name two different DRClusters"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="drClusters is immutable: make a new DRPolicy"
	DRClusters []string `json:"drClusters"`

	// networkMappingRef asked Ramen to translate static IP addresses of virtual machines. It is not supported and refused.
	// +optional
	NetworkMappingRef *corev1.LocalObjectReference `json:"networkMappingRef,omitempty"`
}

// PeerClass is a storage class that exists on both clusters, and how its volumes are replicated.
type PeerClass struct {
	// storageClassName is the name of the class, the same on both clusters.
	// +required
	StorageClassName string `json:"storageClassName"`
	// storageID holds the storage id of the class on each cluster, in the order of clusterIDs.
	// +optional
	// +listType=atomic
	StorageID []string `json:"storageID,omitempty"`
	// clusterIDs holds the ids of the two clusters.
	// +optional
	// +listType=atomic
	ClusterIDs []string `json:"clusterIDs,omitempty"`
	// replicationID pairs the two storage instances for VolumeReplication. Empty: VolSync replicates.
	// +optional
	ReplicationID string `json:"replicationID,omitempty"`
	// groupreplicationID pairs the two storage instances for groups of volumes.
	// +optional
	GroupReplicationID string `json:"groupreplicationID,omitempty"`
	// grouping says that volumes of the class can be replicated as a consistent group.
	// +optional
	Grouping bool `json:"grouping,omitempty"`
	// offloaded says that the storage drives replication by itself.
	// +optional
	Offloaded bool `json:"offloaded,omitempty"`
	// global says that a group spans applications.
	// +optional
	Global bool `json:"global,omitempty"`
}

// Async holds what was found for asynchronous replication.
type Async struct {
	// peerClasses are the storage classes that can be protected with this policy.
	// +optional
	// +listType=atomic
	PeerClasses []PeerClass `json:"peerClasses,omitempty"`
}

// DRPolicyStatus says whether the policy can be used, and for which storage classes.
type DRPolicyStatus struct {
	// async holds the storage classes that can be protected.
	// +optional
	Async Async `json:"async,omitzero"`
	// sync belongs to synchronous DR and is never set. It is part of the schema so that an object that was exported from
	// Ramen can be applied.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Sync *runtime.RawExtension `json:"sync,omitempty"`
	// networkPeers belongs to static IP addresses of virtual machines and is never set, as sync.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	NetworkPeers *runtime.RawExtension `json:"networkPeers,omitempty"`
	// conditions: Validated, DeletionBlocked.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// DRPolicy pairs two clusters for disaster recovery.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Clusters",type=string,JSONPath=`.spec.drClusters`
// +kubebuilder:printcolumn:name="Interval",type=string,JSONPath=`.spec.schedulingInterval`
// +kubebuilder:printcolumn:name="Validated",type=string,JSONPath=`.status.conditions[?(@.type=="Validated")].status`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Validated")].message`
// +kubebuilder:printcolumn:name="Deletion blocked",type=string,JSONPath=`.status.conditions[?(@.type=="DeletionBlocked")].reason`
// +kubebuilder:printcolumn:name="Blocked by",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="DeletionBlocked")].message`
type DRPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the user asks for.
	// +required
	Spec DRPolicySpec `json:"spec"`
	// status is what was found. It is never absent, so that expressions of tools can look at its conditions.
	// +optional
	// +kubebuilder:default:={}
	Status DRPolicyStatus `json:"status,omitzero"`
}

// DRPolicyList is a list of DRPolicy.
// +kubebuilder:object:root=true
type DRPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DRPolicy `json:"items"`
}
