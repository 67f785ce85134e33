// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/internal/apply"
)

func TestFinalizersArePutOnAndTakenOff(t *testing.T) {
	c := fake.NewClientBuilder().WithObjects(&corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "m", UID: "uid"},
	}).Build()
	read := func() *corev1.ConfigMap {
		t.Helper()
		m := &corev1.ConfigMap{}
		require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "m"}, m))
		return m
	}
	stale := read()
	require.NoError(t, apply.Hold(t.Context(), c, read(), "a/one"))
	require.NoError(t, apply.Hold(t.Context(), c, read(), "a/one"))
	assert.Equal(t, []string{"a/one"}, read().Finalizers, "once")
	require.Error(t, apply.Hold(t.Context(), c, stale, "a/two"), "an old version does not wipe out what was put on since")
	require.NoError(t, apply.Hold(t.Context(), c, read(), "a/two"))
	assert.Equal(t, []string{"a/one", "a/two"}, read().Finalizers)

	old := read()
	require.NoError(t, apply.Release(t.Context(), c, read(), "a/one"))
	require.Error(t, apply.Release(t.Context(), c, old, "a/two"), "the list moved: it is not another one that goes")
	assert.Equal(t, []string{"a/two"}, read().Finalizers)

	other := read()
	other.UID = "of an object that is gone"
	require.Error(t, apply.Release(t.Context(), c, other, "a/two"))
	require.NoError(t, apply.Release(t.Context(), c, read(), "a/two"))
	require.NoError(t, apply.Release(t.Context(), c, read(), "a/two"))
	assert.Empty(t, read().Finalizers)
}
