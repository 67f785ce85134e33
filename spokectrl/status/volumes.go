// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// volume is one volume of the group, after a pass.
type volume struct {
	*Pass
	index int
}

func (s Pass) volume(i int) volume { return volume{&s, i} }

// volumes are those of the group that are listed.
func (s Pass) volumes() []volume {
	var out []volume
	for i := range s.Volumes {
		if v := (volume{&s, i}); v.listed() {
			out = append(out, v)
		}
	}
	return out
}

// title names the volume for users.
func (s volume) title() string { return s.Volumes[s.index].Item.Title(s.VRG.Namespace) }

// named is a message that names the volume.
func (s volume) named(message string) string {
	if title := s.title(); !strings.Contains(message, title) {
		return "claim " + title + ": " + message
	}
	return message
}

// listed reports whether a volume is among the protected ones: all that a primary should protect, and on a secondary
// those that are not released yet.
func (s volume) listed() bool {
	v, verdict := s.Facts.Volumes[s.index], s.Plan.Verdicts[s.index]
	if s.Facts.Role == plan.Primary && !s.Facts.Ending {
		return v.Selected || verdict.State != plan.Gone
	}
	held := v.Replica != plan.ReplicaAbsent && v.Replica != plan.ReplicaForeign
	return !v.Foreign && (held || v.Marks != plan.MarksNone || verdict.Why == plan.WhyUse) && verdict.Why != plan.WhyUnprotected
}

// protectedPVC describes one volume.
func (s volume) protectedPVC(was *v1alpha1.VolumeReplicationGroup, now time.Time) v1alpha1.ProtectedPVC {
	v := s.Volumes[s.index]
	out := v1alpha1.ProtectedPVC{
		Namespace: v.Item.Namespace, Name: v.Item.Name,
		CSIProvisioner: v.View.Driver(), StorageID: v.State.StorageID, ReplicationID: v.State.ReplicationID,
	}
	if c := v.Item.Claim; c != nil {
		out.StorageClassName = c.Spec.StorageClassName
		out.Labels = capsule.PortableLabels(c.Labels)
		out.AccessModes = c.Spec.AccessModes
		out.Resources = c.Spec.Resources
		out.VolumeMode = c.Spec.VolumeMode
		if v.State.Copied {
			out.Capacity = outgrown(c)
			out.Annotations = capsule.PortableAnnotations(c.Annotations)
		}
	}
	out.ProtectedByVolSync = v.State.Copied
	if s.Facts.Role == plan.Primary {
		out.LastSyncTime, out.LastSyncBytes = v.State.LastSyncTime, v.State.LastSyncBytes
		if d := v.State.LastSyncDuration; d != nil {
			out.LastSyncDuration = &metav1.Duration{Duration: *d}
		}
	}
	var old []metav1.Condition
	for _, p := range was.Status.ProtectedPVCs {
		if p.Namespace == out.Namespace && p.Name == out.Name {
			old = p.Conditions
		}
	}
	conditions := []metav1.Condition{condition(v1alpha1.VRGDataReady, s.ready()), condition(v1alpha1.VRGDataProtected, s.protected())}
	if s.Facts.Role == plan.Primary && !v.State.Copied { // the wish of the peer describes one that is copied
		conditions = append(conditions, condition(v1alpha1.VRGClusterDataProtected, s.stored()))
	}
	if s.Facts.Role == plan.Primary && v.State.Copied {
		conditions = append(conditions, condition(v1alpha1.PVCReplicationSourceSetup, s.sent()))
		if c := v.Item.Claim; c != nil && capsule.Restored(c) {
			conditions = append(conditions, condition(v1alpha1.PVCPVsRestored, s.received()))
		}
	}
	out.Conditions = merged(old, conditions, was.Generation, now)
	return out
}

// ready is the state of a volume: what was just tried, what the plan waits for, what the technique says.
func (s volume) ready() provider.Finding {
	if err := s.Done.Volumes[s.index]; err != nil {
		return no(provider.ReasonError, err.Error())
	}
	v := s.Volumes[s.index]
	if f, blocked := s.blocked(); blocked {
		return f
	}
	switch verdict := s.Plan.Verdicts[s.index]; verdict.State {
	case plan.Gone:
		return yes(provider.ReasonReady, "released")
	case plan.AtSecondary:
		switch verdict.Why { //nolint:exhaustive // the others make no difference
		case plan.WhyTakeover:
			return no(provider.ReasonProgressing, "the claim is being deleted, and goes when the peer has taken over: until then the volume can be promoted again here")
		case plan.WhyUnsure:
			return no(provider.ReasonProgressing, messageUnsure+v.State.Ready.Message)
		case plan.WhySession:
			if v.State.Unclassed != "" {
				return no(provider.ReasonProgressing, "the volume is secondary. Its claim is being deleted, and goes with its replica; "+v.State.Unclassed)
			}
			return yes(provider.ReasonReplicated, messageSession)
		case plan.WhyFollowing:
			return yes(provider.ReasonReplicated, "the volume is secondary, and the storage synchronizes it with the peer")
		}
		return yes(provider.ReasonReplicated, "the volume is secondary and in sync")
	case plan.Discovered, plan.Protecting, plan.Releasing, plan.Demoting, plan.AtPrimary:
	}
	if s.told() || v.State.Ready.Status == "" {
		return no(provider.ReasonProgressing, "the role of the volume was just set on the storage")
	}
	return v.State.Ready
}

// told reports whether this very pass told the replica something: what it says answers an older wish.
func (s volume) told() bool {
	if s.Volumes[s.index].State.Copied {
		return false // its storage has no role
	}
	for _, step := range s.Plan.Writes {
		if step.Volume == s.index && (step.Kind == plan.Promote || step.Kind == plan.Demote) {
			return true
		}
	}
	return false
}

// blocked says what a volume waits for, if it is not its replica.
func (s volume) blocked() (provider.Finding, bool) {
	v := s.Volumes[s.index]
	switch verdict := s.Plan.Verdicts[s.index]; verdict.Why {
	case plan.WhyUnbound:
		return no(provider.ReasonProgressing, v.Item.Unbound()), true
	case plan.WhyIdle:
		return yes(provider.ReasonReady, messageIdle), true
	case plan.WhyUnable:
		return no(v.State.Refusal.Reason, v.State.Refusal.Message), true
	case plan.WhyForeign:
		return no(provider.ReasonError, s.foreign()), true
	case plan.WhyRestore:
		return no(provider.ReasonProgressing, "the restore of the stored metadata comes first"), true
	case plan.WhyUse:
		return no(provider.ReasonProgressing, v.Use+": stop it"), true
	case plan.WhyUnread:
		return provider.Finding{Status: metav1.ConditionUnknown, Reason: provider.ReasonUnknownError, Message: v.Err.Error()}, true
	case plan.WhyClaimLost:
		return no(provider.ReasonError, "the claim is gone while its volume is primary: re-create the claim, bound to its PersistentVolume, which is retained"), true
	case plan.WhyVolumeLost:
		return no(provider.ReasonError, s.volumeLost()), true
	case plan.WhyInterrupted:
		return no(ReasonInterrupted, MessageInterrupted), true
	case plan.WhyUnprotected:
		return no(provider.ReasonError, "the claim was never replicated from here"), true
	case plan.WhyUnsent:
		return no(provider.ReasonError, fmt.Sprintf("the %s of the volume was deleted before the peer was known to have all that was written: move the application back to this cluster", v.Provider.Name())), true
	case plan.WhyHandover:
		return no(provider.ReasonProgressing, "the claim is being deleted. Its volume is promoted first, since storage lets go of a primary only; "+
			"then its replica is re-created, and the peer gets a new full copy: until that is complete the peer can't take over"), true
	case plan.WhyContested:
		return no(provider.ReasonProgressing, s.contested()), true
	case plan.WhyLeaving:
		if verdict.State == plan.Protecting || verdict.State == plan.Releasing {
			return no(provider.ReasonProgressing, s.leavingReplica()), true
		}
	case plan.WhyNothing, plan.WhyTakeover, plan.WhyFollowing, plan.WhyUnsure, plan.WhySession, plan.WhyReplica, plan.WhyPeer, plan.WhyReceiving:
		if verdict.State == plan.Releasing {
			return no(provider.ReasonProgressing, "the volume is being released"), true
		}
	}
	return provider.Finding{}, false
}

// leavingReplica says what a replica that is being deleted waits for. What the storage says of it is no answer to that.
func (s volume) leavingReplica() string {
	const is = "the volume's replica is being deleted"
	if v := s.Facts.Volumes[s.index]; v.Copied || v.Replica != plan.ReplicaLeaving {
		return is
	}
	if held := s.Volumes[s.index].State.Held; held != "" {
		return is + "; " + held
	}
	return is + "; storage may refuse that while neither cluster is primary: if it stays, make the other cluster primary by an action Failover"
}

func (s volume) foreign() string {
	v := s.Volumes[s.index]
	if s.Facts.Volumes[s.index].Foreign {
		l := v.Item.Claim.Labels
		return fmt.Sprintf("the claim is protected by VolumeReplicationGroup %s/%s already: change its labels, or the selector of one of the groups",
			l[v1alpha1.LabelOwnerNamespace], l[v1alpha1.LabelOwnerName])
	}
	return fmt.Sprintf("there is a %s of that name that is not of this group: make sure that nothing is replicated by it before you remove it, or protect the claim under another name", v.Provider.Name())
}

// volumeLost says what to do about a claim whose PV is gone.
func (s volume) volumeLost() string {
	if it := s.Volumes[s.index].Item; it.Ceded() {
		return fmt.Sprintf("%s, which this group does not select. The replica and what is stored of it stay under the old name. "+
			"Give claim %s the labels of the group's selector, and the volume is protected under the new name; or delete this claim to end its protection", it.Unbound(), it.Holder)
	}
	return fmt.Sprintf("PersistentVolume %s of the claim is gone, or belongs to another claim. Its replica and what is stored of it stay as they are. "+
		"Re-create the PersistentVolume, with the same volume handle and a claimRef that names this claim, with its UID or with none: a claim that is Lost ignores any other; or set action Failover in the DRPlacementControl: the peer has the data and restores the claim",
		s.Volumes[s.index].Item.Claim.Spec.VolumeName)
}

// messageSession is said of a claim that its storage holds.
const messageSession = "the volume is secondary and in sync. Its claim is being deleted, and stays: the storage lets go of a secondary only after the " +
	"primary. It goes when the protection ends, or when the application moves back to this cluster, which then makes a new full copy for the peer"

// messageUnsure is said of a volume that was demoted for good, and of which its storage says no more.
const messageUnsure = "the volume is secondary and can be promoted here, but its storage does not say that it follows the peer: "

// messageIdle is said of a claim that is as ready as it can be before its workload.
const messageIdle = "the claim is bound when a Pod first uses it: the workload may start"

// protected is whether the peer has everything of a volume.
func (s volume) protected() provider.Finding {
	ready := s.ready()
	switch {
	case s.unused():
		return yes(provider.ReasonDataProtected, "nothing was ever written to the claim, so there is nothing to protect: it is bound when a Pod first uses it")
	case s.Plan.Verdicts[s.index].Why == plan.WhyIdle:
		return no(provider.ReasonProgressing, "the claim has no volume yet, and nothing to protect: it is bound when a Pod first uses it")
	case s.released() && s.Plan.Verdicts[s.index].Why == plan.WhyUnsure:
		return no(provider.ReasonReplicating, ready.Message)
	case s.Facts.Role == plan.Secondary && s.released() && s.Facts.Volumes[s.index].Following:
		return no(provider.ReasonReplicating, "the storage synchronizes the volume with the peer")
	case s.Facts.Role == plan.Secondary && s.released():
		return yes(provider.ReasonDataProtected, "the volume is in sync with the peer")
	case ready.Status != metav1.ConditionTrue && !s.told() && s.Volumes[s.index].State.Protected.Reason == provider.ReasonReplicating && s.Facts.Role == plan.Secondary:
		return no(provider.ReasonReplicating, ready.Message)
	case ready.Status != metav1.ConditionTrue, s.Volumes[s.index].State.Protected.Status == "":
		return ready // a volume that is released has no replica that could say more
	default:
		return s.Volumes[s.index].State.Protected
	}
}

// released reports whether the storage demoted a volume for good, and nothing that was just tried failed.
func (s volume) released() bool {
	phase := s.Plan.Verdicts[s.index].State
	return s.Done.Volumes[s.index] == nil && (phase == plan.AtSecondary || phase == plan.Gone)
}

// sent is whether there is what sends the copies of a volume.
func (s volume) sent() provider.Finding {
	if s.Volumes[s.index].State.Replica == plan.ReplicaPresent {
		return yes(reasonSource, "Ready")
	}
	f := s.protected()
	return no(f.Reason, f.Message)
}

// received is whether what was restored has its data.
func (s volume) received() provider.Finding {
	if s.restored() {
		return yes(reasonRestored, "restored")
	}
	return no(provider.ReasonProgressing, s.Restore.Message)
}

// stored is whether every store has the metadata of a volume.
func (s volume) stored() provider.Finding {
	switch object, wanted := contentOf(*s.Pass, s.index); {
	case !wanted:
		return no(reasonUploading, "the volume is not protected yet")
	case object.Kept():
		return no(reasonUploading, "the PersistentVolume of the claim is gone; what is stored of it stays as it is")
	case unaddressed(*s.Pass, s.index) != "":
		return no(reasonUploading, unaddressed(*s.Pass, s.index))
	default:
		return s.clusterDataProtected()
	}
}

// contested says which claim had the volume before.
func (s volume) contested() string {
	for j, v := range s.Facts.Volumes {
		if v.Ceded && v.Holder == s.index {
			return fmt.Sprintf("claim %s had the volume before, and its replica is removed first; then this claim gets one", s.volume(j).title())
		}
	}
	return "another claim had the volume before, and its replica is removed first; then this claim gets one"
}

// outgrown is the size that the volume of a claim really has, if that is more than was asked for: what receives it must not be
// smaller, and what is restored must not ask for more than it has to. Nil: it has what was asked for.
func outgrown(claim *corev1.PersistentVolumeClaim) *resource.Quantity {
	has, asked := claim.Status.Capacity[corev1.ResourceStorage], claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if has.Cmp(asked) <= 0 {
		return nil
	}
	return &has
}
