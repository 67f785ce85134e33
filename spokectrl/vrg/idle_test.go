// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestAClaimThatWaitsForItsFirstPod is as ready as it can be before the workload, which is only sent to where the group is
// ready. One that waits for anything else holds it up, and the reason is told.
func TestAClaimThatWaitsForItsFirstPod(t *testing.T) {
	late := storagev1.VolumeBindingWaitForFirstConsumer
	pending := func(class string, change ...func(*corev1.PersistentVolumeClaim)) func(*corev1.PersistentVolumeClaim) {
		return func(c *corev1.PersistentVolumeClaim) {
			c.Spec.VolumeName, c.Spec.StorageClassName, c.Status.Phase = "", new(class), corev1.ClaimPending
			for _, f := range change {
				f(c)
			}
		}
	}
	for name, tc := range map[string]struct {
		claim func(*corev1.PersistentVolumeClaim)
		state v1alpha1.State
		says  string
	}{
		"no Pod uses it yet": {pending("late"), v1alpha1.PrimaryState, ""},
		"no Pod uses it yet, and it is made from something": {pending("late", func(c *corev1.PersistentVolumeClaim) {
			c.Spec.DataSource = &corev1.TypedLocalObjectReference{Kind: "PersistentVolumeClaim", Name: "template"}
		}), v1alpha1.PrimaryState, ""},
		"its Pod has a node": {pending("late", func(c *corev1.PersistentVolumeClaim) {
			c.Annotations = map[string]string{"volume.kubernetes.io/selected-node": "n"}
		}), v1alpha1.UnknownState, "slow.example.com has not made a volume for it: see the events of the claim"},
		"it names its volume":     {pending("late", func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "pv-9" }), v1alpha1.UnknownState, "it waits for PersistentVolume pv-9"},
		"its class is missing":    {pending("missing"), v1alpha1.UnknownState, "there is no StorageClass missing: create it"},
		"its class binds at once": {pending("soon"), v1alpha1.UnknownState, "soon.example.com has not made a volume for it"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, "dr1", newStores())
			for _, class := range []*storagev1.StorageClass{
				{ObjectMeta: metav1.ObjectMeta{Name: "late"}, Provisioner: "slow.example.com", VolumeBindingMode: &late},
				{ObjectMeta: metav1.ObjectMeta{Name: "soon"}, Provisioner: "soon.example.com"},
			} {
				require.NoError(t, c.client.Create(t.Context(), class))
			}
			claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "data", UID: "u", Labels: map[string]string{"app": "x"}}}
			tc.claim(claim)
			require.NoError(t, c.client.Create(t.Context(), claim))
			c.wish(v1alpha1.Primary, "1")
			_, err := c.pass()
			require.NoError(t, err)
			_, err = c.pass()
			require.NoError(t, err)
			assert.Equal(t, tc.state, c.group().Status.State, c.message("DataReady"))
			assert.Contains(t, c.message("DataReady"), tc.says)
			if name == "no Pod uses it yet" {
				assert.Equal(t, "True/DataProtected", c.says("DataProtected"), "nothing was ever written to it")
			} else {
				assert.Equal(t, "False/Progressing", c.says("DataProtected"), "it will have something to protect")
			}
		})
	}
}

// TestAClaimThatNobodyUsesHoldsNothingUp : VolSync never copies it, so nobody waits for that.
func TestAClaimThatNobodyUsesHoldsNothingUp(t *testing.T) {
	w := newCopying(t)
	late := storagev1.VolumeBindingWaitForFirstConsumer
	for _, c := range w.sides {
		class := get(c, &storagev1.StorageClass{}, "", "lab-snap")
		class.VolumeBindingMode = &late
		require.NoError(t, c.client.Update(t.Context(), class))
	}
	w.wish("dr1", v1alpha1.Primary)
	w.wish("dr2", v1alpha1.Secondary)
	w.deploy("dr1")
	w.settle()
	home := w.sides["dr1"]
	require.NotNil(t, home.group().Status.LastGroupSyncTime)
	w.user("dr1", func(cl client.Client) {
		require.NoError(t, cl.Create(t.Context(), &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "spare", UID: "uid-spare", Labels: map[string]string{"app": "x"}},
			Spec:       corev1.PersistentVolumeClaimSpec{StorageClassName: new("lab-snap"), AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}},
		}))
	})
	look := func() {
		w.hub()
		_, err := home.pass()
		require.NoError(t, err)
	}
	look()
	assert.Equal(t, "True/DataProtected", home.says("DataProtected"))
	assert.NotNil(t, home.group().Status.LastGroupSyncTime)
	require.Len(t, home.group().Status.ProtectedPVCs, 1, "the peer is not asked to receive it")
	w.wish("dr1", v1alpha1.Primary, func(g *v1alpha1.VolumeReplicationGroup) {
		g.Spec.PrepareForFinalSync, g.Spec.Action = true, v1alpha1.VRGActionRelocate
	})
	for range 6 {
		look()
		sources := &volsyncv1.ReplicationSourceList{}
		require.NoError(t, home.client.List(t.Context(), sources))
		w.user("dr1", func(client.Client) {
			for i := range sources.Items {
				w.sync("dr1", &sources.Items[i], false)
			}
		})
	}
	assert.True(t, home.group().Status.PrepareForFinalSyncComplete)
}
