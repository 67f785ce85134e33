// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/internal/apply"
)

func TestKeptWritesOnlyWhatTheObjectDoesNotSay(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	a := apply.New(c, "test")
	kept := func(data map[string]string) bool {
		t.Helper()
		wrote, err := a.Kept(t.Context(), c, corev1ac.ConfigMap("m", "ns").WithData(data))
		require.NoError(t, err)
		return wrote
	}
	assert.True(t, kept(map[string]string{"a": "1"}), "a missing object is made")
	assert.False(t, kept(map[string]string{"a": "1"}), "an equal object is left alone")
	assert.True(t, kept(map[string]string{"a": "2"}), "a changed field is written")

	m := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: "ns", Name: "m"}
	require.NoError(t, c.Get(t.Context(), key, m))
	m.Data["b"] = "of somebody else"
	require.NoError(t, c.Update(t.Context(), m))
	assert.False(t, kept(map[string]string{"a": "2"}), "fields of others do not matter")

	m.Data["a"] = "drifted"
	require.NoError(t, c.Update(t.Context(), m))
	assert.True(t, kept(map[string]string{"a": "2"}), "drift is repaired")
	require.NoError(t, c.Get(t.Context(), key, m))
	assert.Equal(t, map[string]string{"a": "2", "b": "of somebody else"}, m.Data)
}
