// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Finalizers, labels and annotations that users, storage drivers and other tools see. Their spelling is Ramen's.
const (
	// DRPCFinalizer holds a DRPlacementControl until both clusters are known to be free of its VolumeReplicationGroup.
	DRPCFinalizer = "drpc.ramendr.openshift.io/finalizer"
	// DRPolicyFinalizer holds a DRPolicy while a DRPlacementControl refers to it.
	DRPolicyFinalizer = "drpolicies.ramendr.openshift.io/ramen"
	// DRClusterFinalizer holds a DRCluster while a DRPolicy lists it.
	DRClusterFinalizer = "drclusters.ramendr.openshift.io/ramen"
	// VRGFinalizer holds a VolumeReplicationGroup on its cluster until its volumes are released.
	VRGFinalizer = "volumereplicationgroups.ramendr.openshift.io/vrg-protection"
	// PVCVolRepFinalizer holds a PVC that VolumeReplication protects.
	PVCVolRepFinalizer = "volumereplicationgroups.ramendr.openshift.io/pvc-vr-protection"
	// PVCVolSyncFinalizer holds a PVC that VolSync protects.
	PVCVolSyncFinalizer = "volumereplicationgroups.ramendr.openshift.io/pvc-volsync-protection"

	// LabelOwnerNamespace and LabelOwnerName say which VolumeReplicationGroup protects a PVC.
	LabelOwnerNamespace = "ramendr.openshift.io/owner-namespace-name"
	// LabelOwnerName is the name that goes with LabelOwnerNamespace.
	LabelOwnerName = "ramendr.openshift.io/owner-name"
	// LabelCreatedByRamen marks objects made by the controllers.
	LabelCreatedByRamen = "ramendr.openshift.io/created-by-ramen"

	// LabelStorageID on a class names the storage instance behind it.
	LabelStorageID = "ramendr.openshift.io/storageid"
	// LabelReplicationID on a VolumeReplicationClass (and StorageClass) names the pairing of two storage instances.
	LabelReplicationID = "ramendr.openshift.io/replicationid"
	// LabelGroupReplicationID is LabelReplicationID for groups of volumes.
	LabelGroupReplicationID = "ramendr.openshift.io/groupreplicationid"
	// LabelMaintenanceModes lists, separated by commas, the maintenance modes that a class needs.
	LabelMaintenanceModes = "ramendr.openshift.io/maintenancemodes"
	// LabelReplicationSession says "true" on a VolumeReplicationClass whose storage keeps a session between the two volumes, as many
	// arrays do. After a promotion by force it replicates again only when the promoted side is asked to resynchronize, which keeps
	// what that side has; and it lets go of a secondary only after the primary. Only the vendor of a driver can say this: another
	// one may take that request as the order to replace what the promoted side has.
	LabelReplicationSession = "ramendr.openshift.io/replication-session"
	// LabelOffloaded marks a StorageClass whose replication is driven by the storage itself.
	LabelOffloaded = "ramendr.openshift.io/offloaded"
	// LabelGlobal marks a VolumeGroupReplicationClass whose groups span applications.
	LabelGlobal = "ramendr.openshift.io/global"

	// AnnotationVRProtected says "protected" on a PVC whose protection is complete.
	AnnotationVRProtected = "volumereplicationgroups.ramendr.openshift.io/vr-protected"
	// AnnotationVRReleased says "demoted" on a PVC whose volume was demoted on this cluster for good: what was written here is on
	// the peer, or was given up by a failover.
	AnnotationVRReleased = "volumereplicationgroups.ramendr.openshift.io/vr-released"
	// AnnotationPeerHandle on a PersistentVolume is the handle of its volume on the peer, where the storage gives the two different ones. It is
	// Ramen's.
	AnnotationPeerHandle = "ramendr.openshift.io/destination-volume-handle"
	// AnnotationPeerHandleSaid on a PersistentVolume identifies what AnnotationPeerHandle was learned from: the UID of the
	// VolumeReplication, and generation and time of its condition.
	AnnotationPeerHandleSaid = "volumereplicationgroups.ramendr.openshift.io/peer-handle-said"
	// AnnotationVRReprotected on a VolumeReplication holds the epoch of the term as Primary in which its storage was asked to
	// protect the volume again, after a promotion by force.
	AnnotationVRReprotected = "volumereplicationgroups.ramendr.openshift.io/vr-reprotected"
	// AnnotationVRArchived holds a digest of what was stored for a PVC or PV.
	AnnotationVRArchived = "volumereplicationgroups.ramendr.openshift.io/vr-archived"
	// AnnotationVRRetained marks a PV whose reclaim policy was set to Retain; its value is the original policy.
	AnnotationVRRetained = "volumereplicationgroups.ramendr.openshift.io/vr-retained"
	// AnnotationRestored says "True" on a PV or PVC that was restored from the object store.
	AnnotationRestored = "volumereplicationgroups.ramendr.openshift.io/ramen-restore"

	// DRPCAnnotationPrefix starts the annotations that the hub passes to the clusters.
	DRPCAnnotationPrefix = "drplacementcontrol.ramendr.openshift.io/"
	// AnnotationDestinationCluster names the cluster that a VolumeReplicationGroup is meant for.
	AnnotationDestinationCluster = DRPCAnnotationPrefix + "destination-cluster"
	// AnnotationPeerServes says "true" on a Secondary whose peer has taken over: it is Primary, and its volumes are ready.
	AnnotationPeerServes = DRPCAnnotationPrefix + "peer-serves"
	// AnnotationNamespaceRanges holds, as JSON by namespace and annotation, the users, groups and SELinux levels that OpenShift lets the
	// application's namespaces use at its home, if its DRPlacementControl asks that they are kept.
	AnnotationNamespaceRanges = DRPCAnnotationPrefix + "namespace-ranges"
	// AnnotationSigners says that what the clusters store of the group is signed, and holds the public keys that they sign with,
	// separated by commas.
	AnnotationSigners = DRPCAnnotationPrefix + "signers"
	// AnnotationClusterKeys holds the public keys that the two clusters of the group sign with, separated by commas, from before
	// anything of it is stored: what somebody else has signed is another application's.
	AnnotationClusterKeys = DRPCAnnotationPrefix + "cluster-keys"
	// AnnotationDRPCUID holds the UID of the DRPlacementControl behind a VolumeReplicationGroup.
	AnnotationDRPCUID = DRPCAnnotationPrefix + "drpc-uid"
	// AnnotationAppNamespace on a DRPlacementControl names the namespace of the application, if it is another one.
	AnnotationAppNamespace = DRPCAnnotationPrefix + "app-namespace"
	// AnnotationAdoptFrom on a DRPlacementControl names another one, <namespace>/<name>, that its groups on the clusters were
	// made for: a new hub may take them over.
	AnnotationAdoptFrom = "ramendr.openshift.io/adopt-from"
	// AnnotationAbandonCluster on a DRPlacementControl names lost clusters to give up, separated by commas.
	AnnotationAbandonCluster = "ramendr.openshift.io/abandon-cluster"
	// AnnotationAbandonStore on a DRCluster names S3 profiles whose object stores are lost for good, separated by commas. No
	// cluster asks them for anything as long as one DRCluster names them.
	AnnotationAbandonStore = "ramendr.openshift.io/abandon-store"
	// AnnotationAcceptCluster on a DRCluster holds the identity of the cluster that may use its name: the UID of the namespace
	// kube-system there. It lets a cluster that replaced the recorded one in. Set before the first connection, it lets no
	// other one in.
	AnnotationAcceptCluster = "ramendr.openshift.io/accept-cluster"
	// AnnotationAcceptNamespaces on a DRCluster, with value true, lets the hub use an outbox and inbox that are older than the
	// DRCluster: an earlier one of that name left them.
	AnnotationAcceptNamespaces = "ramendr.openshift.io/accept-namespaces"
	// AnnotationAcceptLoss on a DRPlacementControl accepts losses, separated by commas, each as <loss>/<cluster>/<id>, as the
	// next step in the status has it. With any other value it says nothing. The losses are:
	//   - failover/<cluster>/<metadata.generation>.<metadata.uid>: what the failover to the cluster does not find there
	//   - replaced/<cluster>/<identity of the cluster, or UID of the VolumeReplicationGroup>: what was on the cluster before it, or
	//     the group there, was replaced; the copies on the other cluster follow what is there now
	//   - selection/<cluster>/<metadata.uid>: the protection of volumes that a DRPlacementControl that was created again does
	//     not select
	AnnotationAcceptLoss = "ramendr.openshift.io/accept-loss"
	// AnnotationFailoverWave on a DRPlacementControl holds a whole number: if all applications of a cluster fail over, those with
	// a lower number begin earlier. Without it, or with anything else, it is 0. The hub does not read it.
	AnnotationFailoverWave = "ramendr.openshift.io/failover-wave"
	// AnnotationSiteFailover on a DRPlacementControl names the run of a site failover that has begun it. It is written together
	// with the action, so that no run begins an application twice. The hub does not read it.
	AnnotationSiteFailover = "ramendr.openshift.io/site-failover"
	// AnnotationRequest on a DRPlacementControl says who asked for what its spec asks for, and why: a JSON object with generation,
	// by and reason. It is written together with the spec, and counts only while generation is that of the object. The hub repeats it
	// in status.operations, and decides nothing by it.
	AnnotationRequest = "ramendr.openshift.io/request"
)
