// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	// Each look is at an object of its own: one may still be under way when the test goes on.
	has := func(want string) func() bool {
		return func() bool {
			is := &corev1.Namespace{}
			return assert.NoError(t, s.client.Get(context.Background(), client.ObjectKeyFromObject(house), is)) && is.Annotations[users] == want
		}
	}
	give := func() {
		require.NoError(t, s.client.Get(t.Context(), client.ObjectKeyFromObject(house), house))
		house.Annotations[users] = "1000700000/10000"
		require.NoError(t, s.client.Update(t.Context(), house))
	}
	s.ranges = `{"ranges":{"openshift.io/sa.scc.uid-range":"1000680000/10000"}}`
	s.wish(v1alpha1.Secondary, 1, func(spec *v1alpha1.VolumeReplicationGroupSpec) { spec.RetainNamespaceSCCAcrossPeers = true })
	require.Eventually(t, has("1000680000/10000"), soon, often, "the namespace has the range of the home")
	give()
	require.Eventually(t, has("1000680000/10000"), soon, often, "and again, after somebody changed it")

	// While a Pod is in it, nothing is changed; and as soon as it is gone, everything is.
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "guest"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
	require.NoError(t, s.client.Create(t.Context(), pod))
	give()
	require.Never(t, func() bool { return !has("1000700000/10000")() }, time.Second, often)
	require.NoError(t, s.client.Delete(t.Context(), pod, client.GracePeriodSeconds(0)))
	require.Eventually(t, has("1000680000/10000"), soon, often, "the Pod is gone")
}
