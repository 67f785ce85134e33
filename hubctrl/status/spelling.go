// SPDX-License-Identifier: Apache-2.0

package status

import (
	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

var phases = map[plan.Phase]v1alpha1.DRState{
	plan.WaitForUser: v1alpha1.WaitForUser,
	plan.Initiating:  v1alpha1.Initiating,
	plan.Deploying:   v1alpha1.Deploying,
	plan.Deployed:    v1alpha1.Deployed,
	plan.FailingOver: v1alpha1.FailingOver,
	plan.FailedOver:  v1alpha1.FailedOver,
	plan.Relocating:  v1alpha1.Relocating,
	plan.Relocated:   v1alpha1.Relocated,
	plan.Deleting:    v1alpha1.Deleting,
}

var progressions = map[plan.Progression]v1alpha1.ProgressionStatus{
	plan.Completed:             v1alpha1.ProgressionCompleted,
	plan.Paused:                v1alpha1.ProgressionPaused,
	plan.CheckingPrerequisites: v1alpha1.ProgressionCheckingFailoverPrerequisites,
	plan.ActivatingMaintenance: v1alpha1.ProgressionWaitForStorageMaintenance,
	plan.FailingOverToCluster:  v1alpha1.ProgressionFailingOverToCluster,
	plan.WaitingForRestore:     v1alpha1.ProgressionWaitingForResourceRestore,
	plan.WaitingForReadiness:   v1alpha1.ProgressionWaitForReadiness,
	plan.CleaningUp:            v1alpha1.ProgressionCleaningUp,
	plan.WaitOnUserToCleanUp:   v1alpha1.ProgressionWaitOnUserToCleanUp,
	plan.PreparingFinalSync:    v1alpha1.ProgressionPreparingFinalSync,
	plan.ClearingPlacement:     v1alpha1.ProgressionClearingPlacement,
	plan.RunningFinalSync:      v1alpha1.ProgressionRunningFinalSync,
	plan.EnsuringSecondary:     v1alpha1.ProgressionEnsuringVolumesAreSecondary,
	plan.Removing:              v1alpha1.ProgressionDeleting,
}

// PhaseOf is how the status spells a plan.
func PhaseOf(p plan.Plan) (v1alpha1.DRState, v1alpha1.ProgressionStatus) {
	return phases[p.Phase], progressions[p.Progression]
}

// awaited are the facts of waits as the status spells them.
var awaited = map[plan.Fact]string{
	plan.LinkIsLive: "LinkLive", plan.InboxComplete: "InboxComplete", plan.Answer: "Answer", plan.BeingPrimary: "Primary", plan.BeingProtected: "Protected",
	plan.BeingSecondary: "Secondary", plan.BeingPlaced: "DestinationsReady", plan.BeingCopied: factCopied, plan.BeingRestored: "KubeObjectsReady", plan.BeingPrepared: "FinalSyncPrepared", plan.BeingSynced: "FinalSyncComplete",
	plan.WorkloadGone: factWorkloadGone, plan.ObjectGone: "ObjectGone", plan.PolicyValid: "PolicyValid", plan.StorageReady: "StorageReady",
	plan.TargetNamed: "TargetNamed", plan.ConflictSolved: "ConflictSolved", plan.ForeignRemoved: "ForeignObject", plan.HomeNamed: "HomeNamed",
	plan.PrimaryFound: "PrimaryFound", plan.VolumesLost: "VolumesLost", plan.SpecConfirmed: "SpecConfirmed", plan.HomeAgreed: "WorkloadElsewhere",
	plan.ConflictFree: factConflict, plan.ProtectionEnded: "ProtectionEnded", plan.LossAccepted: "DataLossAccepted",
}

// FactOf is how the status spells what a plan waits for; empty: nothing.
func FactOf(w plan.Wait) string { return awaited[w.Fact] }

// factWorkloadGone is the word for the wait that ends when the workload was removed.
const factWorkloadGone = "WorkloadGone"

// factInterrupted is the word for the wait that ends when a group that somebody else than the hub deletes is back.
const factInterrupted = "Interrupted"

const (
	factElsewhere = "WorkloadElsewhere"
	factConflict  = "NoClusterDataConflict"
	factLoss      = "DataLossAccepted"
	factPlaces    = "DestinationsReady"
	factCopied    = "VolumesReplicated"

	continues = "the operation continues automatically"
)
