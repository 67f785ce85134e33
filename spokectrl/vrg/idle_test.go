// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
			assert.Equal(t, "False/Progressing", c.says("DataProtected"), "it has nothing to protect yet")
		})
	}
}
