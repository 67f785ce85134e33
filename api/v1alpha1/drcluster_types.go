// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ClusterFenceState was a request for fencing, which belongs to synchronous DR. Unfenced and ManuallyUnfenced ask for
// nothing and are accepted.
type ClusterFenceState string

// DRClusterPhase is the phase of a DRCluster.
type DRClusterPhase string

// Phases of a DRCluster.
const (
	ClusterStarting  DRClusterPhase = "Starting"
	ClusterAvailable DRClusterPhase = "Available"
)

// Condition types of a DRCluster besides Validated.
const (
	// ConditionConnected says whether the link to the cluster is live, and since when it is not.
	ConditionConnected = "Connected"
	// ConditionCredentialCurrent says whether the credentials by which the mirror reaches the other end of its link are
	// accepted, and not about to expire.
	ConditionCredentialCurrent = "CredentialCurrent"
	// ConditionSchemaSkew says whether an API server dropped fields that were mirrored to it.
	ConditionSchemaSkew = "SchemaSkew"
	// ConditionDeletionBlocked, on a DRCluster or DRPolicy that is being deleted, says what it waits for.
	ConditionDeletionBlocked = "DeletionBlocked"
)

// ReasonDRClustersAreOne is the reason of conditions of DRClusters and DRPolicies which say that the agents of two DRClusters
// run on the same cluster.
const ReasonDRClustersAreOne = "DRClustersAreOne"

// DRClusterSpec describes a cluster that takes part in disaster recovery.
// +kubebuilder:validation:XValidation:rule="!has(self.clusterFence) || size(self.clusterFence) == 0 || self.clusterFence in ['Unfenced', 'ManuallyUnfenced']",message="clusterFence belongs to synchronous DR: fencing is not supported. Leave it out, or set Unfenced",fieldPath=".clusterFence"
// +kubebuilder:validation:XValidation:rule="has(self.region) == has(oldSelf.region)",message="region is immutable"
type DRClusterSpec struct {
	// cidrs were used for fencing; accepted and ignored.
	// +optional
	// +listType=atomic
	CIDRs []string `json:"cidrs,omitempty"`
	// clusterFence may say Unfenced or ManuallyUnfenced, which ask for nothing. Anything else is refused: fencing belongs
	// to synchronous DR.
	// +optional
	ClusterFence ClusterFenceState `json:"clusterFence,omitempty"`
	// region is a free label of the place of the cluster. Immutable.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="region is immutable"
	Region string `json:"region,omitempty"`
	// s3ProfileName names the S3 profile of the configuration in which the metadata of applications that run on this
	// cluster is stored. Immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="s3ProfileName is immutable"
	S3ProfileName string `json:"s3ProfileName"`
}

// ClusterMaintenanceMode is the state of one maintenance mode on the cluster.
type ClusterMaintenanceMode struct {
	// storageProvisioner names the driver.
	// +required
	StorageProvisioner string `json:"storageProvisioner"`
	// targetID is the storage or replication id that the mode is for.
	// +required
	TargetID string `json:"targetID"`
	// state of the mode.
	// +optional
	State MModeState `json:"state,omitempty"`
	// conditions of the mode.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ClusterCredential tells about the credentials by which the mirror reaches the other end of the link to a cluster.
type ClusterCredential struct {
	// for is the end that accepts them: hub, if the mirror runs on the cluster, or cluster, if it runs on the hub.
	// +optional
	For string `json:"for,omitempty"`
	// issuedTime is when they were issued. The mirror renews a token once a day, or after a twelfth of a life of less than
	// twelve days.
	// +optional
	IssuedTime *metav1.Time `json:"issuedTime,omitempty"`
	// expirationTime is when they expire; absent: they do not.
	// +optional
	ExpirationTime *metav1.Time `json:"expirationTime,omitempty"`
	// trustedAuthorities are the SHA-256 fingerprints of the certificate authorities by which the mirror knows that API
	// server.
	// +optional
	// +listType=atomic
	TrustedAuthorities []string `json:"trustedAuthorities,omitempty"`
}

// DRClusterStatus says whether the cluster can be used and can be reached.
type DRClusterStatus struct {
	// phase: Starting, Available.
	// +optional
	Phase DRClusterPhase `json:"phase,omitempty"`
	// clusterID is the identity of the cluster: the UID of its namespace kube-system. It is recorded when the cluster connects
	// for the first time. Another cluster that connects under this name later is not believed, and told nothing, until the
	// annotation ramendr.openshift.io/accept-cluster names its identity. An addition to Ramen's API.
	// +optional
	ClusterID string `json:"clusterID,omitempty"`
	// conditions: Validated, Connected, CredentialCurrent, SchemaSkew, DeletionBlocked.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// credential tells about the credentials by which the mirror reaches the other end of the link, as the mirror told last.
	// +optional
	Credential *ClusterCredential `json:"credential,omitempty"`
	// maintenanceModes are the storage maintenance modes asked for on the cluster.
	// +optional
	// +listType=map
	// +listMapKey=storageProvisioner
	// +listMapKey=targetID
	MaintenanceModes []ClusterMaintenanceMode `json:"maintenanceModes,omitempty"`
}

// DRCluster is a cluster that takes part in disaster recovery.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 56 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="the name of a DRCluster becomes part of the namespaces outbox-<name> and inbox-<name>: at most 56 lower-case letters, digits and dashes"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Region",type=string,JSONPath=`.spec.region`
// +kubebuilder:printcolumn:name="S3 profile",type=string,JSONPath=`.spec.s3ProfileName`
// +kubebuilder:printcolumn:name="Validated",type=string,JSONPath=`.status.conditions[?(@.type=="Validated")].status`
// +kubebuilder:printcolumn:name="Connected",type=string,JSONPath=`.status.conditions[?(@.type=="Connected")].status`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Connected")].message`
// +kubebuilder:printcolumn:name="Deletion blocked",type=string,JSONPath=`.status.conditions[?(@.type=="DeletionBlocked")].reason`
// +kubebuilder:printcolumn:name="Blocked by",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="DeletionBlocked")].message`
type DRCluster struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the user asks for.
	// +required
	Spec DRClusterSpec `json:"spec"`
	// status is what was found. It is never absent, so that expressions of tools can look at its conditions.
	// +optional
	// +kubebuilder:default:={}
	Status DRClusterStatus `json:"status,omitzero"`
}

// DRClusterList is a list of DRCluster.
// +kubebuilder:object:root=true
type DRClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DRCluster `json:"items"`
}
