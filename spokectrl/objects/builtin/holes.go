// SPDX-License-Identifier: Apache-2.0

package builtin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

// hole is what a capture is to have and could not read: a type, a group, or a namespace.
type hole struct {
	title, why string
	holds      func(*portable.Item) bool // of the capture before
}

func (c *capture) hole(title, why string, holds func(*portable.Item) bool) {
	c.holes = append(c.holes, hole{title, why, holds})
}

// unconverted reports whether the API server could not convert the objects of a list: the webhook of their definition failed. Its own
// troubles are errors of the same kind, and end the attempt.
func unconverted(err error) bool {
	return apierrors.IsInternalError(err) && strings.Contains(err.Error(), "conversion webhook")
}

// remedy is what may help against a list that fails.
func remedy(err error) string {
	switch {
	case unconverted(err):
		return ": repair the webhook of its definition"
	case apierrors.IsServiceUnavailable(err):
		return ": repair the server that serves it, or delete the APIService of a server that is gone for good"
	default:
		return ": look at its definition, or at the APIService of its group"
	}
}

// unanswered are the groups of which the API server does not say what they have.
func (c *capture) unanswered(served *catalog) {
	for _, gv := range served.failed {
		if portable.NeverType(schema.GroupResource{Group: gv.Group, Resource: "*"}) || !c.selected.mayWantOf(gv.Group, served) {
			continue
		}
		c.hole(gv.String(), "the API server does not say what it has: repair the server of its APIService, or delete the APIService of one that is gone for good", func(it *portable.Item) bool {
			return it.GVR().Group == gv.Group && !c.lists(it.GVR().GroupResource())
		})
	}
}

func (c *capture) lists(r schema.GroupResource) bool {
	return slices.ContainsFunc(c.types, func(k kind) bool { return k.GroupResource() == r })
}

// vanished finds the types that the capture before has, and the API server does not offer any more. Only one that was removed is let
// go.
func (c *capture) vanished(ctx context.Context, served *catalog) error {
	if c.before == nil {
		return nil
	}
	for _, title := range slices.Sorted(maps.Keys(c.before.Counts)) {
		r := schema.ParseGroupResource(title)
		if r == namespaces.GroupResource() || c.lists(r) || slices.ContainsFunc(served.failed, func(gv schema.GroupVersion) bool { return gv.Group == r.Group }) {
			continue
		}
		why := "the API server offers no list of it any more"
		if k, is := served.serving(r.WithVersion("")); is {
			if !c.selected.covers(k) {
				continue
			}
		} else {
			if !c.selected.mayWant(r, served) {
				continue
			}
			removed, err := c.removed(ctx, served, r)
			if err != nil {
				return err
			}
			if removed {
				c.find(objects.LeftOut, title, "its type was removed from this cluster after the capture before")
				continue
			}
			why = "this cluster does not serve it at the moment: look at its definition, or at the APIService of its group"
		}
		c.hole(title, why, func(it *portable.Item) bool { return it.GVR().GroupResource() == r })
	}
	return nil
}

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// removed reports whether a type that is not served has no definition, and no server. An API server that starts serves neither for a
// while, but tells of both.
func (c *capture) removed(ctx context.Context, served *catalog, r schema.GroupResource) (bool, error) {
	if _, able := served.serving(definitions); !able || !c.known {
		return false, nil
	}
	for gv := range c.foreign {
		if group, _, _ := strings.Cut(gv, "/"); group == r.Group {
			return false, nil
		}
	}
	_, err := c.engine.Client.Resource(definitions).Get(ctx, r.String(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return true, nil
	case err == nil, apierrors.IsForbidden(err):
		return false, nil
	default:
		return false, fmt.Errorf("read CustomResourceDefinition %s: %w", r, err)
	}
}

// keep takes over what the capture before has of holes, and tells of each.
func (c *capture) keep(ctx context.Context) error {
	if len(c.holes) == 0 {
		return nil
	}
	kept, lost := map[string]time.Time{}, ""
	if c.before != nil {
		err := c.before.Each(ctx, func(part []byte) error {
			for line := range bytes.Lines(part) {
				it, err := portable.Parse(line)
				if err != nil {
					lost = err.Error()
					continue
				}
				i := slices.IndexFunc(c.holes, func(h hole) bool { return h.holds(it) })
				if i < 0 || !c.within(it) {
					continue
				}
				title := c.holes[i].title
				kept[title] = c.before.Start
				if earlier, known := c.before.Kept[title]; known {
					kept[title] = earlier
				}
				if err := c.add(ctx, it.GVR().GroupResource().String(), it); err != nil {
					return err
				}
			}
			return nil
		})
		if gone, is := errors.AsType[*objects.LostError](err); is {
			lost = gone.Error()
		} else if err != nil {
			return fmt.Errorf("take what can't be read now from the capture before: %w", err)
		}
	}
	for _, h := range c.holes {
		why := h.why
		if at, is := kept[h.title]; is {
			why += "; what was captured of it at " + at.UTC().Format(time.RFC3339) + " is kept"
		}
		if lost != "" {
			why += "; a part of the capture before, which may have some of it, can't be read: " + strings.ReplaceAll(lost, "\n", "; ")
		}
		c.find(objects.NotRead, h.title, why)
	}
	c.update(func(p *objects.Progress) { p.Kept = kept })
	return nil
}

// within reports whether an item of the capture before is selected. A Recipe may have changed since.
func (c *capture) within(it *portable.Item) bool {
	u := it.Unstructured()
	if it.GVR() == namespaces {
		return slices.Contains(c.selected.Namespaces, u.GetName())
	}
	k := kind{GroupVersionResource: it.GVR(), Kind: u.GetKind()}
	return (u.GetNamespace() == "" && c.selected.ClusterScoped || slices.Contains(c.selected.Namespaces, u.GetNamespace())) &&
		!slices.ContainsFunc(c.selected.Excluded, k.called) && c.selected.labels.Matches(labels.Set(u.GetLabels()))
}
