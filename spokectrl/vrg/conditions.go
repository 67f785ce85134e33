// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/internal/outcome"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
	"github.com/ramendr/ramen-direct/spokectrl/volumes"
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

func (s pass) conditions() []metav1.Condition {
	return []metav1.Condition{
		condition(v1alpha1.VRGDataReady, s.dataReady()),
		condition(v1alpha1.VRGDataProtected, s.dataProtected()),
		condition(v1alpha1.VRGClusterDataReady, s.clusterDataReady()),
		condition(v1alpha1.VRGClusterDataProtected, s.clusterDataProtected()),
		condition(v1alpha1.VRGNoClusterDataConflict, s.noConflict()),
		condition(v1alpha1.VRGInUse, s.inUse()),
	}
}

func condition(kind string, f provider.Finding) metav1.Condition {
	return metav1.Condition{Type: kind, Status: f.Status, Reason: f.Reason, Message: bounded.Text(f.Message, bounded.Message)}
}

func yes(reason, message string) provider.Finding {
	return provider.Finding{Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

func no(reason, message string) provider.Finding {
	return provider.Finding{Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

func refusedReason(err error) bool {
	var r *outcome.Refused
	return errors.As(err, &r)
}

// dataReady reports whether the group has the role that it was told. What blocks is named, errors first.
func (s pass) dataReady() provider.Finding {
	if s.done.group != nil {
		return no(provider.ReasonError, s.done.group.Error())
	}
	if s.severed != nil {
		return no(reasonInterrupted, s.severed.Error())
	}
	if s.group.Ending {
		return s.ending()
	}
	if s.group.Pruned {
		return no(reasonInterrupted, messagePruned)
	}
	worst, blocked := s.worst(func(i int) provider.Finding { return s.ready(i) })
	switch {
	case blocked:
		return worst
	case s.group.Role == plan.Primary && !s.restored():
		return no(provider.ReasonProgressing, "the restore of the stored metadata comes first")
	case !slices.ContainsFunc(s.indexes(), s.listed):
		return yes(reasonUnused, messageNothingToProtect)
	case s.group.Role == plan.Primary:
		return yes(provider.ReasonReady, "all volumes are primary"+s.held()+s.ceded())
	default:
		return yes(provider.ReasonReplicating, "all volumes are secondary"+s.sessions())
	}
}

func (s pass) ending() provider.Finding {
	worst, blocked := s.worst(func(i int) provider.Finding { return s.ready(i) })
	switch {
	case s.group.Interrupted:
		return no(reasonInterrupted, messageInterrupted)
	case blocked:
		return worst
	case s.done.stores.Err() != nil:
		return no(provider.ReasonProgressing, "the group is being deleted and its metadata must be removed from the object stores first: "+s.done.stores.Err().Error()+
			lostStores(s.done.stores))
	default:
		return no(provider.ReasonProgressing, "the group is being deleted")
	}
}

// held names the claims that stay though their users delete them, or select them no more; empty if there are none.
func (s pass) held() string {
	var names []string
	for i, v := range s.plan.Verdicts {
		if v.Why == plan.WhyLeaving && v.Phase == plan.AtPrimary && !s.group.FinalSync && !s.group.Unprotect {
			names = append(names, s.title(i))
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("; these claims are deleted or not selected any more, and stay protected because volumeUnprotectionEnabled is false in ConfigMap %s of this cluster: %s. "+
		"To release them, set it to true", ramenconfig.SpokeConfigMap, bounded.List(names, ", "))
}

// ceded names the claims that the group would select, and that have no volume of their own; empty if there are none.
func (s pass) ceded() string {
	var names []string
	for i, v := range s.volumes {
		if v.item.Selected && s.group.Volumes[i].Ceded {
			names = append(names, fmt.Sprintf("%s (%s)", s.title(i), v.item.Unbound()))
		}
	}
	if names == nil {
		return ""
	}
	return "; these claims are left out, since their volumes belong to other claims: " + bounded.List(names, ", ") + ". Delete them when nothing needs them"
}

// sessions names the claims of a secondary that are being deleted, and that their storage holds; empty if there are none.
func (s pass) sessions() string {
	var names []string
	for i, v := range s.plan.Verdicts {
		if v.Why == plan.WhySession {
			names = append(names, s.title(i))
		}
	}
	if names == nil {
		return ""
	}
	return "; these claims are being deleted, and stay until the protection ends or the application moves back, since their storage lets go of a secondary only after the primary: " +
		bounded.List(names, ", ")
}

// title names a volume for users.
func (s pass) title(i int) string { return s.volumes[i].item.Title(s.vrg.Namespace) }

func title(p v1alpha1.ProtectedPVC, namespace string) string {
	return (&volumes.Item{Namespace: p.Namespace, Name: p.Name}).Title(namespace)
}

// worst folds the findings of all listed volumes: errors before unknowns before progress. blocked is false if all are
// True.
func (s pass) worst(of func(int) provider.Finding) (worst provider.Finding, blocked bool) {
	rank := func(f provider.Finding) int {
		switch {
		case f.Status == metav1.ConditionTrue:
			return 0
		case f.Reason == provider.ReasonProgressing, f.Reason == provider.ReasonReplicating:
			return 1
		case f.Status == metav1.ConditionUnknown:
			return 2
		default:
			return 3
		}
	}
	top := 0
	var messages []string
	for _, i := range s.indexes() {
		if !s.listed(i) {
			continue
		}
		f := of(i)
		switch k := rank(f); {
		case k == 0 || k < top:
		case k > top:
			top, messages = k, []string{s.named(i, f.Message)}
			worst = f
		default:
			messages = append(messages, s.named(i, f.Message))
		}
	}
	if top == 3 {
		worst.Reason = provider.ReasonError
	}
	worst.Message = bounded.Messages(messages)
	return worst, top > 0
}

func (s pass) named(i int, message string) string {
	if title := s.title(i); !strings.Contains(message, title) {
		return "claim " + title + ": " + message
	}
	return message
}

func (s pass) indexes() []int {
	out := make([]int, len(s.volumes))
	for i := range out {
		out[i] = i
	}
	return out
}

func (s pass) dataProtected() provider.Finding {
	worst, blocked := s.worst(func(i int) provider.Finding { return s.protected(i) })
	switch {
	case s.severed != nil:
		return no(reasonInterrupted, s.severed.Error())
	case s.group.Role == plan.Secondary && s.vrg.Spec.Action == v1alpha1.VRGActionRelocate && s.unprotected() != "":
		return no(provider.ReasonError, s.unprotected())
	case blocked:
		return worst
	case s.group.Role == plan.Secondary && s.notReceived() != "":
		return no(provider.ReasonError, s.notReceived())
	case s.group.Role == plan.Primary && !s.restored():
		return no(provider.ReasonProgressing, "the restore of the stored metadata comes first")
	case !slices.ContainsFunc(s.indexes(), s.listed):
		return yes(reasonUnused, messageNothingToProtect)
	default:
		return yes(provider.ReasonDataProtected, "all volumes are in sync with the peer")
	}
}

// notReceived names the volumes that a secondary can't receive, and why; empty if there are none.
func (s pass) notReceived() string {
	var messages []string
	for i, c := range s.copies {
		switch err := s.done.copies[i]; {
		case !c.Wanted:
		case c.Refusal != nil:
			messages = append(messages, fmt.Sprintf("claim %s can't be received: %s", title(c.Volume, s.vrg.Namespace), c.Refusal.Message))
		case err != nil:
			messages = append(messages, fmt.Sprintf("claim %s can't be received: %v", title(c.Volume, s.vrg.Namespace), err))
		case c.Trouble != "":
			messages = append(messages, fmt.Sprintf("claim %s is not received: %s", title(c.Volume, s.vrg.Namespace), c.Trouble))
		}
	}
	return bounded.Messages(messages)
}

// restored reports whether the gate before everything that a primary does is open.
func (s pass) restored() bool {
	return s.away() || s.group.Restore == plan.RestoreDone || s.group.Restore == plan.RestoreComplete
}

// away says that the application was told to leave, and everything that it takes along was here before.
func (s pass) away() bool {
	return s.group.FinalSync && (s.group.SentAway || slices.Contains(s.plan.Steps, plan.Step{Kind: plan.SendAway, Volume: plan.GroupStep}))
}

// leaving names the claims that are being deleted; empty if there are none. While their application moves away nothing is
// done to them: if it stays after all they come back from the stores, and copies that someone made before would be in the way.
func (s pass) leaving() string {
	var names []string
	for i, v := range s.group.Volumes {
		if v.Leaving() {
			names = append(names, s.title(i))
		}
	}
	if names == nil {
		return ""
	}
	return "claims are being deleted while the application moves away: " + bounded.Messages(names)
}

func (s pass) clusterDataReady() provider.Finding {
	switch {
	case s.group.Role == plan.Secondary || s.group.Ending:
		return yes(reasonUnused, "nothing to restore in this role")
	case s.group.Pruned:
		return no(reasonInterrupted, messagePruned)
	case s.away() && s.leaving() != "":
		return no(provider.ReasonProgressing, s.leaving())
	case s.away(), s.group.Restore == plan.RestoreDone:
		return yes(reasonRestored, "restored")
	case s.done.group != nil:
		return no(provider.ReasonError, s.done.group.Error())
	case s.group.Restore == plan.RestoreComplete:
		return yes(reasonRestored, s.restore.message)
	case s.group.Restore == plan.RestoreMissing:
		return no(provider.ReasonProgressing, s.restore.message)
	default:
		return no(provider.ReasonError, s.restore.message)
	}
}

func (s pass) clusterDataProtected() provider.Finding {
	switch {
	case s.group.Role == plan.Secondary || s.group.Ending:
		return yes(reasonUnused, "nothing to store in this role")
	case s.forlorn():
		return no(reasonUploadError, s.messageForlorn())
	case len(s.profiles()) == 0:
		return no(reasonUploadError, "spec.s3Profiles names no store: add one to the policy's clusters")
	case s.done.stores.Err() != nil:
		return no(reasonUploadError, s.done.stores.Err().Error()+lostStores(s.done.stores))
	case s.group.Archived, s.done.stores != nil:
		return yes(reasonUploaded, fmt.Sprintf("stored in %s", strings.Join(s.profiles(), ", "))+s.givenUp())
	case !s.restored():
		return no(reasonUploading, "the restore of the stored metadata comes first")
	default:
		return no(reasonUploading, "not stored yet")
	}
}

func (s pass) noConflict() provider.Finding {
	switch {
	case s.group.Role == plan.Primary && s.group.Restore == plan.RestoreConflict:
		return no(cmp.Or(s.restore.reason, reasonConflictPrimary), s.restore.message)
	case s.group.Role == plan.Secondary && s.unprotected() != "":
		return no(reasonConflictSecondary, s.unprotected())
	default:
		return yes(reasonNoConflict, "no conflict")
	}
}

// unprotected names the claims of a secondary that were never replicated from here; empty if there are none.
func (s pass) unprotected() string {
	var names []string
	for i, v := range s.plan.Verdicts {
		if v.Why == plan.WhyUnprotected {
			names = append(names, s.title(i))
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("the group is secondary, but here are claims of it that were never replicated: %s. They may be the only copy of their data: to keep them out of the group, change their labels so that spec.pvcSelector does not match them", bounded.List(names, ", "))
}

func (s pass) inUse() provider.Finding {
	var busy, unknown []string
	for i, v := range s.group.Volumes {
		switch v.Use {
		case plan.UseBusy:
			busy = append(busy, s.named(i, s.volumes[i].use))
		case plan.UseUnknown:
			unknown = append(unknown, s.named(i, s.volumes[i].use))
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
