// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestALife walks one group through its life. No step is polled by our controllers: each is woken by a watch.
func TestALife(t *testing.T) {
	s := up(t, "life")
	ctx := t.Context()
	s.create(&v1alpha1.DRClusterConfig{ObjectMeta: metaNamed("dr1")})
	s.wish(v1alpha1.Primary, 1)
	s.eventually("primary without claims", s.is(v1alpha1.PrimaryState))
	s.provision("data")
	s.eventually("csi-addons is missed", s.says("DataReady", "False/Error"))
	s.installCSIAddons()
	s.eventually("protected after csi-addons came", s.says("DataReady", "True/Ready"))
	s.eventually("stored", s.says("ClusterDataProtected", "True/Uploaded"))
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, s.pv("data").Spec.PersistentVolumeReclaimPolicy)
	s.eventually("classes reported", func() bool {
		config := &v1alpha1.DRClusterConfig{}
		require.NoError(t, s.client.Get(ctx, client.ObjectKey{Name: "dr1"}, config))
		return len(config.Status.VolumeReplicationClasses) == 1 && len(config.Status.Profiles) == 2 && config.Status.Profiles[0].Reachable
	})

	pod := s.pod("writer", "data")
	s.eventually("use seen", s.says("InUse", "True/PodsRunning"))
	relocate := func(spec *v1alpha1.VolumeReplicationGroupSpec) { spec.Action = v1alpha1.VRGActionRelocate }
	s.wish(v1alpha1.Secondary, 1, relocate)
	s.eventually("waits for the Pod", s.says("DataReady", "False/Progressing"))
	assert.Contains(t, s.message("DataReady"), "writer")

	// The application goes, and its claim with it: both events wake us.
	require.NoError(t, s.client.Delete(ctx, s.claim("data")))
	require.NoError(t, s.client.Delete(ctx, pod, client.GracePeriodSeconds(0)))
	s.eventually("secondary", s.is(v1alpha1.SecondaryState))
	s.eventually("the claim waits for the peer", s.says("DataReady", "False/Progressing"))
	require.NotNil(t, s.claim("data"), "it could be taken back")
	s.serves = true
	s.wish(v1alpha1.Secondary, 1, relocate)
	s.eventually("claim gone", func() bool { return s.claim("data") == nil })
	s.eventually("volume kept", func() bool { return s.pv("data") != nil && s.pv("data").Status.Phase == corev1.VolumeReleased })
	old := s.pv("data").UID

	s.serves = false
	s.wish(v1alpha1.Primary, 2, relocate)
	s.eventually("primary again", s.is(v1alpha1.PrimaryState))
	s.eventually("bound again", func() bool { return s.claim("data") != nil && s.claim("data").Status.Phase == corev1.ClaimBound })
	assert.Equal(t, old, s.pv("data").UID)
	assert.Equal(t, "Delete", s.pv("data").Annotations[v1alpha1.AnnotationVRRetained])

	// Lost altogether, as on a cluster that never had it: the store has it all.
	require.NoError(t, s.client.Delete(ctx, s.group()))
	s.eventually("group gone", func() bool { return s.group().UID == "" })
	claim := s.claim("data")
	require.NotNil(t, claim, "the application stays")
	assert.NotContains(t, claim.Finalizers, v1alpha1.PVCVolRepFinalizer)
	assert.Nil(t, claim.DeletionTimestamp)
	assert.Empty(t, claim.Labels[v1alpha1.LabelOwnerName])
	assert.Equal(t, corev1.PersistentVolumeReclaimDelete, s.pv("data").Spec.PersistentVolumeReclaimPolicy)
}

func TestACopyInAnExchangeNamespaceIsIgnored(t *testing.T) {
	s := up(t, "outbox-x")
	ns := &corev1.Namespace{}
	require.NoError(t, s.client.Get(t.Context(), client.ObjectKey{Name: "outbox-x"}, ns))
	ns.Labels["ramendr.openshift.io/exchange"] = "outbox"
	require.NoError(t, s.client.Update(t.Context(), ns))
	s.wish(v1alpha1.Primary, 1)
	assert.Never(t, func() bool { return len(s.group().Finalizers) > 0 }, often*20, often)
}
