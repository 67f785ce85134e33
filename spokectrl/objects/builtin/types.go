// SPDX-License-Identifier: Apache-2.0

package builtin

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

// selection is an objects.Selection that was understood.
type selection struct {
	objects.Selection
	labels labels.Selector
}

func newSelection(s objects.Selection) (*selection, error) {
	out := &selection{Selection: s, labels: labels.Everything()}
	if s.Selector != nil {
		var err error
		if out.labels, err = metav1.LabelSelectorAsSelector(s.Selector); err != nil {
			return nil, fmt.Errorf("read the selector: %w", err)
		}
	}
	return out, nil
}

// kind is one type that the API server serves.
type kind struct {
	schema.GroupVersionResource
	Kind, singular string
	short          []string
	namespaced     bool
	hasStatus      bool
	verbs          []string
}

func (k kind) title() string { return k.GroupResource().String() }

// called reports whether k is meant by a name as users write it: a kind, a plural, a singular or a short name, and any of these
// with the group, or with version and group.
func (k kind) called(name string) bool {
	name = strings.ToLower(name)
	for _, of := range append([]string{k.Resource, k.singular, strings.ToLower(k.Kind)}, k.short...) {
		if of != "" && (name == of || name == of+"."+k.Group || name == of+"."+k.Version+"."+k.Group) {
			return true
		}
	}
	return false
}

// named reports whether the selection names the type, as opposed to all types.
func (s *selection) named(k kind) bool { return slices.ContainsFunc(s.Included, k.called) }

func (s *selection) wants(k kind) bool {
	return (len(s.Included) == 0 || s.named(k)) && !slices.ContainsFunc(s.Excluded, k.called)
}

// covers reports whether a capture is to have the objects of a type.
func (s *selection) covers(k kind) bool {
	return !portable.NeverType(k.GroupResource()) && s.wants(k) && (k.namespaced || s.ClusterScoped)
}

// mayWant is wants for a type that is not served, of which only the plural and the group are known: a name that fits no type that
// is served may be one of its own.
func (s *selection) mayWant(r schema.GroupResource, served *catalog) bool {
	k := kind{GroupVersionResource: r.WithVersion("")}
	return !portable.NeverType(r) && !slices.ContainsFunc(s.Excluded, k.called) && (len(s.Included) == 0 || slices.ContainsFunc(s.Included, func(name string) bool {
		_, group, qualified := strings.Cut(name, ".")
		return k.called(name) || !served.has(name) && (!qualified || group == r.Group || strings.HasSuffix(group, "."+r.Group))
	}))
}

// mayWantOf is mayWant for any type of a group.
func (s *selection) mayWantOf(group string, served *catalog) bool {
	return s.mayWant(schema.GroupResource{Group: group, Resource: "*"}, served)
}

// catalog is what the API server serves.
type catalog struct {
	kinds     []kind                // of all versions
	preferred map[string]bool       // group/version
	failed    []schema.GroupVersion // that did not answer
}

// discover asks what is served. A group that fails is no reason to fail, and not taken for one that has nothing.
func (e *Engine) discover() (*catalog, error) {
	groups, lists, err := e.Discovery.ServerGroupsAndResources()
	out := &catalog{preferred: map[string]bool{}}
	var partial *discovery.ErrGroupDiscoveryFailed
	switch {
	case errors.As(err, &partial):
		for gv := range partial.Groups {
			out.failed = append(out.failed, gv)
		}
		slices.SortFunc(out.failed, func(a, b schema.GroupVersion) int { return cmp.Compare(a.String(), b.String()) })
	case err != nil:
		return nil, fmt.Errorf("ask the API server what it serves: %w", err)
	}
	for _, g := range groups {
		out.preferred[g.PreferredVersion.GroupVersion] = true
	}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue
		}
		status := map[string]bool{}
		for _, r := range list.APIResources {
			if of, sub, ok := strings.Cut(r.Name, "/"); ok && sub == "status" {
				status[of] = true
			}
		}
		for _, r := range list.APIResources {
			if !strings.Contains(r.Name, "/") {
				out.kinds = append(out.kinds, kind{gv.WithResource(r.Name), r.Kind, r.SingularName, r.ShortNames, r.Namespaced, status[r.Name], r.Verbs})
			}
		}
	}
	return out, nil
}

// captured are the types of a capture, each in one version: the preferred one of its group, if that has it.
func (c *catalog) captured(s *selection) []kind {
	best := map[schema.GroupResource]kind{}
	for _, k := range c.kinds {
		able := slices.Contains(k.verbs, "list") && slices.Contains(k.verbs, "create")
		if !able || !s.covers(k) {
			continue
		}
		if old, known := best[k.GroupResource()]; !known || !c.preferred[old.GroupVersion().String()] && c.preferred[k.GroupVersion().String()] {
			best[k.GroupResource()] = k
		}
	}
	out := make([]kind, 0, len(best))
	for _, k := range best {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b kind) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource, b.Resource)) })
	return out
}

// serving is the type by which an object is made: of its own version, else of another one of its group.
func (c *catalog) serving(r schema.GroupVersionResource) (kind, bool) {
	var found kind
	ok := false
	for _, k := range c.kinds {
		switch {
		case k.GroupVersionResource == r:
			return k, true
		case k.GroupResource() == r.GroupResource() && (!ok || c.preferred[k.GroupVersion().String()]):
			found, ok = k, true
		}
	}
	return found, ok
}

// has reports whether a type is called so.
func (c *catalog) has(name string) bool {
	return slices.ContainsFunc(c.kinds, func(k kind) bool { return k.called(name) })
}

// ofKind is the type of an owner.
func (c *catalog) ofKind(gvk schema.GroupVersionKind) (kind, bool) {
	for _, k := range c.kinds {
		if k.Group == gvk.Group && k.Kind == gvk.Kind {
			return c.serving(gvk.GroupVersion().WithResource(k.Resource))
		}
	}
	return kind{}, false
}
