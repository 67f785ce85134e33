// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// end ends the protection of the group.
func (c *cluster) end() {
	c.t.Helper()
	g := c.group()
	metav1.SetMetaDataAnnotation(&g.ObjectMeta, "exchange.ramendr.openshift.io/ended-by", g.Annotations["exchange.ramendr.openshift.io/wish-uid"])
	require.NoError(c.t, c.client.Update(c.t.Context(), g))
	c.remove(&v1alpha1.VolumeReplicationGroup{}, c.key.Namespace, c.key.Name)
	c.settle()
	require.Nil(c.t, c.group())
}

// volumeMarks are the labels and annotations of ours on the PersistentVolumes, but for the note that one was restored.
func (c *cluster) volumeMarks() []string {
	c.t.Helper()
	pvs := &corev1.PersistentVolumeList{}
	require.NoError(c.t, c.client.List(c.t.Context(), pvs))
	var out []string
	for i := range pvs.Items {
		for _, key := range slices.Concat(slices.Sorted(maps.Keys(pvs.Items[i].Labels)), slices.Sorted(maps.Keys(pvs.Items[i].Annotations))) {
			if strings.Contains(key, "ramendr.openshift.io/") && key != v1alpha1.AnnotationRestored {
				out = append(out, pvs.Items[i].Name+": "+key)
			}
		}
	}
	return out
}

// handedOver are dr1 and dr2 after a relocate to dr2.
func handedOver(t *testing.T, s *stores) (dr1, dr2 *cluster) {
	t.Helper()
	dr1, dr2 = protectedPrimary(t, s), newCluster(t, "dr2", s)
	dr1.wish(v1alpha1.Primary, "1", finalSync)
	dr1.settle()
	dr1.wish(v1alpha1.Secondary, "1", relocating)
	dr1.settle()
	require.Equal(t, v1alpha1.SecondaryState, dr1.group().Status.State)
	dr2.wish(v1alpha1.Primary, "2", relocating)
	dr2.settle()
	require.Equal(t, v1alpha1.PrimaryState, dr2.group().Status.State)
	return dr1, dr2
}

func (c *cluster) relabel(claim string) {
	c.t.Helper()
	pvc := c.claim(claim)
	pvc.Labels["app"] = "y"
	require.NoError(c.t, c.client.Update(c.t.Context(), pvc))
	c.settle()
}

// TestNothingOfOursStaysOnAVolume whose protection has ended, in whatever way. Where the volume may be the only copy, and no claim has it,
// it stays.
func TestNothingOfOursStaysOnAVolume(t *testing.T) {
	const keeps, deletes = corev1.PersistentVolumeReclaimRetain, corev1.PersistentVolumeReclaimDelete
	for name, tc := range map[string]struct {
		ends func(t *testing.T, s *stores) *cluster
		want corev1.PersistentVolumeReclaimPolicy // empty: the volume is gone
	}{
		"a Primary ends": {func(t *testing.T, s *stores) *cluster {
			c := protectedPrimary(t, s)
			c.end()
			return c
		}, deletes},
		"a claim is not selected any more": {func(t *testing.T, s *stores) *cluster {
			c := protectedPrimary(t, s)
			c.relabel("data")
			return c
		}, deletes},
		"a claim is deleted whose volume is not": {func(t *testing.T, s *stores) *cluster {
			c := newCluster(t, "dr1", s)
			c.provision("data")
			pv := c.pv("pv-data")
			pv.Spec.PersistentVolumeReclaimPolicy = keeps
			require.NoError(t, c.client.Update(t.Context(), pv))
			c.wish(v1alpha1.Primary, "1", mirrored)
			c.settle()
			c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
			c.settle()
			require.Nil(t, c.claim("data"))
			return c
		}, keeps},
		"a claim and its volume are deleted": {func(t *testing.T, s *stores) *cluster {
			c := protectedPrimary(t, s)
			c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
			c.settle()
			return c
		}, ""},
		"a Primary ends that has its volumes from the stores": {func(t *testing.T, s *stores) *cluster {
			_, dr2 := failedOver(t, s)
			require.NotEmpty(t, dr2.volumeMarks())
			dr2.end()
			return dr2
		}, deletes},
		"a Primary ends before its claims are restored": {func(t *testing.T, s *stores) *cluster {
			c := protectedPrimary(t, s)
			c.prune()
			s.down["s3-dr1"], s.down["s3-dr2"] = true, true
			c.wish(v1alpha1.Primary, "1", mirrored)
			c.abandon("s3-dr1", "s3-dr2")
			c.settle()
			require.Nil(t, c.claim("data"))
			c.end()
			return c
		}, keeps},
		"a Secondary ends whose claim stays": {func(t *testing.T, s *stores) *cluster {
			c, _ := handedOver(t, s)
			c.end()
			return c
		}, deletes},
		"a Secondary ends whose claim leaves": {func(t *testing.T, s *stores) *cluster {
			c, _ := handedOver(t, s)
			c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
			c.settle()
			require.NotNil(t, c.claim("data"), "the hub has not said that the peer serves")
			c.end()
			return c
		}, keeps},
		"a Secondary ends whose claim left": {func(t *testing.T, s *stores) *cluster {
			c, _ := handedOver(t, s)
			c.wish(v1alpha1.Secondary, "1", relocating, peerServes)
			c.remove(&corev1.PersistentVolumeClaim{}, ns, "data")
			c.settle()
			require.Nil(t, c.claim("data"))
			c.end()
			return c
		}, keeps},
		"a Secondary ends whose claim is not selected, and carries nothing of ours": {func(t *testing.T, s *stores) *cluster {
			c, _ := handedOver(t, s)
			pvc := c.claim("data")
			pvc.Labels, pvc.Finalizers, pvc.Annotations = map[string]string{"app": "y"}, nil, nil
			require.NoError(t, c.client.Update(t.Context(), pvc))
			c.silent = func(string) bool { return false }
			replica := c.replica("data")
			replica.Finalizers = nil
			require.NoError(t, c.client.Update(t.Context(), replica))
			require.NoError(t, c.client.Delete(t.Context(), replica))
			c.end()
			return c
		}, deletes},
		"a Secondary ends whose namespace was deleted before its volume was demoted": {func(t *testing.T, s *stores) *cluster {
			dr1, _ := failedOver(t, s)
			dr1.pruned()
			dr1.end()
			return dr1
		}, keeps},
		"a tool had restored the marks of a volume": {func(t *testing.T, s *stores) *cluster {
			c := newCluster(t, "dr1", s)
			c.provision("data")
			pv := c.pv("pv-data")
			pv.Labels = map[string]string{v1alpha1.LabelOwnerName: name, v1alpha1.LabelOwnerNamespace: ns}
			pv.Annotations = map[string]string{v1alpha1.AnnotationVRRetained: "Delete", v1alpha1.AnnotationVRReleased: "demoted"}
			pv.Spec.PersistentVolumeReclaimPolicy = keeps
			require.NoError(t, c.client.Update(t.Context(), pv))
			c.wish(v1alpha1.Primary, "1", mirrored)
			c.settle()
			c.end()
			return c
		}, deletes},
	} {
		t.Run(name, func(t *testing.T) {
			c := tc.ends(t, newStores())
			assert.Empty(t, c.volumeMarks())
			pv := c.pv("pv-data")
			if tc.want == "" {
				assert.Nil(t, pv)
				return
			}
			require.NotNil(t, pv)
			assert.Equal(t, tc.want, pv.Spec.PersistentVolumeReclaimPolicy)
		})
	}
}

// older has a volume look as an older version retained it: it does not remember its group, or whether it was demoted.
func (c *cluster) older() {
	c.t.Helper()
	pv := c.pv("pv-data")
	pv.Labels = nil
	delete(pv.Annotations, v1alpha1.AnnotationVRReleased)
	require.NoError(c.t, c.client.Update(c.t.Context(), pv))
}

// TestAVolumeOfAnOlderVersionRemembersItsGroup after the next look, on both sides.
func TestAVolumeOfAnOlderVersionRemembersItsGroup(t *testing.T) {
	t.Run("of a Primary", func(t *testing.T) {
		c := protectedPrimary(t, newStores())
		want := c.volumeMarks()
		require.NotEmpty(t, want)
		c.older()
		require.NotEqual(t, want, c.volumeMarks())
		c.settle()
		assert.Equal(t, want, c.volumeMarks())
	})
	t.Run("of a Secondary, which was demoted", func(t *testing.T) {
		c, _ := handedOver(t, newStores())
		want := c.volumeMarks()
		require.Contains(t, want, "pv-data: "+v1alpha1.AnnotationVRReleased)
		c.older()
		c.settle()
		assert.Equal(t, want, c.volumeMarks())
		c.pruned()
		assert.Equal(t, v1alpha1.SecondaryState, c.group().Status.State, c.message("DataReady"))
	})
	t.Run("its policy comes back without that", func(t *testing.T) {
		c := protectedPrimary(t, newStores())
		c.older()
		c.end()
		assert.Empty(t, c.volumeMarks())
		assert.Equal(t, corev1.PersistentVolumeReclaimDelete, c.pv("pv-data").Spec.PersistentVolumeReclaimPolicy)
	})
}
