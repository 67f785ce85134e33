// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

// manages lets somebody else have applied fields.
func manages(o *translate.Object, manager, fields string) {
	o.SetManagedFields(append(o.GetManagedFields(), metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(fields)}))
}

func TestX1_AnItemOfSomebodyElseIsTakenBack(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(wish, clone *translate.Object)
		verb   translate.Verb
	}{
		"an item that somebody else applied to a set is overwritten": {verb: translate.Overwrite, change: func(_, clone *translate.Object) {
			clone.Object["spec"].(map[string]any)["s3Profiles"] = []any{"a", "b", "c"}
			manages(clone, "kubectl", `{"f:spec":{"f:s3Profiles":{"v:\"c\"":{}}}}`)
		}},
		"an item of a set that somebody else applies too is left": {change: func(_, clone *translate.Object) {
			manages(clone, "kubectl", `{"f:spec":{"f:s3Profiles":{"v:\"b\"":{}}}}`)
		}},
		"an item that somebody else applied to a map is overwritten": {verb: translate.Overwrite, change: func(wish, clone *translate.Object) {
			wish.Object["spec"].(map[string]any)["rules"] = []any{map[string]any{"name": "a", "port": int64(1)}}
			clone.Object["spec"].(map[string]any)["rules"] = []any{map[string]any{"name": "a", "port": int64(1)}, map[string]any{"name": "a", "port": int64(2)}}
			manages(clone, "kubectl", `{"f:spec":{"f:rules":{"k:{\"name\":\"a\",\"port\":2}":{".":{},"f:name":{},"f:port":{}}}}}`)
		}},
		"a field that somebody else applied to an item is overwritten": {verb: translate.Overwrite, change: func(wish, clone *translate.Object) {
			wish.Object["spec"].(map[string]any)["rules"] = []any{map[string]any{"name": "a", "port": int64(1)}}
			clone.Object["spec"].(map[string]any)["rules"] = []any{map[string]any{"name": "a", "port": int64(1), "more": "x"}}
			manages(clone, "kubectl", `{"f:spec":{"f:rules":{"k:{\"name\":\"a\",\"port\":1}":{".":{},"f:name":{},"f:port":{},"f:more":{}}}}}`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			wish, clone := newWish(), newCopy()
			tc.change(wish, clone)
			assert.Equal(t, tc.verb, translate.Decide(wish, clone, translate.Place{Identity: "cluster-1"}).Verb)
		})
	}
}

func TestX1_AnItemThatSomebodyElseAppliedToTheConfigIsTakenBack(t *testing.T) {
	intent := translate.ConfigOf(object("", "dr1", "u", 2, nil, map[string]any{"abandonedStores": []any{"gone"}}, nil))
	clone := stored(intent, "copy", translate.ManagerConfig)
	clone.Object["status"] = map[string]any{"clusterID": "id"}
	assert.Nil(t, translate.OverwriteConfig(intent, nil))
	assert.Nil(t, translate.OverwriteConfig(intent, clone))
	clone.Object["spec"].(map[string]any)["abandonedStores"] = []any{"gone", "in-use"}
	manages(clone, "kubectl", `{"f:metadata":{"f:labels":{"f:own":{}}},"f:spec":{"f:abandonedStores":{"v:\"in-use\"":{}}}}`)
	whole := translate.OverwriteConfig(intent, clone)
	require.NotNil(t, whole)
	assert.Equal(t, intent.Object["spec"], whole.Object["spec"])
	assert.Equal(t, clone.Object["status"], whole.Object["status"])
	assert.Equal(t, "10", whole.GetResourceVersion())
}
