// SPDX-License-Identifier: Apache-2.0

package builtin

import (
	"bytes"
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

// page is how many objects are listed at once.
const page = 500

var (
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	apiServices = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
)

// capture is one capture that is under way.
type capture struct {
	engine   *Engine
	selected *selection
	into     objects.Sink
	before   *objects.Before
	update   objects.Update

	version string          // of all that is listed
	foreign map[string]bool // group/version of those that another server serves, with versions of its own
	known   bool            // foreign has all
	spaces  []string        // that exist
	types   []kind          // that are listed
	holes   []hole
	part    bytes.Buffer
}

func (c *capture) find(reason objects.Reason, object, what string) {
	c.update(func(p *objects.Progress) { p.Findings.Add(reason, object, what) })
}

func (c *capture) run(ctx context.Context) error {
	served, err := c.engine.discover()
	if err != nil {
		return err
	}
	if err := c.begin(ctx); err != nil {
		return err
	}
	c.types = served.captured(c.selected)
	for _, k := range c.types {
		if !k.namespaced {
			if err := c.list(ctx, k, ""); err != nil {
				return err
			}
			continue
		}
		for _, ns := range c.spaces {
			if err := c.list(ctx, k, ns); err != nil {
				return err
			}
		}
	}
	c.unanswered(served)
	if err := c.vanished(ctx, served); err != nil {
		return err
	}
	if err := c.keep(ctx); err != nil {
		return err
	}
	return c.flush(ctx)
}

// begin fixes the version, and captures the namespaces themselves.
func (c *capture) begin(ctx context.Context) error {
	c.foreign = map[string]bool{}
	services, err := c.engine.Client.Resource(apiServices).List(ctx, metav1.ListOptions{})
	if c.known = err == nil; c.known { // else what such a server says of the version tells
		for _, s := range services.Items {
			group, _, _ := unstructured.NestedString(s.Object, "spec", "group")
			version, _, _ := unstructured.NestedString(s.Object, "spec", "version")
			if _, other, _ := unstructured.NestedMap(s.Object, "spec", "service"); other {
				c.foreign[group+"/"+version] = true
			}
		}
	}
	list, err := c.engine.Client.Resource(namespaces).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return fmt.Errorf("list namespaces, for the version of the API server: %w", err)
	}
	c.version = list.GetResourceVersion()
	c.update(func(p *objects.Progress) { p.Version = c.version })
	for _, name := range c.selected.Namespaces {
		ns, err := c.engine.Client.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			c.hole("Namespace "+name, "it does not exist: create it, or remove it from the namespaces of the application", func(it *portable.Item) bool {
				u := it.Unstructured()
				return u.GetNamespace() == name || it.GVR() == namespaces && u.GetName() == name
			})
			continue
		case err != nil:
			return fmt.Errorf("read Namespace %s: %w", name, err)
		case ns.GetDeletionTimestamp() != nil:
			return fmt.Errorf("namespace %s is being deleted, and what is left in it is not the application", name)
		}
		c.spaces = append(c.spaces, name)
		if err := c.add(ctx, "namespaces", portable.Namespace(ns)); err != nil {
			return err
		}
	}
	return nil
}

// list captures the objects of a type in a namespace as they were at the version. What can't be listed so is listed as it is
// now; a type that can't be listed at all is a hole.
func (c *capture) list(ctx context.Context, k kind, namespace string) error {
	var from dynamic.ResourceInterface = c.engine.Client.Resource(k.GroupVersionResource)
	where := k.title()
	if namespace != "" {
		from = c.engine.Client.Resource(k.GroupVersionResource).Namespace(namespace)
		where += " in namespace " + namespace
	}
	done := map[string]bool{}
	opts := metav1.ListOptions{Limit: page, LabelSelector: c.selected.labels.String()}
	exact := !c.foreign[k.GroupVersion().String()]
	if exact {
		opts.ResourceVersion, opts.ResourceVersionMatch = c.version, metav1.ResourceVersionMatchExact
	} else {
		c.find(objects.NotAtOnce, where, "another server serves it, with versions of its own")
	}
	for {
		list, err := from.List(ctx, opts)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("list %s: %w", where, ctx.Err())
		case apierrors.IsForbidden(err):
			c.find(objects.NotAllowed, where, "the right to list it is missing")
			return nil
		case apierrors.IsNotFound(err), apierrors.IsMethodNotSupported(err), apierrors.IsServiceUnavailable(err), unconverted(err):
			c.hole(where, err.Error()+remedy(err), func(it *portable.Item) bool {
				u := it.Unstructured()
				return it.GVR().GroupResource() == k.GroupResource() && u.GetNamespace() == namespace && !done[u.GetName()]
			})
			return nil
		case err != nil && exact && (apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsTimeout(err)):
			c.find(objects.NotAtOnce, where, "the version of the capture is not available: "+err.Error())
			exact = false
			opts.ResourceVersion, opts.ResourceVersionMatch, opts.Continue = "", "", ""
			continue
		case apierrors.IsResourceExpired(err) && opts.Continue != "":
			opts.Continue = ""
			continue // from the beginning: what was captured is skipped
		case err != nil:
			return fmt.Errorf("list %s: %w", where, err)
		}
		for i := range list.Items {
			if u := &list.Items[i]; !done[u.GetName()] {
				done[u.GetName()] = true
				if err := c.object(ctx, k, u); err != nil {
					return err
				}
			}
		}
		if opts.Continue = list.GetContinue(); opts.Continue == "" {
			return nil
		}
		opts.ResourceVersion, opts.ResourceVersionMatch = "", "" // the rest is of the same version
	}
}

func (c *capture) object(ctx context.Context, k kind, u *unstructured.Unstructured) error {
	if u.GetKind() == "" {
		u.SetGroupVersionKind(k.GroupVersion().WithKind(k.Kind))
	}
	switch portable.Judge(u, c.selected.named(k)) {
	case portable.Captured:
		return c.add(ctx, k.title(), portable.Sanitize(k.Resource, u))
	case portable.Controlled:
		c.find(objects.LeftOut, portable.Title(u.GroupVersionKind().GroupKind(), u.GetNamespace(), u.GetName()), "its controller makes it again; to capture it, name its type in a Recipe")
	case portable.Leaving, portable.Excluded, portable.Made, portable.Finished:
	}
	return nil
}

func (c *capture) add(ctx context.Context, of string, it *portable.Item) error {
	line, err := it.Line()
	if err != nil {
		return err
	}
	if len(line) > objects.MaxPart {
		c.find(objects.LeftOut, it.Title(), fmt.Sprintf("it has %d bytes, which is more than a part can hold", len(line)))
		return nil
	}
	if c.part.Len()+len(line) > objects.MaxPart {
		if err := c.flush(ctx); err != nil {
			return err
		}
	}
	c.part.Write(line)
	c.update(func(p *objects.Progress) {
		p.Objects++
		if p.Counts == nil {
			p.Counts = map[string]int{}
		}
		p.Counts[of]++
	})
	return nil
}

func (c *capture) flush(ctx context.Context) error {
	if c.part.Len() == 0 {
		return nil
	}
	if err := c.into.Put(ctx, bytes.Clone(c.part.Bytes())); err != nil {
		return fmt.Errorf("store a part: %w", err)
	}
	c.part.Reset()
	return nil
}
