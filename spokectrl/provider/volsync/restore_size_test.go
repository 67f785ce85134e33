// SPDX-License-Identifier: Apache-2.0

package volsync_test

import (
	"testing"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// TestWhatIsRestoredAsksForNoMoreThanItHasTo : a manifest that asks for less than the volume has can't be applied to its claim, once
// that asks for more than the manifest.
func TestWhatIsRestoredAsksForNoMoreThanItHasTo(t *testing.T) {
	for name, tc := range map[string]struct {
		needs *resource.Quantity // by the image
		want  string
	}{
		"an image that needs less than the volume had": {new(resource.MustParse("2Gi")), "2Gi"},
		"an image that fits into what was asked for":   {new(resource.MustParse("1Gi")), "1Gi"},
		"an image that does not tell what it needs":    {nil, "3Gi"},
		"a driver that tells nothing by a zero":        {new(resource.MustParse("0")), "3Gi"},
	} {
		t.Run(name, func(t *testing.T) {
			s := outgrown(t)
			s.promote(true)
			s.restore()
			s.restore()
			image := &snapshotv1.VolumeSnapshot{}
			require.NoError(t, s.c.Get(t.Context(), client.ObjectKey{Namespace: "app", Name: "image-1"}, image))
			image.Status.RestoreSize = tc.needs
			require.NoError(t, s.c.Status().Update(t.Context(), image))
			next := s.restore()
			require.NotNil(t, next.Create, next.Message)
			assert.Equal(t, tc.want, asks(next.Create))
		})
	}
	t.Run("the received volume itself", func(t *testing.T) {
		s := outgrown(t)
		s.promote(false)
		s.g.Copies.Method = "Direct"
		s.restore()
		next := s.restore(func(d *provider.Destination) {
			d.InletPV = &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "pv-received"}}
		})
		require.NotNil(t, next.Hand, next.Message)
		assert.Equal(t, "1Gi", asks(next.Hand))
	})
}

// outgrown receives a volume that has more than its claim asked for.
func outgrown(t *testing.T) *side {
	t.Helper()
	s := receiving(t)
	s.g.VolSync.RDSpec[0].ProtectedPVC.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	s.g.VolSync.RDSpec[0].ProtectedPVC.Capacity = new(resource.MustParse("3Gi"))
	require.False(t, s.only().Exact)
	s.receive()
	require.True(t, s.only().Exact)
	inlet := &corev1.PersistentVolumeClaim{}
	require.NoError(t, s.c.Get(t.Context(), client.ObjectKey{Namespace: "app", Name: "data-received"}, inlet))
	require.Equal(t, "3Gi", asks(inlet), "what is received fits")
	s.arrive("image-1")
	return s
}

func asks(claim client.Object) string {
	c, ok := claim.(*corev1.PersistentVolumeClaim)
	if !ok {
		return "no claim"
	}
	size := c.Spec.Resources.Requests[corev1.ResourceStorage]
	return size.String()
}
