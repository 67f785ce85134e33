// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// capacity is what the PersistentVolume of a claim says.
func (c *cluster) capacity(claim string) string {
	c.t.Helper()
	pv := c.pv("pv-" + claim)
	require.NotNil(c.t, pv)
	size := pv.Spec.Capacity[corev1.ResourceStorage]
	return size.String()
}

func (c *cluster) setCapacity(claim, size string) {
	c.t.Helper()
	pv := c.pv("pv-" + claim)
	pv.Spec.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	require.NoError(c.t, c.client.Update(c.t.Context(), pv))
}

// TestAVolumeThatComesBackHasTheSizeThatItWasGiven : its claim left with the workload, and its PersistentVolume was retained with the old
// size. A claim that is bound to it would have to be resized, at a moment when the volume is secondary: storage refuses that, and some
// is not asked again while a Pod uses the volume.
func TestAVolumeThatComesBackHasTheSizeThatItWasGiven(t *testing.T) {
	for name, tc := range map[string]struct{ there, back string }{
		"larger":                         {"2Gi", "2Gi"},
		"never smaller than it was here": {"512Mi", "1Gi"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			a, b := newCluster(t, "dr1", s), newCluster(t, "dr2", s)
			a.provision("data")
			a.setCapacity("data", "1Gi")
			a.wish(v1alpha1.Primary, "1")
			a.settle()
			a.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
			a.wish(v1alpha1.Primary, "1", func(g *v1alpha1.VolumeReplicationGroup) { g.Spec.PrepareForFinalSync, g.Spec.RunFinalSync = true, true })
			a.settle()
			a.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
			a.settle()
			b.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionRelocate))
			b.settle()
			require.Equal(t, "1Gi", b.capacity("data"))
			a.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate), peerServes)
			a.settle()
			require.Nil(t, a.claim("data"))

			b.resize("data", tc.there)
			b.setCapacity("data", tc.there)
			b.settle()
			b.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
			b.wish(v1alpha1.Secondary, "2", action(v1alpha1.VRGActionRelocate))
			b.settle()
			a.wish(v1alpha1.Primary, "3", action(v1alpha1.VRGActionRelocate))
			a.settle()
			require.Equal(t, v1alpha1.PrimaryState, a.group().Status.State, a.message("DataReady"))
			assert.Equal(t, corev1.ClaimBound, a.claim("data").Status.Phase)
			assert.Equal(t, tc.back, a.capacity("data"))
		})
	}
}
