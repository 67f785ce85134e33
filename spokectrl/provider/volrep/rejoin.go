// SPDX-License-Identifier: Apache-2.0

package volrep

import (
	"strconv"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// Storage that keeps a session between both volumes replicates nothing after a promotion by force, until ResyncVolume is called for the
// promoted side. The specification of csi-addons knows that call for demoted volumes only, and a driver may take it as the order to
// replace what the volume has. So it is made only where the class says that the storage has sessions, only of a volume that is
// primary and of which the storage says that it does not replicate, and once in a term as primary. csi-addons makes it, and leaves
// the volume's role alone, for the state "resync" of a VolumeReplication that is primary.

// term is the name of this term of the group as primary.
func term(v provider.Volume) string { return strconv.FormatInt(v.Group.Epoch, 10) }

// rejoins reports whether a VolumeReplication asks, on our word and in this term, to replicate from here again.
func rejoins(v provider.Volume, vr *replicationv1.VolumeReplication) bool {
	return vr.Spec.ReplicationState == replicationv1.Resync && vr.Annotations[v1alpha1.AnnotationVRReprotected] == term(v)
}

// apart reports whether the storage says of a primary that it does not replicate, and was not asked about that in this term.
func apart(v provider.Volume, s provider.State, vr *replicationv1.VolumeReplication) bool {
	silent := current(vr, replicationv1.ConditionReplicating).Status == metav1.ConditionFalse
	return s.Told == plan.Primary && s.Settled && vr.Status.State == replicationv1.PrimaryState && silent && s.Asked != term(v)
}

// judgeRejoin is judge of a volume whose storage is asked to replicate from here again. It stays primary all the time; csi-addons calls
// it Secondary when the storage says that both sides are in sync, and Primary again as soon as that is asked for.
func judgeRejoin(s *provider.State, vr *replicationv1.VolumeReplication) {
	s.Settled = vr.Status.State == replicationv1.PrimaryState
	s.Ready = provider.Finding{Status: metav1.ConditionTrue, Reason: provider.ReasonReady, Message: "the volume is primary"}
	s.Protected = provider.Finding{Status: metav1.ConditionFalse, Reason: provider.ReasonError,
		Message: "the storage does not replicate the volume to the peer since it was promoted by force, and is asked to"}
	if !s.Settled {
		pending(s, "the storage has joined the volume and its peer again, and is told that the volume is primary")
	}
	if vr.Status.ObservedGeneration != vr.Generation {
		return
	}
	completed := current(vr, replicationv1.ConditionCompleted)
	switch completed.Status {
	case metav1.ConditionTrue:
		s.Rejoined = true
	case metav1.ConditionFalse:
		s.Protected.Message += "; it refuses for now: " + explain(vr, completed)
	case metav1.ConditionUnknown:
	}
}
