// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
)

// Paths is a set of fields that an API server does not know (X7), such as "spec.newField" or
// "status.protectedPVCs[].newField"; [] stands for each item of a list.
type Paths map[string]struct{}

// Dropped is the set of fields that sent holds and stored does not. Fields without a value don't count.
func Dropped(sent, stored *Object) Paths {
	out := Paths{}
	compareMaps("", sent.Object, stored.Object, out)
	return out
}

func compareMaps(path string, sent, stored map[string]any, out Paths) {
	for key, value := range sent {
		if path == "" && key == "metadata" {
			continue // its fields are the same everywhere
		}
		kept, ok := stored[key]
		if !ok {
			if !empty(value) {
				out[path+key] = struct{}{}
			}
			continue
		}
		compareValues(path+key, value, kept, out)
	}
}

func compareValues(path string, sent, stored any, out Paths) {
	switch s := sent.(type) {
	case map[string]any:
		if k, ok := stored.(map[string]any); ok {
			compareMaps(path+".", s, k, out)
		}
	case []any:
		k, _ := stored.([]any)
		for i := range min(len(s), len(k)) {
			compareValues(path+"[]", s[i], k[i], out)
		}
	}
}

// Without is obj without the fields of the set.
func (p Paths) Without(obj *Object) *Object {
	if len(p) == 0 {
		return obj
	}
	return &Object{Object: p.withoutMap("", obj.Object)}
}

func (p Paths) withoutMap(path string, m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		if _, drop := p[path+key]; !drop {
			out[key] = p.withoutValue(path+key, value)
		}
	}
	return out
}

func (p Paths) withoutValue(path string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		return p.withoutMap(path+".", v)
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			out = append(out, p.withoutValue(path+"[]", item))
		}
		return out
	default:
		return runtime.DeepCopyJSONValue(value)
	}
}

// In is the part of the set that obj holds.
func (p Paths) In(obj *Object) Paths {
	if len(p) == 0 {
		return nil
	}
	here := Dropped(obj, p.Without(obj))
	maps.DeleteFunc(here, func(path string, _ struct{}) bool { _, ok := p[path]; return !ok })
	return here
}

// String lists the set, sorted.
func (p Paths) String() string {
	return strings.Join(slices.Sorted(maps.Keys(p)), ", ")
}
