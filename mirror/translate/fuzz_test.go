// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// FuzzWishToReport feeds any spec, status and metadata: nothing may be lost, nothing forbidden may pass, inputs stay as
// they are, and what was applied is satisfied.
func FuzzWishToReport(f *testing.F) {
	f.Add(`{"spec":{"a":{"b":[1,{"c":null}]}},"status":{"x":[[]]},"metadata":{"labels":{"l":"v"},"ownerReferences":[{"name":"o"}]}}`)
	f.Add(`{"spec":null,"unknown":{"deep":[{"er":1.5}]},"metadata":{"annotations":{"drplacementcontrol.ramendr.openshift.io/x":"y"},"finalizers":["f"]}}`)
	f.Add(`{"spec":[],"status":{"exchange":{"wishUID":"forged"}},"immutable":true}`)
	f.Fuzz(func(t *testing.T, text string) {
		var content map[string]any
		if json.Unmarshal([]byte(text), &content) != nil {
			t.Skip()
		}
		wish := &translate.Object{}
		content["apiVersion"], content["kind"] = "ramendr.openshift.io/v1alpha1", "VolumeReplicationGroup"
		encoded, err := json.Marshal(content)
		require.NoError(t, err)
		if wish.UnmarshalJSON(encoded) != nil {
			t.Skip()
		}
		if _, broken := wish.Object["metadata"].(map[string]any); wish.Object["metadata"] != nil && !broken {
			t.Skip()
		}
		wish.SetUID("wish")
		before := wish.DeepCopy()
		clone := translate.CopyOf(wish, target)
		assert.Equal(t, before, wish, "the wish was changed")
		assert.Equal(t, clone, translate.CopyOf(wish, target))
		for field, value := range wish.Object {
			switch field {
			case "apiVersion", "kind", "metadata", "status", "immutable":
			default:
				assert.Equal(t, value, clone.Object[field], "a field was lost")
			}
		}
		checkMetadata(t, clone)
		assert.NotContains(t, clone.Object, "status")
		assert.True(t, translate.Satisfied(clone, stored(clone, "copy", translate.ManagerCopy), translate.ManagerCopy, ""))

		spoke := wish.DeepCopy()
		spoke.SetNamespace("app")
		spoke.SetName("db")
		before = spoke.DeepCopy()
		report, status := translate.Report("dr1", spoke), translate.ReportStatus("dr1", "cluster-1", spoke, nil, noon)
		assert.Equal(t, before, spoke, "the copy was changed")
		assert.Equal(t, spoke.Object["spec"], report.Object["spec"])
		checkMetadata(t, report)
		checkMetadata(t, status)
		told := status.Object["status"].(map[string]any)
		if facts, ok := spoke.Object["status"].(map[string]any); ok {
			for field, value := range facts {
				if field != "exchange" {
					assert.Equal(t, value, told[field], "a fact was lost")
				}
			}
		}
		stamp := told["exchange"].(map[string]any)
		assert.Equal(t, "wish", stamp["spokeUID"])
		assert.NotEqual(t, "forged", stamp["wishUID"])
	})
}

// FuzzX9_ALowerGenerationUndoesNothing feeds two contents: a copy that was made from the first in a later generation, and
// a wish of the second in an earlier one. It is applied only if that changes nothing but the stamp.
func FuzzX9_ALowerGenerationUndoesNothing(f *testing.F) {
	f.Add(`{"spec":{"a":"x"}}`, `{"spec":{"a":"x"}}`)
	f.Add(`{"spec":{"a":"x","b":[1]}}`, `{"spec":{"a":"x"}}`)
	f.Add(`{"spec":{"a":{}}}`, `{"spec":{}}`)
	f.Add(`{"spec":{"a":[1,2]},"other":{"x":1}}`, `{"spec":{"a":[2,1]}}`)
	f.Fuzz(func(t *testing.T, obeyed, restored string) {
		wish := func(text string, generation int64) *translate.Object {
			var content map[string]any
			if json.Unmarshal([]byte(text), &content) != nil {
				t.Skip()
			}
			w := newWish()
			for field, value := range content {
				if _, isMap := value.(map[string]any); !isMap || field == "metadata" || field == "status" {
					t.Skip()
				}
				w.Object[field] = value
			}
			w.SetGeneration(generation)
			return w
		}
		older, later := wish(restored, 3), wish(obeyed, 4)
		clone := stored(translate.CopyOf(later, target), "copy", translate.ManagerCopy)
		d := translate.Decide(older, clone, translate.Place{Identity: "cluster-1"})
		assert.True(t, d.Doubtful, "an outdated view of the wish would explain it")
		if d.Verb == translate.Refuse {
			assert.Equal(t, "EpochRefused", d.Reason)
			assert.NotEqual(t, obeyed, restored, "the same content is refused")
			return
		}
		require.Equal(t, translate.Update, d.Verb)
		annotate(d.Intent, exchange.AnnotationWishGeneration, "4")
		assert.True(t, translate.Satisfied(d.Intent, clone, translate.ManagerCopy, ""), "something but the stamp changes")
	})
}

// checkMetadata fails if an intent carries metadata that is never copied.
func checkMetadata(t *testing.T, o *translate.Object) {
	t.Helper()
	for field := range o.Object["metadata"].(map[string]any) {
		assert.Contains(t, []string{"namespace", "name", "labels", "annotations"}, field)
	}
}
