// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"context"
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestATroubleThatPassesIsTakenBack though the cache does not show yet that it was told: with VolSync on kind a group said for
// more than a minute what had been true for less than a second, since nothing else wakes it.
func TestATroubleThatPassesIsTakenBack(t *testing.T) {
	c := deployed(t, newStores())
	before := c.group()
	require.Equal(t, "True/Ready", c.says(v1alpha1.VRGDataReady))
	c.r.Client = interceptor.NewClient(c.client, interceptor.Funcs{
		Get: func(ctx context.Context, w client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			if group, ok := obj.(*v1alpha1.VolumeReplicationGroup); ok {
				before.DeepCopyInto(group)
				return nil
			}
			return w.Get(ctx, key, obj, opts...)
		},
	})
	is := func(completed metav1.ConditionStatus, reason string) {
		t.Helper()
		replica := c.replica("data")
		require.True(t, meta.SetStatusCondition(&replica.Status.Conditions, metav1.Condition{
			Type: replicationv1.ConditionCompleted, Status: completed, Reason: reason, ObservedGeneration: replica.Generation,
		}))
		require.NoError(t, c.client.Status().Update(t.Context(), replica))
		_, err := c.pass()
		require.NoError(t, err)
	}
	is(metav1.ConditionFalse, replicationv1.FailedToPromote)
	require.Equal(t, "False/Error", c.says(v1alpha1.VRGDataReady))
	is(metav1.ConditionTrue, replicationv1.Promoted)
	require.Equal(t, "True/Ready", c.says(v1alpha1.VRGDataReady))
}

// TestACacheOfAnotherTimeEndsNoProtection: the API server was restored from a backup, and the group is read live and a Primary
// again, while the cache still shows that its claim leaves, or is gone.
func TestACacheOfAnotherTimeEndsNoProtection(t *testing.T) {
	for name, shows := range map[string]func(*corev1.PersistentVolumeClaimList){
		"the claim leaves": func(list *corev1.PersistentVolumeClaimList) {
			for i := range list.Items {
				list.Items[i].DeletionTimestamp = new(metav1.Now())
			}
		},
		"the claim is gone": func(list *corev1.PersistentVolumeClaimList) { list.Items = nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			c := deployed(t, s)
			stored, claim, pv := s.keys(t, "dr1"), c.claim("data"), c.pv("pv-data")
			c.r.Client = interceptor.NewClient(c.client, interceptor.Funcs{
				List: func(ctx context.Context, w client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
					err := w.List(ctx, list, opts...)
					if claims, ok := list.(*corev1.PersistentVolumeClaimList); ok {
						shows(claims)
					}
					return err
				},
			})
			for range 3 {
				_, err := c.pass()
				require.NoError(t, err)
			}
			require.Equal(t, stored, s.keys(t, "dr1"), "what is stored")
			require.Equal(t, claim, c.claim("data"))
			require.Equal(t, pv, c.pv("pv-data"))
			require.NotNil(t, c.replica("data"))
			require.Nil(t, c.replica("data").DeletionTimestamp)
		})
	}
}
