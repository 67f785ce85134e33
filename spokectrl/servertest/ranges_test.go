// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestTheRangesOfTheHomeReplaceThoseThatTheClusterGave : with the rights that we have, though another writer set them, and
// when the namespace was there before the hub knew them.
func TestTheRangesOfTheHomeReplaceThoseThatTheClusterGave(t *testing.T) {
	const users = "openshift.io/sa.scc.uid-range"
	s := up(t, "ranges")
	house := &corev1.Namespace{}
	require.NoError(t, s.client.Get(t.Context(), client.ObjectKey{Name: s.ns}, house))
	house.Labels[v1alpha1.LabelCreatedByRamen] = "true"
	house.Annotations = map[string]string{users: "1000700000/10000"}
	require.NoError(t, s.client.Update(t.Context(), house))
	s.ranges = `{"ranges":{"openshift.io/sa.scc.uid-range":"1000680000/10000"}}`
	s.wish(v1alpha1.Secondary, 1, func(spec *v1alpha1.VolumeReplicationGroupSpec) { spec.RetainNamespaceSCCAcrossPeers = true })
	require.Eventually(t, func() bool {
		require.NoError(t, s.client.Get(t.Context(), client.ObjectKeyFromObject(house), house))
		return house.Annotations[users] == "1000680000/10000"
	}, soon, often, "the namespace has the range of the home")
	house.Annotations[users] = "1000700000/10000"
	require.NoError(t, s.client.Update(t.Context(), house))
	require.Eventually(t, func() bool {
		require.NoError(t, s.client.Get(t.Context(), client.ObjectKeyFromObject(house), house))
		return house.Annotations[users] == "1000680000/10000"
	}, soon, often, "and again, after somebody changed it")
}
