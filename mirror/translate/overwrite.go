// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// overwrite is clone with the content of intent; nil if clone holds nothing that applying intent would not remove. An
// apply removes what its manager applied before. What somebody else once set in the spec, of an object that is adopted
// or by hand, would survive it, and the spoke would go on obeying it (X1: nobody else writes a spec).
func overwrite(intent, clone *Object) *Object {
	if !holdsForeign(intent, clone, ManagerCopy) {
		return nil
	}
	out := clone.DeepCopy()
	for field := range out.Object {
		if _, said := intent.Object[field]; !said && field != "status" {
			delete(out.Object, field)
		}
	}
	for field, value := range intent.Object {
		if field != "metadata" {
			out.Object[field] = runtime.DeepCopyJSONValue(value)
		}
	}
	out.SetLabels(mergeOurs(clone, "f:labels", clone.GetLabels(), intent.GetLabels()))
	out.SetAnnotations(mergeOurs(clone, "f:annotations", clone.GetAnnotations(), intent.GetAnnotations()))
	return out
}

// holdsForeign reports whether clone holds something that applying intent, as manager, would not remove: fields, or items of lists
// that are merged by item, which another one manages or which manager wrote otherwise.
func holdsForeign(intent, clone *Object, manager string) bool {
	for _, e := range clone.GetManagedFields() {
		if e.Subresource != "" || e.Manager == manager && e.Operation == metav1.ManagedFieldsOperationApply {
			continue
		}
		fields := fieldsOf(e)
		if e.Manager != manager {
			maps.DeleteFunc(fields, func(field string, _ any) bool { return field == "f:metadata" }) // theirs
		}
		if foreign(fields, intent.Object) {
			return true
		}
	}
	return false
}

// OverwriteConfig is clone, a DRClusterConfig on a spoke, with the spec of intent; nil if clone holds nothing in its spec that
// applying intent would not remove, as for copies.
func OverwriteConfig(intent, clone *Object) *Object {
	if clone == nil || !holdsForeign(intent, clone, ManagerConfig) {
		return nil
	}
	out := clone.DeepCopy()
	delete(out.Object, "spec")
	if spec, ok := intent.Object["spec"]; ok {
		out.Object["spec"] = runtime.DeepCopyJSONValue(spec)
	}
	return out
}

// mergeOurs is has, without what the mirror set before, and with want.
func mergeOurs(clone *Object, group string, has, want map[string]string) map[string]string {
	out := maps.Clone(has)
	if out == nil {
		out = map[string]string{}
	}
	for _, e := range clone.GetManagedFields() {
		if e.Manager != ManagerCopy || e.Subresource != "" {
			continue
		}
		metadata, _ := fieldsOf(e)["f:metadata"].(map[string]any)
		ours, _ := metadata[group].(map[string]any)
		maps.DeleteFunc(out, func(key, _ string) bool { _, set := ours["f:"+key]; return set })
	}
	maps.Copy(out, want)
	return out
}
