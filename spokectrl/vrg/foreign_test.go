// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"context"
	"testing"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

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

// TestAReplicaThatSomebodyElseMadeIsToldNothing, be it made a moment ago; one that names the group is ours, also if Ramen made it.
func TestAReplicaThatSomebodyElseMadeIsToldNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		labels map[string]string
		told   string // the error; empty: it is ours
	}{
		"a user's":   {map[string]string{"made": "by hand"}, "VolumeReplication app/data exists and was not made for this"},
		"Ramen's":    {map[string]string{v1alpha1.LabelOwnerNamespace: ns, v1alpha1.LabelOwnerName: groupName}, ""},
		"of another": {map[string]string{v1alpha1.LabelOwnerNamespace: ns, v1alpha1.LabelOwnerName: "other"}, "was not made for this"},
	} {
		t.Run(name, func(t *testing.T) {
			c := deployed(t, newStores())
			ours := c.replica("data")
			require.NoError(t, c.client.Delete(t.Context(), ours))
			ours = c.replica("data")
			ours.Finalizers = nil
			require.NoError(t, c.client.Update(t.Context(), ours))
			theirs := &replicationv1.VolumeReplication{
				ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "data", Labels: tc.labels},
				Spec: replicationv1.VolumeReplicationSpec{
					VolumeReplicationClass: ours.Spec.VolumeReplicationClass, ReplicationState: replicationv1.Secondary, DataSource: ours.Spec.DataSource,
				},
			}
			require.NoError(t, c.client.Create(t.Context(), theirs))
			late := interceptor.NewClient(c.client, interceptor.Funcs{ // it was made since the group looked
				Get: func(ctx context.Context, w client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
					if _, replica := obj.(*replicationv1.VolumeReplication); replica {
						return apierrors.NewNotFound(schema.GroupResource{Resource: "volumereplications"}, key.Name)
					}
					return w.Get(ctx, key, obj, opts...)
				},
			})
			c.r.Client, c.r.Live = late, late
			_, err := c.pass()
			now := c.replica("data")
			if tc.told == "" {
				require.NoError(t, err)
				assert.Equal(t, replicationv1.Primary, now.Spec.ReplicationState)
				return
			}
			require.ErrorContains(t, err, tc.told)
			assert.Equal(t, theirs.ResourceVersion, now.ResourceVersion, "it was written onto")
			assert.Contains(t, c.message("DataReady"), tc.told)
		})
	}
}
