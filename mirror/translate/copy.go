// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// CopyOf is what the mirror owns of the copy of wish at target: everything but metadata and status, the labels, and the
// annotations that a spoke reads or that say where the copy comes from. It works for any kind.
func CopyOf(wish *Object, target types.NamespacedName) *Object {
	out := named(wish, target.Namespace, target.Name)
	for field, value := range wish.Object {
		switch field {
		case "apiVersion", "kind", "metadata", "status":
		case "immutable":
			// Of a Secret. An immutable copy could not follow a wish that was re-created with other data.
		default:
			out.Object[field] = runtime.DeepCopyJSONValue(value)
		}
	}
	if labels := wish.GetLabels(); len(labels) > 0 {
		out.SetLabels(labels)
	}
	was := wish.GetAnnotations()
	annotations := map[string]string{
		exchange.AnnotationWishUID:        string(wish.GetUID()),
		exchange.AnnotationWishGeneration: strconv.FormatInt(wish.GetGeneration(), 10),
	}
	for key, value := range was {
		if strings.HasPrefix(key, v1alpha1.DRPCAnnotationPrefix) {
			annotations[key] = value
		}
	}
	maps.Copy(annotations, pick(was, exchange.AnnotationOrigin, exchange.AnnotationEpoch, exchange.AnnotationDRPC))
	out.SetAnnotations(annotations)
	return out
}

// wishOf is the UID and the generation of the wish that a copy was made from; empty if no mirror made it.
func wishOf(clone *Object) (types.UID, int64) {
	a := clone.GetAnnotations()
	generation, err := strconv.ParseInt(a[exchange.AnnotationWishGeneration], 10, 64)
	if err != nil {
		generation = 0
	}
	return types.UID(a[exchange.AnnotationWishUID]), generation
}

// MadeFrom reports whether clone is the copy of wish.
func MadeFrom(wish, clone *Object) bool {
	uid, _ := wishOf(clone)
	return uid == wish.GetUID()
}

// pick is the part of m with the given keys.
func pick(m map[string]string, keys ...string) map[string]string {
	out := map[string]string{}
	for _, k := range keys {
		if v, ok := m[k]; ok {
			out[k] = v
		}
	}
	return out
}
