// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"strings"
	"testing"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func copied(spec *v1alpha1.VolumeReplicationGroupSpec) {
	spec.Async.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "lab-snap", StorageID: []string{"lab-dr1", "lab-dr2"}}}
}

// TestVolSyncComesWhileWeRun: until then the volume says what is missing; then, woken by the API's coming and nothing
// else, it goes on. A side is told where to send, sends, is told to receive, and receives.
func TestVolSyncComesWhileWeRun(t *testing.T) {
	s := up(t, "copies")
	ctx := t.Context()
	s.create(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "lab-snap", Labels: map[string]string{v1alpha1.LabelStorageID: "lab-dr1"}}, Provisioner: driver})
	s.wish(v1alpha1.Primary, 1, copied)
	s.provisionOf("data", "lab-snap")
	s.eventually("VolSync is missed", s.says("DataReady", "False/Error"))
	assert.Contains(t, s.message("DataReady"), "claim data: the volume has to be replicated by VolSync, which the cluster does not serve")

	_, err := envtest.InstallCRDs(admin, envtest.CRDInstallOptions{Paths: copying, ErrorIfPathMissing: true})
	require.NoError(t, err)
	s.eventually("the snapshot class is missed", func() bool {
		return s.says("DataReady", "False/Error")() && strings.Contains(s.message("DataReady"), "there is no VolumeSnapshotClass")
	})
	s.create(&snapshotv1.VolumeSnapshotClass{
		ObjectMeta: metav1.ObjectMeta{Name: "lab-snap", Labels: map[string]string{v1alpha1.LabelStorageID: "lab-dr1"}},
		Driver:     driver, DeletionPolicy: snapshotv1.VolumeSnapshotContentDelete,
	})
	s.eventually("ready, and waiting for the peer", func() bool {
		return s.is(v1alpha1.PrimaryState)() && strings.Contains(s.message("DataProtected"), "the peer has not told yet where it receives the volume")
	})
	assert.Contains(t, s.claim("data").Finalizers, v1alpha1.PVCVolSyncFinalizer)

	address := func(spec *v1alpha1.VolumeReplicationGroupSpec) {
		spec.VolSync.RSSpec = []v1alpha1.VolSyncReplicationSourceSpec{{
			ProtectedPVC: v1alpha1.ProtectedPVC{Namespace: s.ns, Name: "data"}, RsyncTLS: &v1alpha1.RsyncTLSConfig{Address: "peer.example.com"},
		}}
	}
	s.wish(v1alpha1.Primary, 1, copied, address)
	source := &volsyncv1.ReplicationSource{}
	s.eventually("a source", func() bool { return s.client.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: "data"}, source) == nil })
	source.Status = &volsyncv1.ReplicationSourceStatus{LastSyncTime: new(metav1.Now())}
	require.NoError(t, s.client.Status().Update(ctx, source))
	s.eventually("protected", s.says("DataProtected", "True/DataProtected"))

	// The peer took over from a failure: what only this side has is given up.
	receive := func(spec *v1alpha1.VolumeReplicationGroupSpec) {
		spec.Action = v1alpha1.VRGActionFailover
		spec.VolSync.RDSpec = []v1alpha1.VolSyncReplicationDestinationSpec{{ProtectedPVC: v1alpha1.ProtectedPVC{
			Namespace: s.ns, Name: "data", ProtectedByVolSync: true, StorageClassName: new("lab-snap"),
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		}}}
	}
	s.wish(v1alpha1.Secondary, 1, copied, receive)
	destination := &volsyncv1.ReplicationDestination{}
	s.eventually("a destination", func() bool {
		return s.client.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: "data"}, destination) == nil
	})
	require.Error(t, s.client.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: "data"}, source), "never both")
	destination.Status = &volsyncv1.ReplicationDestinationStatus{RsyncTLS: &volsyncv1.ReplicationDestinationRsyncTLSStatus{Address: new("here.example.com")}}
	require.NoError(t, s.client.Status().Update(ctx, destination))
	s.eventually("the address is told", func() bool {
		info := s.group().Status.RDInfo
		return len(info) == 1 && info[0].RsyncTLS.Address == "here.example.com"
	})
	s.eventually("secondary", s.is(v1alpha1.SecondaryState))

	require.NoError(t, s.client.Delete(ctx, s.group()))
	s.eventually("group gone", func() bool { return s.group().UID == "" })
	require.Error(t, s.client.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: "data"}, destination))
	require.NotNil(t, s.claim("data"), "the application stays")
	require.Empty(t, s.claim("data").Finalizers[1:], "but for Kubernetes' own")
	require.Empty(t, s.pv("data").Labels)
}
