// SPDX-License-Identifier: Apache-2.0

package volrep

import (
	"context"
	"fmt"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// destinationInfo is the condition by which versions of csi-addons after 0.14 say that the driver tells the handle of the peer's volume.
const destinationInfo = "DestinationInfoAvailable"

// learnHandle finds the handle that the volume of a primary has on the peer. Without the condition it is the same there. csi-addons asks
// the driver once for each VolumeReplication; so it is read from the API server when another one, or another look of csi-addons,
// tells it, and until then the PersistentVolume remembers it.
func learnHandle(ctx context.Context, r client.Reader, v provider.Volume, s *provider.State, vr *replicationv1.VolumeReplication) error {
	told := meta.FindStatusCondition(vr.Status.Conditions, destinationInfo)
	if told == nil || s.Replica != plan.ReplicaPresent || s.Told != plan.Primary || v.PV == nil {
		return nil
	}
	known := v.PV.Annotations[v1alpha1.AnnotationPeerHandle]
	s.PeerHandle = known
	if said := saying(vr, told); told.Status == metav1.ConditionTrue && (known == "" || v.PV.Annotations[v1alpha1.AnnotationPeerHandleSaid] != said) {
		whole := &unstructured.Unstructured{} // the type of 0.14 lacks the field
		whole.SetGroupVersionKind(replicationv1.GroupVersion.WithKind("VolumeReplication"))
		if err := r.Get(ctx, client.ObjectKeyFromObject(vr), whole); err != nil {
			return fmt.Errorf("read status.destinationVolumeID of VolumeReplication %s/%s: %w", vr.Namespace, vr.Name, err)
		}
		if handle, _, _ := unstructured.NestedString(whole.Object, "status", "destinationVolumeID"); handle != "" {
			s.PeerHandle, s.PeerHandleSaid = handle, said
		}
	}
	switch {
	case s.PeerHandle == "":
		s.Unaddressed = fmt.Sprintf("the storage has not told yet which handle the volume has on the peer, so it could not be restored there; csi-addons says: %s: %s", told.Reason, told.Message)
	case s.PeerHandle != known:
		s.Unaddressed = "the handle that the volume has on the peer is not stored yet"
	}
	return nil
}

// saying identifies what a VolumeReplication says of the peer: it has been read if it is the same.
func saying(vr *replicationv1.VolumeReplication, told *metav1.Condition) string {
	return fmt.Sprintf("%s.%d.%d", vr.UID, told.ObservedGeneration, told.LastTransitionTime.Unix())
}
