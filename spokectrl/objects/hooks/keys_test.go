// SPDX-License-Identifier: Apache-2.0

package hooks_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
)

func keys(t *testing.T, c client.Client) []string {
	t.Helper()
	s := &corev1.Secret{}
	require.NoError(t, c.Get(t.Context(), client.ObjectKey{Namespace: "op", Name: hooks.SecretName}, s))
	return slices.Sorted(maps.Keys(s.Data))
}

// A person finds the record of a group by its name, and gives it up by removing that key: no other one is lost, and none comes back.
func TestARecordIsGivenUpByItsKey(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	j := &hooks.Journal{Client: c, Live: c, Namespace: "op"}
	for _, name := range []string{"one", "two"} {
		require.NoError(t, j.Write(t.Context(), record(name)))
	}
	assert.Equal(t, []string{"shop.one", "shop.two"}, keys(t, c))
	holds := func(name, attempt string) bool {
		r := record(name)
		r.Attempt = attempt
		is, err := j.Holds(t.Context(), r)
		require.NoError(t, err)
		return is
	}
	assert.True(t, holds("one", "1"))
	assert.False(t, holds("one", "2"), "another attempt is another matter")
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: hooks.SecretName}}
	require.NoError(t, c.Patch(t.Context(), s, client.RawPatch("application/json-patch+json", []byte(`[{"op":"remove","path":"/data/shop.one"}]`))))
	assert.False(t, holds("one", "1"))
	assert.True(t, holds("two", "1"))
	require.NoError(t, j.Write(t.Context(), record("three")))
	assert.Equal(t, []string{"shop.three", "shop.two"}, keys(t, c))
}

// Keys are limited, and an earlier version had others, of which none may be left: what it says would be undone at each start.
func TestARecordHasOneKey(t *testing.T) {
	c := fake.NewClientBuilder().Build()
	j := &hooks.Journal{Client: c, Live: c, Namespace: "op"}
	long := record(strings.Repeat("x", 253))
	require.NoError(t, j.Write(t.Context(), long))
	require.Len(t, keys(t, c), 1)
	assert.Len(t, keys(t, c)[0], 32)
	require.NoError(t, j.Drop(t.Context(), long.Group))
	assert.Empty(t, keys(t, c))

	old, err := json.Marshal(record("g"))
	require.NoError(t, err)
	require.NoError(t, c.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: hooks.SecretName}}))
	require.NoError(t, c.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "op", Name: hooks.SecretName}, Data: map[string][]byte{"ed114fc4eda9c9efb65210f67ab93597": old},
	}))
	j = &hooks.Journal{Client: c, Live: c, Namespace: "op"}
	all, err := j.Load(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	is, err := j.Holds(t.Context(), all[0])
	require.NoError(t, err)
	assert.True(t, is)
	require.NoError(t, j.Drop(t.Context(), all[0].Group))
	assert.Empty(t, keys(t, c))
}
