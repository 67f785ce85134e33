// SPDX-License-Identifier: Apache-2.0

package portable

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ranks are the types in the order of a restore; of one rank all may be made at the same time. What runs comes last, after all
// that it may read, and that limits it.
var ranks = [][]schema.GroupResource{
	{{Resource: "namespaces"}},
	{{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"}},
	{}, // other types without a namespace
	{{Resource: "serviceaccounts"}},
	{{Group: "rbac.authorization.k8s.io", Resource: "roles"}},
	{{Group: "rbac.authorization.k8s.io", Resource: "rolebindings"}},
	{{Resource: "secrets"}, {Resource: "configmaps"}, {Resource: "limitranges"}},
	{{Resource: "services"}},
	{}, // all other types of Kubernetes
	{}, // custom types
	{{Resource: "resourcequotas"}, {Group: "networking.k8s.io", Resource: "networkpolicies"}},
	{
		{Group: "apps", Resource: "deployments"}, {Group: "apps", Resource: "statefulsets"}, {Group: "apps", Resource: "daemonsets"},
		{Group: "apps", Resource: "replicasets"}, {Resource: "replicationcontrollers"},
		{Group: "batch", Resource: "jobs"}, {Group: "batch", Resource: "cronjobs"}, {Resource: "pods"},
		{Group: "autoscaling", Resource: "horizontalpodautoscalers"},
	},
}

const (
	rankDefinitions   = 1
	rankClusterScoped = 2
	rankOthers        = 8
	rankCustom        = 9
)

// IsDefinition reports whether a rank is that of the definitions of custom types, which must be served before the next.
func IsDefinition(rank int) bool { return rank == rankDefinitions }

// Rank is the place of an item in a restore.
func Rank(it *Item) int {
	gr := it.GVR().GroupResource()
	if i := slices.IndexFunc(ranks, func(of []schema.GroupResource) bool { return slices.Contains(of, gr) }); i >= 0 {
		return i
	}
	switch {
	case it.Unstructured().GetNamespace() == "":
		return rankClusterScoped
	case builtIn(gr.Group):
		return rankOthers
	default:
		return rankCustom
	}
}

// Order sorts items by rank, then by type and name, so that a restore does the same each time; within a rank owners come before
// what they own.
func Order(items []*Item) {
	depth := depths(items)
	slices.SortStableFunc(items, func(a, b *Item) int {
		return cmp.Or(cmp.Compare(Rank(a), Rank(b)), cmp.Compare(depth[a], depth[b]), cmp.Compare(a.Title(), b.Title()))
	})
}

// Waves splits ordered items into those that may be made at the same time.
func Waves(items []*Item) [][]*Item {
	depth := depths(items)
	var out [][]*Item
	for i, it := range items {
		if i == 0 || Rank(it) != Rank(items[i-1]) || depth[it] != depth[items[i-1]] {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], it)
	}
	return out
}

type name struct {
	kind            schema.GroupKind
	namespace, name string
}

// depths says of each item how many owners are above it, among items.
func depths(items []*Item) map[*Item]int {
	known := map[name]*Item{}
	for _, it := range items {
		u := it.Unstructured()
		known[name{u.GroupVersionKind().GroupKind(), u.GetNamespace(), u.GetName()}] = it
	}
	out := map[*Item]int{}
	var of func(*Item, int) int
	of = func(it *Item, steps int) int {
		if d, done := out[it]; done {
			return d
		}
		deepest := 0
		for _, o := range it.Owners {
			gv, err := schema.ParseGroupVersion(o.APIVersion)
			if err != nil || steps > len(items) { // owners in a circle
				continue
			}
			kind := gv.WithKind(o.Kind).GroupKind()
			owner := known[name{kind, it.Unstructured().GetNamespace(), o.Name}]
			if owner == nil {
				owner = known[name{kind, "", o.Name}]
			}
			if owner != nil && owner != it {
				deepest = max(deepest, of(owner, steps+1)+1)
			}
		}
		out[it] = deepest
		return deepest
	}
	for _, it := range items {
		of(it, 0)
	}
	return out
}

// Equal reports whether an object here is what it, captured, would be made into. The annotation of restores does not count, and
// neither do owners.
func Equal(it *Item, here *unstructured.Unstructured) bool {
	is := Sanitize(it.Resource, here).Object
	if it.Unstructured().GetKind() == "Namespace" && it.GVR().Group == "" {
		is = Namespace(here).Object
	}
	want := &unstructured.Unstructured{Object: it.Object}
	if _, ours := want.GetAnnotations()[AnnotationRestored]; ours {
		want = want.DeepCopy()
		want.SetAnnotations(foreign(want.GetAnnotations()))
	}
	return equality.Semantic.DeepEqual(plain(want.Object), plain(is))
}

// plain drops empty maps and lists, which API servers add and remove as they like.
func plain(v any) any {
	switch of := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range of {
			if value = plain(value); value != nil {
				out[key] = value
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		if len(of) == 0 {
			return nil
		}
		out := make([]any, len(of))
		for i := range of {
			out[i] = plain(of[i])
		}
		return out
	case int64:
		return float64(of) // JSON of a store has no other numbers
	default:
		return v
	}
}
