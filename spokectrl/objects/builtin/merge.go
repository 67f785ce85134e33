// SPDX-License-Identifier: Apache-2.0

package builtin

import (
	"encoding/json"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

// merged reports whether an item is added to what exists, instead of being compared with it: clusters make these themselves.
func merged(it *portable.Item) bool {
	kind := it.Unstructured().GetKind()
	return it.GVR().Group == "" && (kind == "Namespace" || kind == "ServiceAccount")
}

// merge is the patch that adds what here lacks of an item, and changes nothing that it has; nil: it lacks nothing, or is not
// merged.
func merge(it *portable.Item, here *unstructured.Unstructured) []byte {
	if !merged(it) {
		return nil
	}
	u := it.Unstructured()
	meta, patch := map[string]any{}, map[string]any{}
	for key, both := range map[string][2]map[string]string{
		"labels":      {u.GetLabels(), here.GetLabels()},
		"annotations": {u.GetAnnotations(), here.GetAnnotations()},
	} {
		missing := maps.Clone(both[0])
		maps.DeleteFunc(missing, func(name, _ string) bool { _, has := both[1][name]; return has })
		if len(missing) > 0 {
			meta[key] = missing
		}
	}
	if len(meta) > 0 {
		patch["metadata"] = meta
	}
	has, _, _ := unstructured.NestedSlice(here.Object, "imagePullSecrets")
	wanted, _, _ := unstructured.NestedSlice(u.Object, "imagePullSecrets")
	all := slices.Clone(has)
	for _, ref := range wanted {
		if !slices.ContainsFunc(has, func(other any) bool { return nameOf(other) == nameOf(ref) }) {
			all = append(all, ref)
		}
	}
	if len(all) > len(has) {
		patch["imagePullSecrets"] = all
	}
	if len(patch) == 0 {
		return nil
	}
	text, err := json.Marshal(patch)
	if err != nil {
		return nil
	}
	return text
}

func nameOf(ref any) string {
	fields, _ := ref.(map[string]any)
	name, _ := fields["name"].(string)
	return name
}
