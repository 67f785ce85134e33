// SPDX-License-Identifier: Apache-2.0

package vrg

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// listed reports whether a volume is among the protected ones: all that a primary should protect, and on a secondary
// those that are not released yet.
func (s pass) listed(i int) bool {
	v, verdict := s.group.Volumes[i], s.plan.Verdicts[i]
	if s.group.Role == plan.Primary && !s.group.Ending {
		return v.Selected || verdict.Phase != plan.Gone
	}
	held := v.Replica != plan.ReplicaAbsent && v.Replica != plan.ReplicaForeign
	return !v.Foreign && (held || v.Marks != plan.MarksNone || verdict.Why == plan.WhyUse) && verdict.Why != plan.WhyUnprotected
}

// protectedPVC describes one volume.
func (s pass) protectedPVC(i int, was *v1alpha1.VolumeReplicationGroup, now time.Time) v1alpha1.ProtectedPVC {
	v := s.volumes[i]
	out := v1alpha1.ProtectedPVC{
		Namespace: v.item.Namespace, Name: v.item.Name,
		CSIProvisioner: v.view.Driver(), StorageID: v.state.StorageID, ReplicationID: v.state.ReplicationID,
	}
	if c := v.item.Claim; c != nil {
		out.StorageClassName = c.Spec.StorageClassName
		out.Labels = capsule.PortableLabels(c.Labels)
		out.AccessModes = c.Spec.AccessModes
		out.Resources = c.Spec.Resources
		out.VolumeMode = c.Spec.VolumeMode
		if v.state.Copied {
			out.Resources = sized(c)
			out.Annotations = capsule.PortableAnnotations(c.Annotations)
		}
	}
	out.ProtectedByVolSync = v.state.Copied
	if s.group.Role == plan.Primary {
		out.LastSyncTime, out.LastSyncBytes = v.state.LastSyncTime, v.state.LastSyncBytes
		if d := v.state.LastSyncDuration; d != nil {
			out.LastSyncDuration = &metav1.Duration{Duration: *d}
		}
	}
	var old []metav1.Condition
	for _, p := range was.Status.ProtectedPVCs {
		if p.Namespace == out.Namespace && p.Name == out.Name {
			old = p.Conditions
		}
	}
	conditions := []metav1.Condition{condition(v1alpha1.VRGDataReady, s.ready(i)), condition(v1alpha1.VRGDataProtected, s.protected(i))}
	if s.group.Role == plan.Primary && !v.state.Copied { // the wish of the peer describes one that is copied
		conditions = append(conditions, condition(v1alpha1.VRGClusterDataProtected, s.stored(i)))
	}
	if s.group.Role == plan.Primary && v.state.Copied {
		conditions = append(conditions, condition(v1alpha1.PVCReplicationSourceSetup, s.sent(i)))
		if c := v.item.Claim; c != nil && c.Annotations[v1alpha1.AnnotationRestored] != "" {
			conditions = append(conditions, condition(v1alpha1.PVCPVsRestored, s.received()))
		}
	}
	out.Conditions = merged(old, conditions, was.Generation, now)
	return out
}

// ready is the state of a volume: what was just tried, what the plan waits for, what the technique says.
func (s pass) ready(i int) provider.Finding {
	if err := s.done.volumes[i]; err != nil {
		return no(provider.ReasonError, err.Error())
	}
	v := s.volumes[i]
	if f, blocked := s.blocked(i); blocked {
		return f
	}
	switch verdict := s.plan.Verdicts[i]; verdict.Phase {
	case plan.Gone:
		return yes(provider.ReasonReady, "released")
	case plan.AtSecondary:
		switch verdict.Why { //nolint:exhaustive // the others make no difference
		case plan.WhyTakeover:
			return no(provider.ReasonProgressing, "the claim is being deleted, and goes when the peer has taken over: until then the volume can be promoted again here")
		case plan.WhySession:
			return yes(provider.ReasonReplicated, messageSession)
		case plan.WhyFollowing:
			return yes(provider.ReasonReplicated, "the volume is secondary, and the storage synchronizes it with the peer")
		}
		return yes(provider.ReasonReplicated, "the volume is secondary and in sync")
	case plan.Discovered, plan.Protecting, plan.Releasing, plan.Demoting, plan.AtPrimary:
	}
	if s.told(i) || v.state.Ready.Status == "" {
		return no(provider.ReasonProgressing, "the role of the volume was just set on the storage")
	}
	return v.state.Ready
}

// told reports whether this very pass told the replica something: what it says answers an older wish.
func (s pass) told(i int) bool {
	if s.volumes[i].state.Copied {
		return false // its storage has no role
	}
	for _, step := range s.plan.Steps {
		if step.Volume == i && (step.Kind == plan.Promote || step.Kind == plan.Demote) {
			return true
		}
	}
	return false
}

// blocked says what a volume waits for, if it is not its replica.
func (s pass) blocked(i int) (provider.Finding, bool) {
	v := s.volumes[i]
	switch verdict := s.plan.Verdicts[i]; verdict.Why {
	case plan.WhyUnbound:
		return no(provider.ReasonProgressing, v.item.Unbound()), true
	case plan.WhyIdle:
		return yes(provider.ReasonReady, messageIdle), true
	case plan.WhyUnable:
		return no(v.state.Refusal.Reason, v.state.Refusal.Message), true
	case plan.WhyForeign:
		return no(provider.ReasonError, s.foreign(i)), true
	case plan.WhyRestore:
		return no(provider.ReasonProgressing, "the restore of the stored metadata comes first"), true
	case plan.WhyUse:
		return no(provider.ReasonProgressing, v.use+": stop it"), true
	case plan.WhyUnread:
		return provider.Finding{Status: metav1.ConditionUnknown, Reason: provider.ReasonUnknownError, Message: v.err.Error()}, true
	case plan.WhyClaimLost:
		return no(provider.ReasonError, "the claim is gone while its volume is primary: re-create the claim, bound to its PersistentVolume, which is retained"), true
	case plan.WhyVolumeLost:
		return no(provider.ReasonError, s.volumeLost(i)), true
	case plan.WhyInterrupted:
		return no(reasonInterrupted, messageInterrupted), true
	case plan.WhyUnprotected:
		return no(provider.ReasonError, "the claim was never replicated from here"), true
	case plan.WhyUnsent:
		return no(provider.ReasonError, fmt.Sprintf("the %s of the volume was deleted before the peer was known to have all that was written: move the application back to this cluster", v.provider.Name())), true
	case plan.WhyHandover:
		return no(provider.ReasonProgressing, "the claim is being deleted. Its volume is promoted first, since storage lets go of a primary only; "+
			"then its replica is re-created, and the peer gets a new full copy: until that is complete the peer can't take over"), true
	case plan.WhyContested:
		return no(provider.ReasonProgressing, s.contested(i)), true
	case plan.WhyLeaving:
		if verdict.Phase == plan.Protecting || verdict.Phase == plan.Releasing {
			return no(provider.ReasonProgressing, s.leavingReplica(i)), true
		}
	case plan.WhyNothing, plan.WhyTakeover, plan.WhyFollowing, plan.WhySession, plan.WhyReplica, plan.WhyPeer, plan.WhyReceiving:
		if verdict.Phase == plan.Releasing {
			return no(provider.ReasonProgressing, "the volume is being released"), true
		}
	}
	return provider.Finding{}, false
}

// leavingReplica says what a replica that is being deleted waits for. What the storage says of it is no answer to that.
func (s pass) leavingReplica(i int) string {
	const is = "the volume's replica is being deleted"
	if v := s.group.Volumes[i]; v.Copied || v.Replica != plan.ReplicaLeaving {
		return is
	}
	return is + "; storage may refuse that while neither cluster is primary: if it stays, make the other cluster primary by an action Failover"
}

func (s pass) foreign(i int) string {
	v := s.volumes[i]
	if s.group.Volumes[i].Foreign {
		l := v.item.Claim.Labels
		return fmt.Sprintf("the claim is protected by VolumeReplicationGroup %s/%s already: change its labels, or the selector of one of the groups",
			l[v1alpha1.LabelOwnerNamespace], l[v1alpha1.LabelOwnerName])
	}
	return fmt.Sprintf("there is a %s of that name that is not of this group: make sure that nothing is replicated by it before you remove it, or protect the claim under another name", v.provider.Name())
}

// volumeLost says what to do about a claim whose PV is gone.
func (s pass) volumeLost(i int) string {
	if it := s.volumes[i].item; it.Ceded() {
		return fmt.Sprintf("%s, which this group does not select. The replica and what is stored of it stay under the old name. "+
			"Give claim %s the labels of the group's selector, and the volume is protected under the new name; or delete this claim to end its protection", it.Unbound(), it.Holder)
	}
	return fmt.Sprintf("PersistentVolume %s of the claim is gone, or belongs to another claim. Its replica and what is stored of it stay as they are. "+
		"Re-create the PersistentVolume, with the same volume handle and a claimRef that names this claim, or set action Failover in the DRPlacementControl: the peer has the data and restores the claim",
		s.volumes[i].item.Claim.Spec.VolumeName)
}

// messageSession is said of a claim that its storage holds.
const messageSession = "the volume is secondary and in sync. Its claim is being deleted, and stays: the storage lets go of a secondary only after the " +
	"primary. It goes when the protection ends, or when the application moves back to this cluster, which then makes a new full copy for the peer"

// messageIdle is said of a claim that is as ready as it can be before its workload.
const messageIdle = "the claim is bound when a Pod first uses it: the workload may start"

// protected is whether the peer has everything of a volume.
func (s pass) protected(i int) provider.Finding {
	ready := s.ready(i)
	switch {
	case s.plan.Verdicts[i].Why == plan.WhyIdle:
		return no(provider.ReasonProgressing, "the claim has no volume yet, and nothing to protect: it is bound when a Pod first uses it")
	case s.group.Role == plan.Secondary && s.released(i) && s.group.Volumes[i].Following:
		return no(provider.ReasonReplicating, "the storage synchronizes the volume with the peer")
	case s.group.Role == plan.Secondary && s.released(i):
		return yes(provider.ReasonDataProtected, "the volume is in sync with the peer")
	case ready.Status != metav1.ConditionTrue && !s.told(i) && s.volumes[i].state.Protected.Reason == provider.ReasonReplicating && s.group.Role == plan.Secondary:
		return no(provider.ReasonReplicating, ready.Message)
	case ready.Status != metav1.ConditionTrue, s.volumes[i].state.Protected.Status == "":
		return ready // a volume that is released has no replica that could say more
	default:
		return s.volumes[i].state.Protected
	}
}

// released reports whether the storage demoted a volume for good, and nothing that was just tried failed.
func (s pass) released(i int) bool {
	phase := s.plan.Verdicts[i].Phase
	return s.done.volumes[i] == nil && (phase == plan.AtSecondary || phase == plan.Gone)
}

// sent is whether there is what sends the copies of a volume.
func (s pass) sent(i int) provider.Finding {
	if s.volumes[i].state.Replica == plan.ReplicaPresent {
		return yes(reasonSource, "Ready")
	}
	f := s.protected(i)
	return no(f.Reason, f.Message)
}

// received is whether what was restored has its data.
func (s pass) received() provider.Finding {
	if s.restored() {
		return yes(reasonRestored, "restored")
	}
	return no(provider.ReasonProgressing, s.restore.message)
}

// stored is whether every store has the metadata of a volume.
func (s pass) stored(i int) provider.Finding {
	id := capsule.Group{Namespace: s.vrg.Namespace, Name: s.vrg.Name}
	object, wanted := s.content[id.PVC(s.volumes[i].item.Namespace, s.volumes[i].item.Name)]
	switch {
	case !wanted:
		return no(reasonUploading, "the volume is not protected yet")
	case object.Kept():
		return no(reasonUploading, "the PersistentVolume of the claim is gone; what is stored of it stays as it is")
	default:
		return s.clusterDataProtected()
	}
}

// contested says which claim had the volume before.
func (s pass) contested(i int) string {
	for j, v := range s.group.Volumes {
		if v.Ceded && v.Holder == i {
			return fmt.Sprintf("claim %s had the volume before, and its replica is removed first; then this claim gets one", s.title(j))
		}
	}
	return "another claim had the volume before, and its replica is removed first; then this claim gets one"
}

// sized are the resources of a claim, with the size that its volume really has: a volume can be larger than what was asked for,
// and what receives it must not be smaller.
func sized(claim *corev1.PersistentVolumeClaim) corev1.VolumeResourceRequirements {
	out := *claim.Spec.Resources.DeepCopy()
	has := claim.Status.Capacity[corev1.ResourceStorage]
	if asked := out.Requests[corev1.ResourceStorage]; has.Cmp(asked) > 0 {
		if out.Requests == nil {
			out.Requests = corev1.ResourceList{}
		}
		out.Requests[corev1.ResourceStorage] = has
	}
	return out
}
