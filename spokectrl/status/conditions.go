// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// Reasons of the conditions of a group, besides those of volumes.
const (
	reasonUnused            = "Unused"
	reasonRestored          = "Restored"
	reasonSource            = "SourceInitialized"
	reasonUploaded          = "Uploaded"
	reasonUploading         = "Uploading"
	reasonUploadError       = "UploadError"
	reasonNoConflict        = "NoConflictDetected"
	reasonConflictPrimary   = "ClusterDataConflictPrimary"
	reasonConflictSecondary = "ClusterDataConflictSecondary"
	reasonPodsRunning       = "PodsRunning"
	reasonNotInUse          = "NotInUse"
	reasonNotKnown          = "NotKnown"
	messageNothingToProtect = "no claim is selected"
)

func (s Pass) conditions() []metav1.Condition {
	return []metav1.Condition{
		condition(v1alpha1.VRGDataReady, s.DataReady()),
		condition(v1alpha1.VRGDataProtected, s.dataProtected()),
		condition(v1alpha1.VRGClusterDataReady, s.clusterDataReady()),
		condition(v1alpha1.VRGClusterDataProtected, s.clusterDataProtected()),
		condition(v1alpha1.VRGNoClusterDataConflict, s.noConflict()),
		condition(v1alpha1.VRGInUse, s.inUse()),
	}
}

// DataReady reports whether the group has the role that it was told. What blocks is named, errors first.
func (s Pass) DataReady() provider.Finding {
	if s.Done.Group != nil {
		return no(provider.ReasonError, s.Done.Group.Error())
	}
	if s.Severed != nil {
		return no(ReasonInterrupted, s.Severed.Error())
	}
	if s.Facts.Ending {
		return s.ending()
	}
	if s.Facts.Pruned && (s.Facts.Role != plan.Secondary || !s.secondary()) {
		return no(ReasonInterrupted, messagePruned)
	}
	if f, is := s.stranded(); is {
		return f
	}
	worst, blocked := s.worst(volume.ready)
	switch {
	case blocked:
		return worst
	case s.Facts.Role == plan.Primary && !s.restored():
		return no(provider.ReasonProgressing, "the restore of the stored metadata comes first")
	case len(s.volumes()) == 0:
		return yes(reasonUnused, messageNothingToProtect)
	case s.Facts.Role == plan.Primary:
		return yes(provider.ReasonReady, "all volumes are primary"+held(s)+ceded(s)+ephemeral(s)+ungrouped(s))
	default:
		return yes(provider.ReasonReplicating, "all volumes are secondary"+sessions(s))
	}
}

// secondary reports whether everything was demoted for good. A claim that still waits for the peer does not matter here.
func (s Pass) secondary() bool {
	return s.Done.Group == nil && !s.Facts.Ending && s.Severed == nil && !s.Stranded() && !slices.ContainsFunc(s.volumes(), func(v volume) bool { return !v.released() })
}

func (s Pass) ending() provider.Finding {
	worst, blocked := s.worst(volume.ready)
	switch {
	case s.Facts.Interrupted:
		return no(ReasonInterrupted, MessageInterrupted)
	case blocked:
		return worst
	case s.Done.Stores.Err() != nil:
		return no(provider.ReasonProgressing, "the group is being deleted and its metadata must be removed from the object stores first: "+s.Done.Stores.Err().Error()+
			lostStores(s.Done.Stores))
	default:
		return no(provider.ReasonProgressing, "the group is being deleted")
	}
}

// worst folds the findings of all listed volumes: errors before unknowns before progress. blocked is false if all are
// True.
func (s Pass) worst(of func(volume) provider.Finding) (worst provider.Finding, blocked bool) {
	rank := func(f provider.Finding) int {
		switch {
		case f.Status == metav1.ConditionTrue:
			return 0
		case f.Reason == provider.ReasonProgressing, f.Reason == provider.ReasonReplicating:
			return 1
		case f.Reason == exchange.ReasonNotReplicated:
			return 2
		case f.Status == metav1.ConditionUnknown:
			return 3
		default:
			return 4
		}
	}
	top := 0
	var messages []string
	for _, v := range s.volumes() {
		f := of(v)
		switch k := rank(f); {
		case k == 0 || k < top:
		case k > top:
			top, messages = k, []string{v.named(f.Message)}
			worst = f
		default:
			messages = append(messages, v.named(f.Message))
		}
	}
	if top == 4 {
		worst.Reason = provider.ReasonError
	}
	worst.Message = bounded.Messages(messages)
	return worst, top > 0
}

func (s Pass) dataProtected() provider.Finding {
	worst, blocked := s.worst(volume.protected)
	stranded, left := s.stranded()
	switch {
	case s.Severed != nil:
		return no(ReasonInterrupted, s.Severed.Error())
	case s.Facts.Pruned && s.Facts.Role == plan.Primary:
		return no(ReasonInterrupted, messagePruned)
	case left:
		return stranded
	case s.Facts.Role == plan.Secondary && s.VRG.Spec.Action == v1alpha1.VRGActionRelocate && unprotected(s) != "":
		return no(provider.ReasonError, unprotected(s))
	case blocked && s.handsOver():
		return no(exchange.ReasonHandingOver, worst.Message)
	case blocked:
		return worst
	case s.Facts.Role == plan.Secondary && notReceived(s) != "":
		return no(provider.ReasonError, notReceived(s))
	case s.Facts.Role == plan.Primary && !s.restored():
		return no(provider.ReasonProgressing, "the restore of the stored metadata comes first")
	case len(s.volumes()) == 0:
		return yes(reasonUnused, messageNothingToProtect)
	default:
		return yes(provider.ReasonDataProtected, "all volumes are in sync with the peer")
	}
}

func (s Pass) clusterDataReady() provider.Finding {
	switch {
	case s.Facts.Role == plan.Secondary || s.Facts.Ending:
		return yes(reasonUnused, "nothing to restore in this role")
	case s.Facts.Pruned:
		return no(ReasonInterrupted, messagePruned)
	case s.away() && leaving(s) != "":
		return no(provider.ReasonProgressing, leaving(s))
	case s.away(), s.Facts.Restore == plan.RestoreDone:
		return yes(reasonRestored, "restored")
	case s.Done.Group != nil:
		return no(provider.ReasonError, s.Done.Group.Error())
	case s.Facts.Restore == plan.RestoreComplete:
		return yes(reasonRestored, s.Restore.Message)
	case s.Facts.Restore == plan.RestoreMissing:
		return no(provider.ReasonProgressing, s.Restore.Message)
	default:
		return no(provider.ReasonError, s.Restore.Message)
	}
}

func (s Pass) noConflict() provider.Finding {
	switch {
	case s.Facts.Role == plan.Primary && s.Facts.Restore == plan.RestoreConflict:
		return no(cmp.Or(s.Restore.Reason, reasonConflictPrimary), s.Restore.Message)
	case s.Facts.Role == plan.Secondary && unprotected(s) != "":
		return no(reasonConflictSecondary, unprotected(s))
	default:
		return yes(reasonNoConflict, "no conflict")
	}
}

func (s Pass) inUse() provider.Finding {
	var busy, unknown []string
	for i, v := range s.Facts.Volumes {
		switch v.Use {
		case plan.UseBusy:
			busy = append(busy, s.volume(i).named(s.Volumes[i].Use))
		case plan.UseUnknown:
			unknown = append(unknown, s.volume(i).named(s.Volumes[i].Use))
		case plan.UseFree:
		}
	}
	switch {
	case busy != nil:
		return yes(reasonPodsRunning, bounded.Messages(busy))
	case unknown != nil:
		return provider.Finding{Status: metav1.ConditionUnknown, Reason: reasonNotKnown, Message: bounded.Messages(unknown)}
	default:
		return no(reasonNotInUse, "no Pod uses a volume of the group")
	}
}

// ReasonInterrupted : somebody else than the hub deletes the group, or deleted it in the middle of its demotion.
const (
	ReasonInterrupted  = exchange.ReasonInterrupted
	MessageInterrupted = "this VolumeReplicationGroup is being deleted, perhaps with its namespace, and the hub did not ask for it: the volumes stay retained, and their " +
		"replicas and stored metadata stay as they are. The group is re-created, restores its claims and continues automatically, as soon as the namespace can be used. " +
		"To end the protection, delete the DRPlacementControl on the hub"
	messagePruned = "a namespace of the application is being deleted: its volumes stay retained, and the stored metadata stays as it is. The claims are restored as soon as the " +
		"namespace can be used. To end the protection, delete the DRPlacementControl on the hub"
)
