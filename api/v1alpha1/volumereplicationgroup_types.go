// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ReplicationState is the role that a group of volumes is told to take.
// +kubebuilder:validation:Enum=primary;secondary
type ReplicationState string

// Roles.
const (
	Primary   ReplicationState = "primary"
	Secondary ReplicationState = "secondary"
)

// State is the role that a group of volumes has.
type State string

// States.
const (
	PrimaryState   State = "Primary"
	SecondaryState State = "Secondary"
	UnknownState   State = "Unknown"
)

// VRGAction is the operation on behalf of which a role is asked for.
// +kubebuilder:validation:Enum="";Failover;Relocate
type VRGAction string

// Operations.
const (
	VRGActionFailover VRGAction = "Failover"
	VRGActionRelocate VRGAction = "Relocate"
)

// Condition types of a VolumeReplicationGroup.
const (
	// VRGDataReady : the volumes can be used (primary) or replicate (secondary).
	VRGDataReady = "DataReady"
	// VRGDataProtected : everything written so far is on the peer. A primary of VolumeReplication volumes is never
	// that: its reason is Replicating.
	VRGDataProtected = "DataProtected"
	// VRGClusterDataReady : PVs and PVCs are restored.
	VRGClusterDataReady = "ClusterDataReady"
	// VRGClusterDataProtected : PVs and PVCs are in every object store.
	VRGClusterDataProtected = "ClusterDataProtected"
	// VRGKubeObjectsReady : other Kubernetes objects are restored.
	VRGKubeObjectsReady = "KubeObjectsReady"
	// VRGHooksReady : the hooks of the last capture or restore succeeded. It is there only if a Recipe has hooks.
	VRGHooksReady = "HooksReady"
	// VRGNoClusterDataConflict : no objects on this cluster contradict the role.
	VRGNoClusterDataConflict = "NoClusterDataConflict"
	// VRGInUse : a Pod or an attachment uses one of the volumes. An addition to Ramen's API: the hub waits for it
	// before it takes an application's objects away, by whatever tool they are deployed.
	VRGInUse = "InUse"
)

// Conditions of a volume that VolSync copies, in protectedPVCs, besides those that it shares with its group.
const (
	// PVCReplicationSourceSetup : a ReplicationSource sends the volume.
	PVCReplicationSourceSetup = "ReplicationSourceSetup"
	// PVCPVsRestored : a claim that was made from what was received has its data.
	PVCPVsRestored = "PVsRestored"
)

// Delivery conditions that the mirror sets on a wish in an outbox.
const (
	WishApplied     = "Applied"
	WishAvailable   = "Available"
	WishProgressing = "Progressing"
	WishDegraded    = "Degraded"
)

// VRGAsyncSpec configures asynchronous replication.
type VRGAsyncSpec struct {
	// replicationClassSelector limits the VolumeReplicationClasses that are considered.
	// +optional
	ReplicationClassSelector *metav1.LabelSelector `json:"replicationClassSelector,omitempty"`
	// volumeSnapshotClassSelector limits the VolumeSnapshotClasses that are considered.
	// +optional
	VolumeSnapshotClassSelector *metav1.LabelSelector `json:"volumeSnapshotClassSelector,omitempty"`
	// volumeGroupSnapshotClassSelector limits the VolumeGroupSnapshotClasses that are considered.
	// +optional
	VolumeGroupSnapshotClassSelector *metav1.LabelSelector `json:"volumeGroupSnapshotClassSelector,omitempty"`
	// schedulingInterval is the time from one replication to the next: a number and m, h or d.
	// +required
	// +kubebuilder:validation:Pattern=`^\d+[mhd]$`
	SchedulingInterval string `json:"schedulingInterval"`
	// peerClasses are the storage classes that can be protected and how.
	// +optional
	// +listType=atomic
	PeerClasses []PeerClass `json:"peerClasses,omitempty"`
}

// VolumeReplicationGroupSpec is what the hub asks of a group of volumes on one cluster.
// +kubebuilder:validation:XValidation:rule="!has(self.dryRun) || !self.dryRun",message="dryRun (test failover) is not supported: leave it out",fieldPath=".dryRun"
// +kubebuilder:validation:XValidation:rule="!has(self.sync)",message="sync belongs to synchronous DR and is not supported: leave it out",fieldPath=".sync"
// +kubebuilder:validation:XValidation:rule="!has(self.staticIPTranslationSpec)",message="staticIPTranslationSpec (static IP addresses of virtual machines) is not supported: leave it out",fieldPath=".staticIPTranslationSpec"
type VolumeReplicationGroupSpec struct {
	// pvcSelector selects the PVCs of the group.
	// +required
	PVCSelector metav1.LabelSelector `json:"pvcSelector"`
	// replicationState is the role to take: primary or secondary.
	// +required
	ReplicationState ReplicationState `json:"replicationState"`
	// s3Profiles names the object stores in which metadata is kept.
	// +required
	// +listType=atomic
	S3Profiles []string `json:"s3Profiles"`
	// async configures asynchronous replication.
	// +optional
	Async *VRGAsyncSpec `json:"async,omitempty"`
	// volSync configures volumes that VolSync replicates.
	// +optional
	VolSync VolSyncSpec `json:"volSync,omitzero"`
	// prepareForFinalSync asks a primary to stop its schedules, so that a final synchronization can be told apart.
	// +optional
	PrepareForFinalSync bool `json:"prepareForFinalSync,omitempty"`
	// runFinalSync asks a primary for a last synchronization, once no one uses its volumes.
	// +optional
	RunFinalSync bool `json:"runFinalSync,omitempty"`
	// action is the operation on behalf of which the role is asked for.
	// +optional
	Action VRGAction `json:"action,omitempty"`
	// kubeObjectProtection asks for the capture of Kubernetes objects besides PVCs.
	// +optional
	KubeObjectProtection *KubeObjectProtectionSpec `json:"kubeObjectProtection,omitempty"`
	// protectedNamespaces lists the namespaces of the PVCs, for a group in the ramen-ops namespace.
	// +optional
	// +listType=set
	ProtectedNamespaces []string `json:"protectedNamespaces,omitempty"`
	// retainNamespaceSCCAcrossPeers is that of the DRPlacementControl. An addition to Ramen's API.
	// +optional
	RetainNamespaceSCCAcrossPeers bool `json:"retainNamespaceSCCAcrossPeers,omitempty"`

	// dryRun asked Ramen for a test failover. It is not supported and refused.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`

	// sync asked Ramen for synchronous DR. It is not supported and refused.
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	Sync *runtime.RawExtension `json:"sync,omitempty"`

	// staticIPTranslationSpec asked Ramen to translate static IP addresses of virtual machines. It is not supported and
	// refused.
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	StaticIPTranslationSpec *runtime.RawExtension `json:"staticIPTranslationSpec,omitempty"`
}

// Identifier is the id of a storage instance or of a pairing of two.
type Identifier struct {
	// id from the label of the class.
	// +optional
	ID string `json:"id,omitempty"`
	// modes are the maintenance modes that the class needs.
	// +optional
	// +listType=set
	Modes []MMode `json:"modes,omitempty"`
}

// ProtectedPVC describes one protected volume and its state.
type ProtectedPVC struct {
	// namespace of the PVC.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// name of the PVC.
	// +optional
	Name string `json:"name,omitempty"`
	// protectedByVolSync says which technique replicates the volume: VolSync, else VolumeReplication.
	// +optional
	ProtectedByVolSync bool `json:"protectedByVolSync,omitempty"`
	// csiProvisioner is the driver of the volume.
	// +optional
	CSIProvisioner string `json:"csiProvisioner,omitempty"`
	// storageID is the storage instance of the volume.
	// +optional
	StorageID Identifier `json:"storageID,omitzero"`
	// replicationID is the pairing that replicates the volume.
	// +optional
	ReplicationID Identifier `json:"replicationID,omitzero"`
	// storageClassName is the class of the volume.
	// +optional
	StorageClassName *string `json:"storageClassName,omitempty"`
	// annotations of the PVC that are not of the local cluster only.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// labels of the PVC.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// accessModes of the PVC.
	// +optional
	// +listType=atomic
	AccessModes []corev1.PersistentVolumeAccessMode `json:"accessModes,omitempty"`
	// resources of the PVC.
	// +optional
	Resources corev1.VolumeResourceRequirements `json:"resources,omitzero"`
	// capacity is the size of a volume that VolSync copies, if it is larger than resources ask for. An addition to Ramen's API.
	// +optional
	Capacity *resource.Quantity `json:"capacity,omitempty"`
	// volumeMode of the PVC.
	// +optional
	VolumeMode *corev1.PersistentVolumeMode `json:"volumeMode,omitempty"`
	// conditions of the volume.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// lastSyncTime is the moment that the peer's copy can be brought back to.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`
	// lastSyncDuration is how long the last synchronization took.
	// +optional
	LastSyncDuration *metav1.Duration `json:"lastSyncDuration,omitempty"`
	// lastSyncBytes is what the last synchronization transferred, in bytes.
	// +optional
	LastSyncBytes *int64 `json:"lastSyncBytes,omitempty"`
}

// Groups lists PVCs that are replicated consistently together.
type Groups struct {
	// grouped are the names of the PVCs.
	// +optional
	// +listType=atomic
	Grouped []string `json:"grouped,omitempty"`
}

// ExchangeStamp says what a report answers. Only reports in an inbox carry one, and only the mirror writes it, in the
// same write as the facts that it vouches for. An addition to Ramen's API.
type ExchangeStamp struct {
	// wishUID is the UID of the wish that the copy was made from. Empty: no mirror made the object.
	// +optional
	WishUID string `json:"wishUID,omitempty"`
	// wishGeneration is the generation of that wish.
	// +optional
	WishGeneration int64 `json:"wishGeneration,omitempty"`
	// epoch that the copy carries.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9007199254740991
	Epoch int64 `json:"epoch,omitempty"`
	// origin is the id of the hub that wished the copy.
	// +optional
	Origin string `json:"origin,omitempty"`
	// clusterID is the identity of the cluster that the object is on: the UID of its namespace kube-system.
	// +optional
	ClusterID string `json:"clusterID,omitempty"`
	// spokeUID is the UID of the object on the cluster.
	// +required
	SpokeUID string `json:"spokeUID"`
	// spokeGeneration is the generation of the object on the cluster.
	// +required
	SpokeGeneration int64 `json:"spokeGeneration"`
	// spokeResourceVersion is the resource version of the object on the cluster.
	// +optional
	SpokeResourceVersion string `json:"spokeResourceVersion,omitempty"`
	// spokeDeleting says that the object on the cluster has a deletionTimestamp.
	// +optional
	SpokeDeleting bool `json:"spokeDeleting,omitempty"`
	// observedTime is when the mirror saw the object so, by the mirror's clock.
	// +optional
	ObservedTime *metav1.Time `json:"observedTime,omitempty"`
}

// NamespaceTraits is what workloads depend on of a namespace on one cluster.
type NamespaceTraits struct {
	// name of the namespace.
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// absent says that there is no such namespace on the cluster.
	// +optional
	Absent bool `json:"absent,omitempty"`
	// labels are those of Pod Security.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// annotations are the ranges of OpenShift's security context constraints, and what VolSync's movers may do.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// VolumeReplicationGroupStatus is what a cluster found and did.
type VolumeReplicationGroupStatus struct {
	// state is the role that the group has.
	// +optional
	State State `json:"state,omitempty"`
	// protectedPVCs are the volumes of the group.
	// +optional
	// +listType=atomic
	ProtectedPVCs []ProtectedPVC `json:"protectedPVCs,omitempty"`
	// pvcgroups lists PVCs that are replicated consistently together.
	// +optional
	// +listType=atomic
	PVCGroups []Groups `json:"pvcgroups,omitempty"`
	// conditions of the group. On a wish in an outbox: the state of its delivery.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation that this status was computed for.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// lastUpdateTime is when this status last changed.
	// +optional
	// +nullable
	LastUpdateTime *metav1.Time `json:"lastUpdateTime,omitempty"`
	// kubeObjectProtection says which capture would be restored.
	// +optional
	KubeObjectProtection KubeObjectProtectionStatus `json:"kubeObjectProtection,omitzero"`
	// prepareForFinalSyncComplete answers prepareForFinalSync; false when that is off.
	// +optional
	PrepareForFinalSyncComplete bool `json:"prepareForFinalSyncComplete,omitempty"`
	// finalSyncComplete answers runFinalSync; false when that is off.
	// +optional
	FinalSyncComplete bool `json:"finalSyncComplete,omitempty"`
	// lastGroupSyncTime is the oldest lastSyncTime of the volumes; absent if one was never synchronized.
	// +optional
	LastGroupSyncTime *metav1.Time `json:"lastGroupSyncTime,omitempty"`
	// lastGroupSyncDuration is the longest lastSyncDuration.
	// +optional
	LastGroupSyncDuration *metav1.Duration `json:"lastGroupSyncDuration,omitempty"`
	// lastGroupSyncBytes is the sum of lastSyncBytes, in bytes.
	// +optional
	LastGroupSyncBytes *int64 `json:"lastGroupSyncBytes,omitempty"`
	// rdInfo tells where the destinations of VolSync volumes listen.
	// +optional
	// +listType=atomic
	RDInfo []VolSyncReplicationDestinationInfo `json:"rdInfo,omitempty"`
	// namespaces are those of the volumes on this cluster, with what workloads depend on of their labels and annotations. An
	// addition to Ramen's API.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Namespaces []NamespaceTraits `json:"namespaces,omitempty"`
	// signingKey is the public key that this cluster signs stored metadata with. An addition to Ramen's API.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	SigningKey string `json:"signingKey,omitempty"`
	// staticIPDiscovery belongs to static IP addresses of virtual machines and is never set. It is part of the schema so
	// that an object that was exported from Ramen can be applied.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	StaticIPDiscovery *runtime.RawExtension `json:"staticIPDiscovery,omitempty"`
	// exchange says what a report answers. Only on reports in an inbox. An addition to Ramen's API.
	// +optional
	Exchange *ExchangeStamp `json:"exchange,omitempty"`
}

// VolumeReplicationGroup is a group of volumes that are replicated and moved together. In an outbox it is a wish, on a
// cluster the copy of that wish, in an inbox the report about the copy.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=vrg
// +kubebuilder:printcolumn:name="desiredState",type=string,JSONPath=`.spec.replicationState`
// +kubebuilder:printcolumn:name="currentState",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Applied",type=string,JSONPath=`.status.conditions[?(@.type=="Applied")].status`
// +kubebuilder:printcolumn:name="Epoch",type=string,priority=1,JSONPath=`.metadata.annotations.exchange\.ramendr\.openshift\.io/epoch`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type VolumeReplicationGroup struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what is asked for.
	// +required
	Spec VolumeReplicationGroupSpec `json:"spec"`
	// status is what was found.
	// +optional
	Status VolumeReplicationGroupStatus `json:"status,omitzero"`
}

// VolumeReplicationGroupList is a list of VolumeReplicationGroup.
// +kubebuilder:object:root=true
type VolumeReplicationGroupList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VolumeReplicationGroup `json:"items"`
}
