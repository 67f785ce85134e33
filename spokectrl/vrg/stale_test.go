// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"context"
	"testing"

	replicationv1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/require"
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
