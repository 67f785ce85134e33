// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/api/v1alpha1/applyconfiguration"
	"github.com/ramendr/ramen-direct/internal/apply"
)

// A status that becomes again what it was before the last one must be sent though the cache never showed the last one.
func TestAFreshReaderSeesTheStatusThatWasSentLast(t *testing.T) {
	scheme := runtime.NewScheme()
	require.NoError(t, v1alpha1.AddToScheme(scheme))
	holding := func(phase v1alpha1.DRClusterPhase) client.WithWatch {
		dc := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr1"}, Status: v1alpha1.DRClusterStatus{Phase: phase}}
		return fake.NewClientBuilder().WithScheme(scheme).WithTypeConverters(applyconfiguration.NewTypeConverter(scheme)).WithObjects(dc).WithStatusSubresource(dc).Build()
	}
	server, cache := holding("Starting"), holding("Available")
	before := &v1alpha1.DRCluster{}
	require.NoError(t, apply.Fresh(cache, server).Get(t.Context(), client.ObjectKey{Name: "dr1"}, before))
	after := before.DeepCopy()
	after.Status.Phase = "Available"
	sent, err := apply.New(server, "test").ChangedStatus(t.Context(), before, after)
	require.NoError(t, err)
	assert.True(t, sent)
	require.NoError(t, server.Get(t.Context(), client.ObjectKey{Name: "dr1"}, before))
	assert.EqualValues(t, "Available", before.Status.Phase)
}
