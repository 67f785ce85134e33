// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestWhatSomebodyElseMadeReceivesNothing: on the peer the user has an object of a name that is needed to receive a volume. It
// stays as it is, also when DR is disabled, and the group says what is in the way.
func TestWhatSomebodyElseMadeReceivesNothing(t *testing.T) {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "app", Name: name} }
	class, size := "lab-snap", corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	for name, tc := range map[string]struct {
		theirs client.Object
		told   string
	}{
		"a claim": {&corev1.PersistentVolumeClaim{ObjectMeta: meta("data-received"), Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: &class, Resources: corev1.VolumeResourceRequirements{Requests: size},
		}}, "PersistentVolumeClaim app/data-received exists and was not made for this"},
		"a destination": {&volsyncv1.ReplicationDestination{ObjectMeta: meta("data"), Spec: volsyncv1.ReplicationDestinationSpec{
			Restic: &volsyncv1.ReplicationDestinationResticSpec{Repository: "backup"},
		}}, "ReplicationDestination app/data exists and was not made for this"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCopying(t)
			peer := w.sides["dr2"]
			w.user("dr2", func(c client.Client) { require.NoError(t, c.Create(t.Context(), tc.theirs)) })
			is := func() client.Object {
				o := tc.theirs.DeepCopyObject().(client.Object)
				require.NoError(t, client.IgnoreNotFound(peer.client.Get(t.Context(), client.ObjectKeyFromObject(o), o)))
				return o
			}
			w.wish("dr1", v1alpha1.Primary)
			w.wish("dr2", v1alpha1.Secondary)
			w.settle("dr1")
			w.deploy("dr1")
			w.settle("dr1")
			for range 3 {
				w.hub()
				_, err := peer.pass()
				require.ErrorContains(t, err, tc.told)
			}
			assert.Contains(t, peer.message("DataProtected"), tc.told)
			assert.Empty(t, is().GetLabels())
			assert.Equal(t, tc.theirs.GetResourceVersion(), is().GetResourceVersion(), "it was written onto")
			assert.Empty(t, peer.group().Status.RDInfo, "nothing listens")

			require.NoError(t, peer.client.Delete(t.Context(), peer.group()))
			for range 5 {
				_, _ = peer.pass()
			}
			assert.Nil(t, peer.group())
			assert.Equal(t, tc.theirs.GetUID(), is().GetUID())
			assert.Nil(t, is().GetDeletionTimestamp(), "it goes with the protection")
			assert.NotEmpty(t, is().GetResourceVersion())
		})
	}
}
