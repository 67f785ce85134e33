// SPDX-License-Identifier: Apache-2.0

package link

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

func TestAnObjectThatIsPackedIsTheSameAfterwards(t *testing.T) {
	o := &translate.Object{Object: map[string]any{
		"apiVersion": "v1", "kind": "Thing",
		"metadata": map[string]any{"name": "a", "namespace": "b", "uid": "u", "resourceVersion": "7",
			"managedFields": []any{map[string]any{"manager": "m", "fieldsV1": map[string]any{"f:spec": map[string]any{"k:{\"name\":\"x\"}": map[string]any{".": map[string]any{}}}}}}},
		"spec": map[string]any{
			"text": "grün \u0000 \" \n 漢字", "empty": "", "none": nil, "yes": true, "no": false,
			"integer": int64(math.MaxInt64), "least": int64(math.MinInt64), "small": int64(1), "fraction": 0.1, "whole": 2.0, "huge": 1e300,
			"list": []any{}, "nested": []any{[]any{int64(1), "x"}, map[string]any{}}, "map": map[string]any{}, "date": "2026-11-25T00:00:00Z", "base64": "aGVsbG8=",
		},
	}}
	p, err := pack(o)
	require.NoError(t, err)
	assert.Equal(t, o, p.unpack())
	assert.Equal(t, "b/a/u/7", p.Namespace+"/"+p.Name+"/"+string(p.UID)+"/"+p.ResourceVersion)
}

// FuzzPack packs whatever an API server could send.
func FuzzPack(f *testing.F) {
	f.Add([]byte(`{"apiVersion":"v1","kind":"Thing","spec":{"a":[1,1.5,"x",null,true,{"b":{}}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			t.Skip("no JSON")
		}
		o := &translate.Object{}
		if _, _, err := unstructured.UnstructuredJSONScheme.Decode(raw, nil, o); err != nil || o.IsList() {
			t.Skip("no object")
		}
		before := o.DeepCopy()
		p, err := pack(o)
		require.NoError(t, err)
		assert.Equal(t, before, p.unpack())
	})
}
