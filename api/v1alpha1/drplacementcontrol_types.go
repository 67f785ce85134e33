// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// DRAction is an operation that the user asks for. Empty: none, stay where the workload is.
// +kubebuilder:validation:Enum="";Failover;Relocate
type DRAction string

// Operations.
const (
	ActionFailover DRAction = "Failover"
	ActionRelocate DRAction = "Relocate"
)

// DRState is the phase of a DRPlacementControl, computed from facts for people to read.
type DRState string

// Phases.
const (
	WaitForUser DRState = "WaitForUser"
	Initiating  DRState = "Initiating"
	Deploying   DRState = "Deploying"
	Deployed    DRState = "Deployed"
	FailingOver DRState = "FailingOver"
	FailedOver  DRState = "FailedOver"
	Relocating  DRState = "Relocating"
	Relocated   DRState = "Relocated"
	Deleting    DRState = "Deleting"
)

// ProgressionStatus is the step within a phase.
type ProgressionStatus string

// Progressions.
const (
	ProgressionCompleted                     ProgressionStatus = "Completed"
	ProgressionEnsuringVolSyncSetup          ProgressionStatus = "EnsuringVolSyncSetup"
	ProgressionSettingUpVolSyncDest          ProgressionStatus = "SettingUpVolSyncDest"
	ProgressionCheckingFailoverPrerequisites ProgressionStatus = "CheckingFailoverPrerequisites"
	ProgressionWaitForStorageMaintenance     ProgressionStatus = "WaitForStorageMaintenanceActivation"
	ProgressionFailingOverToCluster          ProgressionStatus = "FailingOverToCluster"
	ProgressionWaitingForResourceRestore     ProgressionStatus = "WaitingForResourceRestore"
	ProgressionWaitForReadiness              ProgressionStatus = "WaitForReadiness"
	ProgressionCleaningUp                    ProgressionStatus = "Cleaning Up"
	ProgressionWaitOnUserToCleanUp           ProgressionStatus = "WaitOnUserToCleanUp"
	ProgressionPreparingFinalSync            ProgressionStatus = "PreparingFinalSync"
	ProgressionClearingPlacement             ProgressionStatus = "ClearingPlacement"
	ProgressionRunningFinalSync              ProgressionStatus = "RunningFinalSync"
	ProgressionFinalSyncComplete             ProgressionStatus = "FinalSyncComplete"
	ProgressionEnsuringVolumesAreSecondary   ProgressionStatus = "EnsuringVolumesAreSecondary"
	ProgressionDeleting                      ProgressionStatus = "Deleting"
	ProgressionPaused                        ProgressionStatus = "Paused"
)

// Condition types of a DRPlacementControl. Ready, Reconciling and Stalled are those of kstatus.
const (
	ConditionAvailable   = "Available"
	ConditionPeerReady   = "PeerReady"
	ConditionProtected   = "Protected"
	ConditionReady       = "Ready"
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"
)

// DRPlacementControlSpec says which application is protected, how, and where it is to run.
// +kubebuilder:validation:XValidation:rule="!has(self.action) || self.action != 'Relocate' || (has(self.preferredCluster) && size(self.preferredCluster) > 0)",message="action Relocate needs preferredCluster: set it to the cluster that is to run the application",fieldPath=".preferredCluster"
// +kubebuilder:validation:XValidation:rule="!has(self.dryRun) || !self.dryRun",message="dryRun (test failover) is not supported: leave it out",fieldPath=".dryRun"
type DRPlacementControlSpec struct {
	// placementRef is accepted for compatibility and ignored: there is no Placement.
	// +optional
	// +nullable
	PlacementRef *corev1.ObjectReference `json:"placementRef,omitempty"`

	// protectedNamespaces lists the namespaces that are protected together. Only for a DRPlacementControl in the
	// namespace named by ramenOpsNamespace of the configuration.
	// +optional
	// +listType=set
	ProtectedNamespaces []string `json:"protectedNamespaces,omitempty"`

	// drPolicyRef names the DRPolicy: the two clusters and the replication interval. Its name is immutable, the rest is not
	// used.
	// +required
	// +kubebuilder:validation:XValidation:rule="has(self.name) && has(oldSelf.name) && self.name == oldSelf.name",message="drPolicyRef is immutable: disable DR and protect the application again"
	// +kubebuilder:validation:XValidation:rule="has(self.name) && size(self.name) > 0",message="drPolicyRef.name must name a DRPolicy"
	DRPolicyRef corev1.ObjectReference `json:"drPolicyRef"`

	// preferredCluster is the cluster on which the application is first deployed and to which Relocate moves it.
	// +optional
	PreferredCluster string `json:"preferredCluster,omitempty"`

	// failoverCluster is the cluster to which Failover moves the application. Empty: the cluster of the policy on
	// which it does not run.
	// +optional
	FailoverCluster string `json:"failoverCluster,omitempty"`

	// pvcSelector selects the PVCs to protect by their labels. Empty: every PVC of the namespace. Immutable.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf || (!has(self.matchLabels) || size(self.matchLabels) == 0) && (!has(self.matchExpressions) || size(self.matchExpressions) == 0) && (!has(oldSelf.matchLabels) || size(oldSelf.matchLabels) == 0) && (!has(oldSelf.matchExpressions) || size(oldSelf.matchExpressions) == 0)",message="pvcSelector is immutable: disable DR and protect the application again"
	PVCSelector metav1.LabelSelector `json:"pvcSelector"`

	// action is the operation to carry out: Failover or Relocate. Empty or absent: stay where the workload is.
	// +optional
	Action DRAction `json:"action,omitempty"`

	// dryRun asked Ramen for a test failover. It is not supported and refused.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`

	// kubeObjectProtection asks for the capture of Kubernetes objects besides PVCs.
	// +optional
	KubeObjectProtection *KubeObjectProtectionSpec `json:"kubeObjectProtection,omitempty"`

	// volSyncSpec tunes volumes that VolSync replicates: disabled turns VolSync off for the application, moverConfig sets
	// the security of the movers. The hub computes rdSpec and rsSpec itself: what they say here is not used.
	// +optional
	VolSyncSpec *VolSyncSpec `json:"volSyncSpec,omitempty"`

	// retainNamespaceSCCAcrossPeers asks that the namespaces of the application have the same ranges of OpenShift's security
	// context constraints (users, supplemental groups, SELinux levels) on both clusters. The peer gives them to namespaces that
	// were created there for the protection, while no Pod is in them; PeerReady names those that differ.
	// +optional
	RetainNamespaceSCCAcrossPeers bool `json:"retainNamespaceSCCAcrossPeers,omitempty"`
}

// PlacementDecision names a cluster.
type PlacementDecision struct {
	// clusterName is the name of the DRCluster.
	// +optional
	ClusterName string `json:"clusterName,omitempty"`
	// clusterNamespace equals clusterName; tools made for Open Cluster Management read it.
	// +optional
	ClusterNamespace string `json:"clusterNamespace,omitempty"`
}

// DecisionReason says why the objects of a workload may exist on a cluster.
// +kubebuilder:validation:Enum=Run;Retain
type DecisionReason string

// Reasons of decisions.
const (
	// DecisionRun : the workload is to run there.
	DecisionRun DecisionReason = "Run"
	// DecisionRetain : the failed side, not yet demoted: leave its objects alone.
	DecisionRetain DecisionReason = "Retain"
)

// ClusterDecision is one entry of status.decisions, in the shape that the clusterDecisionResource generator of Argo CD
// ApplicationSets reads.
type ClusterDecision struct {
	// clusterName is the name of the DRCluster.
	// +required
	ClusterName string `json:"clusterName"`
	// clusterNamespace equals clusterName.
	// +optional
	ClusterNamespace string `json:"clusterNamespace,omitempty"`
	// reason is Run or Retain.
	// +required
	Reason DecisionReason `json:"reason"`
}

// Waiting says what an operation waits for.
type Waiting struct {
	// cluster is the cluster whose fact is awaited; empty: the hub itself or the user.
	// +optional
	Cluster string `json:"cluster,omitempty"`
	// fact is a constant word for the fact that is awaited.
	// +required
	Fact string `json:"fact"`
	// since is when this wait began.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// message says what is awaited, in a sentence.
	// +optional
	Message string `json:"message,omitempty"`
	// nextStep is what happens when the fact is true, or the command to run if a person is needed.
	// +optional
	NextStep string `json:"nextStep,omitempty"`
}

// VRGResourceMeta names the VolumeReplicationGroup whose conditions are shown.
type VRGResourceMeta struct {
	// kind is VolumeReplicationGroup.
	// +optional
	Kind string `json:"kind,omitempty"`
	// name of the object on its cluster.
	// +optional
	Name string `json:"name,omitempty"`
	// namespace of the object on its cluster.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// generation of the object on its cluster.
	// +optional
	Generation int64 `json:"generation,omitempty"`
	// resourceVersion of the object on its cluster.
	// +optional
	ResourceVersion string `json:"resourceVersion,omitempty"`
	// protectedStaticIPVMs belongs to static IP addresses of virtual machines and is never set. It is part of the schema so
	// that an object that was exported from Ramen can be applied.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	ProtectedStaticIPVMs *runtime.RawExtension `json:"protectedStaticIPVMs,omitempty"`
	// protectedpvcs lists the names of the protected PVCs.
	// +optional
	// +listType=atomic
	ProtectedPVCs []string `json:"protectedpvcs,omitempty"`
	// pvcgroups lists the PVCs that are replicated consistently together.
	// +optional
	// +listType=atomic
	PVCGroups []Groups `json:"pvcgroups,omitempty"`
}

// VRGConditions repeats the conditions of the VolumeReplicationGroup that protects the workload.
type VRGConditions struct {
	// resourceMeta names the object.
	// +optional
	ResourceMeta VRGResourceMeta `json:"resourceMeta,omitzero"`
	// conditions are the object's own.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// DRPlacementControlStatus is computed from facts at each pass; nothing reads it to decide, but for decisions, which
// are what the hub promised to those who deploy.
type DRPlacementControlStatus struct {
	// phase is the state of the last operation.
	// +optional
	Phase DRState `json:"phase,omitempty"`
	// observedGeneration is the generation of the spec that was considered.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// actionStartTime is when the last operation began.
	// +optional
	ActionStartTime *metav1.Time `json:"actionStartTime,omitempty"`
	// actionDuration is how long the last operation took.
	// +optional
	ActionDuration *metav1.Duration `json:"actionDuration,omitempty"`
	// progression is the step within the phase.
	// +optional
	Progression ProgressionStatus `json:"progression,omitempty"`
	// preferredDecision is the cluster where the workload runs now; empty while it must not run.
	// +optional
	PreferredDecision PlacementDecision `json:"preferredDecision,omitzero"`
	// decisions are the clusters on which the workload's objects may exist. Tools and people who deploy it follow
	// them: reason Run is where it has to run, reason Retain is where its objects are left alone as they are, and on a cluster
	// that is not listed its objects are removed. An empty list: it must run nowhere for now, as during a relocation.
	// While the field is absent the hub has not decided yet: leave alone whatever exists. An addition to Ramen's API.
	// +optional
	// +listType=atomic
	Decisions []ClusterDecision `json:"decisions,omitzero"`
	// waiting says what blocks the operation. An addition to Ramen's API.
	// +optional
	Waiting *Waiting `json:"waiting,omitempty"`
	// conditions: Available, PeerReady, Protected; Ready, Reconciling, Stalled for kstatus.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// resourceConditions repeats the conditions of the protecting VolumeReplicationGroup.
	// +optional
	ResourceConditions VRGConditions `json:"resourceConditions,omitzero"`
	// lastUpdateTime is when this status last changed.
	// +optional
	LastUpdateTime *metav1.Time `json:"lastUpdateTime,omitempty"`
	// lastGroupSyncTime is the moment that all volumes can be brought back to: the oldest of their last
	// synchronizations.
	// +optional
	LastGroupSyncTime *metav1.Time `json:"lastGroupSyncTime,omitempty"`
	// lastGroupSyncDuration is the longest duration of a volume's last synchronization.
	// +optional
	LastGroupSyncDuration *metav1.Duration `json:"lastGroupSyncDuration,omitempty"`
	// lastGroupSyncBytes is what the last synchronizations transferred, in bytes.
	// +optional
	LastGroupSyncBytes *int64 `json:"lastGroupSyncBytes,omitempty"`
	// lastKubeObjectProtectionTime is when the last capture of Kubernetes objects ended.
	// +optional
	LastKubeObjectProtectionTime *metav1.Time `json:"lastKubeObjectProtectionTime,omitempty"`
	// operations are the latest ones, the newest first. They are for people: the hub decides nothing by them, and they are lost
	// with it. An addition to Ramen's API.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	Operations []Operation `json:"operations,omitempty"`
}

// DRPlacementControl protects one application: its volumes are replicated between the two clusters of a DRPolicy, and
// it can be moved between them.
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=drpc
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Preferred",type=string,JSONPath=`.spec.preferredCluster`
// +kubebuilder:printcolumn:name="Failover",type=string,JSONPath=`.spec.failoverCluster`
// +kubebuilder:printcolumn:name="Action",type=string,JSONPath=`.spec.action`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Progression",type=string,JSONPath=`.status.progression`
// +kubebuilder:printcolumn:name="Running on",type=string,JSONPath=`.status.preferredDecision.clusterName`
// +kubebuilder:printcolumn:name="Peer ready",type=string,JSONPath=`.status.conditions[?(@.type=="PeerReady")].status`
// +kubebuilder:printcolumn:name="Protected",type=string,JSONPath=`.status.conditions[?(@.type=="Protected")].status`
// +kubebuilder:printcolumn:name="Last sync",type=date,JSONPath=`.status.lastGroupSyncTime`
// +kubebuilder:printcolumn:name="Waiting for",type=string,priority=1,JSONPath=`.status.waiting.message`
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || self.metadata.name.size() <= 63",optionalOldSelf=true,message="the name of a DRPlacementControl becomes the value of label ramendr.openshift.io/owner-name on the volumes: at most 63 characters"
type DRPlacementControl struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what the user asks for.
	// +required
	Spec DRPlacementControlSpec `json:"spec"`
	// status is what was found. Until the hub looked at the object for the first time it says that nothing was observed:
	// to tools an object without a status would look as one that is done, and whose workload is to run nowhere.
	// +optional
	// +kubebuilder:default:={"observedGeneration":-1}
	Status DRPlacementControlStatus `json:"status,omitzero"`
}

// DRPlacementControlList is a list of DRPlacementControl.
// +kubebuilder:object:root=true
type DRPlacementControlList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []DRPlacementControl `json:"items"`
}
