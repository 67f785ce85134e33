// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Condition types of a DRClusterConfig.
const (
	// ConditionProcessed says whether the classes of the cluster could be read.
	ConditionProcessed = "Processed"
	// ConditionReachable says whether every S3 profile answers from this cluster.
	ConditionReachable = "Reachable"
)

// DRClusterConfigSpec is what the hub tells a cluster about itself.
type DRClusterConfigSpec struct {
	// replicationSchedules are the intervals of all policies that name the cluster, sorted. Storage drivers may make
	// classes for them.
	// +optional
	// +listType=set
	ReplicationSchedules []string `json:"replicationSchedules,omitempty"`
	// clusterID was set by the hub in Ramen. Here the cluster itself tells its id in status.clusterID. Immutable if set.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterID is immutable"
	ClusterID string `json:"clusterID,omitempty"`
	// maintenanceModes are those that failovers to the cluster need: it makes a MaintenanceMode for each, and removes it
	// when it is no longer listed. An addition to Ramen's API.
	// +optional
	// +listType=map
	// +listMapKey=name
	MaintenanceModes []MaintenanceModeRequest `json:"maintenanceModes,omitempty"`
	// abandonedStores are the S3 profiles whose object stores the user gave up, sorted: nothing is stored there, looked for
	// there, or removed from there. An addition to Ramen's API.
	// +optional
	// +listType=set
	AbandonedStores []string `json:"abandonedStores,omitempty"`
}

// MaintenanceModeRequest asks a cluster for a MaintenanceMode.
type MaintenanceModeRequest struct {
	// name of the MaintenanceMode.
	// +required
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// storageProvisioner names the driver.
	// +required
	// +kubebuilder:validation:MinLength=1
	StorageProvisioner string `json:"storageProvisioner"`
	// targetID is the storage or replication id that the mode is for.
	// +optional
	TargetID string `json:"targetID,omitempty"`
	// modes that are asked for.
	// +optional
	// +listType=set
	Modes []MMode `json:"modes,omitempty"`
	// requestedTime is since when the mode is asked for. The answer repeats it: so one to an earlier request, of a mode that
	// was ended since, is not taken for one to this.
	// +required
	RequestedTime metav1.MicroTime `json:"requestedTime"`
}

// MaintenanceModeAnswer tells the state of a requested MaintenanceMode on the cluster.
type MaintenanceModeAnswer struct {
	// name of the MaintenanceMode.
	// +required
	Name string `json:"name"`
	// storageProvisioner names the driver.
	// +optional
	StorageProvisioner string `json:"storageProvisioner,omitempty"`
	// targetID is the storage or replication id that the mode is for.
	// +optional
	TargetID string `json:"targetID,omitempty"`
	// requestedTime is that of the request.
	// +required
	RequestedTime metav1.MicroTime `json:"requestedTime"`
	// message says what is in the way, if the cluster has no such MaintenanceMode.
	// +optional
	Message string `json:"message,omitempty"`
	// generation of the MaintenanceMode. Zero: there is none that answers the request.
	// +optional
	Generation int64 `json:"generation,omitempty"`
	// state of the mode, from the storage vendor's operator.
	// +optional
	State MModeState `json:"state,omitempty"`
	// observedGeneration is the generation that the storage vendor's operator considered, if it tells.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions of the mode, from the storage vendor's operator.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ClassKind is the kind of a class that matters for replication.
// +kubebuilder:validation:Enum=StorageClass;VolumeSnapshotClass;VolumeGroupSnapshotClass;VolumeReplicationClass;VolumeGroupReplicationClass
type ClassKind string

// Kinds of classes.
const (
	KindStorageClass                ClassKind = "StorageClass"
	KindVolumeSnapshotClass         ClassKind = "VolumeSnapshotClass"
	KindVolumeGroupSnapshotClass    ClassKind = "VolumeGroupSnapshotClass"
	KindVolumeReplicationClass      ClassKind = "VolumeReplicationClass"
	KindVolumeGroupReplicationClass ClassKind = "VolumeGroupReplicationClass"
)

// ClassFact is what the hub needs to know about one class. An addition to Ramen's API.
type ClassFact struct {
	// kind of the class.
	// +required
	Kind ClassKind `json:"kind"`
	// name of the class.
	// +required
	Name string `json:"name"`
	// provisioner or driver of the class.
	// +optional
	Provisioner string `json:"provisioner,omitempty"`
	// labels of the class whose keys belong to ramendr.openshift.io.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// parameters of the class. Values that name secrets are left out.
	// +optional
	Parameters map[string]string `json:"parameters,omitempty"`
	// default says that the class is annotated as the default of its kind.
	// +optional
	Default bool `json:"default,omitempty"`
}

// ProfileFact says whether an S3 profile answers from the cluster. An addition to Ramen's API.
type ProfileFact struct {
	// name of the profile.
	// +required
	Name string `json:"name"`
	// reachable says that the bucket answered.
	// +optional
	Reachable bool `json:"reachable"`
	// message is the error, if it did not.
	// +optional
	Message string `json:"message,omitempty"`
	// observedTime is when reachable last changed.
	// +optional
	ObservedTime *metav1.Time `json:"observedTime,omitempty"`
}

// DRClusterConfigStatus is what a cluster tells the hub about itself.
type DRClusterConfigStatus struct {
	// clusterID is the UID of the namespace kube-system. An addition to Ramen's API.
	// +optional
	ClusterID string `json:"clusterID,omitempty"`
	// kubernetesVersion is the version of the API server. An addition to Ramen's API.
	// +optional
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// signingKey is the public key that the cluster signs stored metadata with. An addition to Ramen's API.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	SigningKey string `json:"signingKey,omitempty"`
	// apis lists the optional APIs that the cluster serves, as group/version. An addition to Ramen's API.
	// +optional
	// +listType=set
	APIs []string `json:"apis,omitempty"`
	// classes are the facts of all classes. An addition to Ramen's API.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	Classes []ClassFact `json:"classes,omitempty"`
	// profiles says which S3 profiles answer. An addition to Ramen's API.
	// +optional
	// +listType=map
	// +listMapKey=name
	Profiles []ProfileFact `json:"profiles,omitempty"`
	// storageClasses lists the names of StorageClasses with a storage id.
	// +optional
	// +listType=set
	StorageClasses []string `json:"storageClasses,omitempty"`
	// volumeSnapshotClasses lists the names of VolumeSnapshotClasses with a storage id.
	// +optional
	// +listType=set
	VolumeSnapshotClasses []string `json:"volumeSnapshotClasses,omitempty"`
	// volumeGroupSnapshotClasses lists the names of VolumeGroupSnapshotClasses with a storage id.
	// +optional
	// +listType=set
	VolumeGroupSnapshotClasses []string `json:"volumeGroupSnapshotClasses,omitempty"`
	// volumeReplicationClasses lists the names of VolumeReplicationClasses with a replication id.
	// +optional
	// +listType=set
	VolumeReplicationClasses []string `json:"volumeReplicationClasses,omitempty"`
	// volumeGroupReplicationClasses lists the names of VolumeGroupReplicationClasses with a group replication id.
	// +optional
	// +listType=set
	VolumeGroupReplicationClasses []string `json:"volumeGroupReplicationClasses,omitempty"`
	// networkFenceClasses belongs to synchronous DR and is never set. It is part of the schema so that an object that was
	// exported from Ramen can be applied.
	// +optional
	// +listType=atomic
	NetworkFenceClasses []string `json:"networkFenceClasses,omitempty"`
	// networkAttachments belongs to static IP addresses of virtual machines and is never set, as networkFenceClasses.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	NetworkAttachments *runtime.RawExtension `json:"networkAttachments,omitempty"`
	// storageAccessDetails belongs to synchronous DR and is never set, as networkFenceClasses.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	StorageAccessDetails *runtime.RawExtension `json:"storageAccessDetails,omitempty"`
	// maintenanceModes are the answers to spec.maintenanceModes. An addition to Ramen's API.
	// +optional
	// +listType=map
	// +listMapKey=name
	MaintenanceModes []MaintenanceModeAnswer `json:"maintenanceModes,omitempty"`
	// observedGeneration is the generation of the spec that was considered, on the cluster.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Processed, Reachable.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// DRClusterConfig carries facts between the hub and one cluster. It exists under the same name on both.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Processed",type=string,JSONPath=`.status.conditions[?(@.type=="Processed")].status`
// +kubebuilder:printcolumn:name="S3 reachable",type=string,JSONPath=`.status.conditions[?(@.type=="Reachable")].status`
type DRClusterConfig struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec comes from the hub.
	// +optional
	Spec DRClusterConfigSpec `json:"spec,omitzero"`
	// status comes from the cluster.
	// +optional
	Status DRClusterConfigStatus `json:"status,omitzero"`
}

// DRClusterConfigList is a list of DRClusterConfig.
// +kubebuilder:object:root=true
type DRClusterConfigList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DRClusterConfig `json:"items"`
}
