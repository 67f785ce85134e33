// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Satisfied reports whether applying intent to have, as manager and to the given subresource, would change nothing
// (X11): have holds all that intent says, and nothing that manager once said and intent leaves out. What an API server
// or somebody else added does not count.
func Satisfied(intent, have *Object, manager, subresource string) bool {
	if have == nil {
		return false
	}
	return covers(intent.Object, have.Object) && !leftover(owned(have, manager, subresource), intent.Object)
}

// covers reports whether have holds all of want.
func covers(want, have map[string]any) bool {
	for key, w := range want {
		h := have[key]
		if wm, ok := w.(map[string]any); ok {
			hm, _ := h.(map[string]any)
			if !covers(wm, hm) {
				return false
			}
			continue
		}
		if !same(w, h) {
			return false
		}
	}
	return true
}

// same compares values other than maps. Lists of one content in another order are the same: an API server keeps its own
// order in lists with keys. A list whose order matters belongs to a spec, and a spec that changes has another generation.
func same(want, have any) bool {
	if empty(want) && empty(have) {
		return true
	}
	if reflect.DeepEqual(want, have) {
		return true
	}
	wl, ok1 := want.([]any)
	hl, ok2 := have.([]any)
	return ok1 && ok2 && len(wl) == len(hl) && slices.Equal(sorted(wl), sorted(hl))
}

// empty values may be left out by an API server.
func empty(v any) bool {
	switch t := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(t) == 0
	case []any:
		return len(t) == 0
	default:
		return false
	}
}

func sorted(list []any) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		text, err := json.Marshal(v) // sorts the keys of maps
		if err != nil {
			return nil
		}
		out = append(out, string(text))
	}
	slices.Sort(out)
	return out
}

// owned is the set of fields that manager has applied to obj.
func owned(obj *Object, manager, subresource string) map[string]any {
	for _, e := range obj.GetManagedFields() {
		if e.Manager == manager && e.Subresource == subresource && e.Operation == metav1.ManagedFieldsOperationApply {
			return fieldsOf(e)
		}
	}
	return nil
}

// fieldsOf is a set of fields in the form that an API server keeps it in: a tree whose keys are "f:<field>", and "k:",
// "v:" or "i:" for the items of lists.
func fieldsOf(e metav1.ManagedFieldsEntry) map[string]any {
	if e.FieldsV1 == nil {
		return nil
	}
	var tree map[string]any
	if err := json.Unmarshal(e.FieldsV1.GetRawBytes(), &tree); err != nil {
		return nil
	}
	return tree
}

// leftover reports whether the set of fields holds one that intent does not. Items of lists are left to covers, which
// compares lists as a whole.
func leftover(fields, intent map[string]any) bool { return lacks(intent, fields, false) }

// foreign reports whether the set of fields, which somebody else manages, holds a field, or an item of a list, that intent does
// not.
func foreign(fields, intent map[string]any) bool { return lacks(intent, fields, true) }

func lacks(intent, fields map[string]any, items bool) bool {
	for key, sub := range fields {
		name, isField := strings.CutPrefix(key, "f:")
		if !isField {
			continue
		}
		value, said := intent[name]
		if !said {
			return true
		}
		below, _ := sub.(map[string]any)
		switch v := value.(type) {
		case map[string]any:
			if lacks(v, below, items) {
				return true
			}
		case []any:
			if items && lacksItem(v, below) {
				return true
			}
		}
	}
	return false
}

// lacksItem reports whether items, the part of a set of fields that lies in a list, holds an item that list does not, or a field of
// one. An item of a set is named by its value, one of a map by the values of its keys.
func lacksItem(list []any, items map[string]any) bool {
	for key, sub := range items {
		kind, text, _ := strings.Cut(key, ":")
		if kind != "v" && kind != "k" {
			continue
		}
		var named any
		if json.Unmarshal([]byte(text), &named) != nil {
			continue
		}
		at := slices.IndexFunc(list, func(item any) bool { return isNamed(item, named) })
		if at < 0 {
			return true
		}
		below, _ := sub.(map[string]any)
		if item, ok := list[at].(map[string]any); ok && lacks(item, below, true) {
			return true
		}
	}
	return false
}

// isNamed reports whether named, of a set of fields, names item.
func isNamed(item, named any) bool {
	keys, ok := named.(map[string]any)
	if !ok {
		return sameScalar(item, named)
	}
	of, ok := item.(map[string]any)
	if !ok {
		return false
	}
	for key, value := range keys {
		if !sameScalar(of[key], value) {
			return false
		}
	}
	return true
}

// sameScalar compares in the form of JSON, where a number has no type.
func sameScalar(a, b any) bool {
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && string(x) == string(y)
}
