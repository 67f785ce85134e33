// SPDX-License-Identifier: Apache-2.0

package builtin

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

// An object is made before what reads it, and its owner may be that: a Secret comes before the Deployment that owns it. So what was made
// without an owner is linked to it when all is made, and only then it is told that one does not exist.

// linker links what a restore made to its owners.
type linker struct {
	*restore

	mu    sync.Mutex
	later []unlinked
}

// unlinked is an object that this restore made, and that lacks an owner.
type unlinked struct {
	kind kind
	it   *portable.Item
}

func (r *linker) linkLater(k kind, it *portable.Item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.later = append(r.later, unlinked{k, it})
}

// linkThose links what an earlier step made, and makes nothing.
func (r *linker) linkThose(ctx context.Context, items []*portable.Item) error {
	for _, it := range items {
		if k, served := r.served.serving(it.GVR()); served && len(it.Owners) > 0 {
			it.Unstructured().SetAPIVersion(k.GroupVersion().String())
			r.linkLater(k, it)
		}
	}
	if err := r.linkAll(ctx); err != nil {
		return err
	}
	return r.missing()
}

// linkAll links what lacks an owner to those that are here by now.
func (r *linker) linkAll(ctx context.Context) error {
	group, one := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, u := range r.later {
		group.Go(func() error {
			err := retry.RetryOnConflict(retry.DefaultBackoff, func() error { return r.linkOne(one, u) })
			switch {
			case one.Err() != nil:
				return fmt.Errorf("link %s to its owners: %w", u.it.Title(), one.Err())
			case err != nil:
				r.update(func(p *objects.Progress) { p.Objects = max(p.Objects-1, 0) })
				r.refuse(one, u.kind, u.it, fmt.Errorf("link it to its owners: %w", err))
			}
			return nil
		})
	}
	return group.Wait() //nolint:wrapcheck // it says what it was about
}

func (r *linker) linkOne(ctx context.Context, u unlinked) error {
	c := r.client(u.kind, u.it.Unstructured().GetNamespace())
	here, err := c.Get(ctx, u.it.Unstructured().GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil // somebody deleted it
	case err != nil:
		return did("get", err)
	case here.GetAnnotations()[portable.AnnotationRestored] != r.id:
		return nil // somebody made another one
	}
	lacks := missingOwners(u.it, here)
	found, gone := r.owners(ctx, u.it, lacks)
	if len(found) > 0 {
		here.SetOwnerReferences(append(here.GetOwnerReferences(), found...))
		if _, err := c.Update(ctx, here, metav1.UpdateOptions{FieldManager: fieldOwner}); err != nil {
			return did("update", err)
		}
	}
	for _, owner := range gone {
		r.find(objects.OwnerGone, u.it.Title(), "its owner "+owner+" does not exist here")
	}
	return nil
}

// missingOwners are those of an item that an object here has no reference to. An object has one controller.
func missingOwners(it *portable.Item, here *unstructured.Unstructured) []portable.Owner {
	type named struct {
		kind schema.GroupKind
		name string
	}
	has := map[named]bool{}
	for _, ref := range here.GetOwnerReferences() {
		if gv, err := schema.ParseGroupVersion(ref.APIVersion); err == nil {
			has[named{gv.WithKind(ref.Kind).GroupKind(), ref.Name}] = true
		}
	}
	controlled := metav1.GetControllerOf(here) != nil
	var out []portable.Owner
	for _, o := range it.Owners {
		gv, err := schema.ParseGroupVersion(o.APIVersion)
		if err == nil && !has[named{gv.WithKind(o.Kind).GroupKind(), o.Name}] && (!o.Controller || !controlled) {
			out = append(out, o)
		}
	}
	return out
}

// owners are those of an object as they are here, and gone those that do not exist.
func (r *linker) owners(ctx context.Context, it *portable.Item, of []portable.Owner) (out []metav1.OwnerReference, gone []string) {
	for _, o := range of {
		gv, err := schema.ParseGroupVersion(o.APIVersion)
		if err != nil {
			continue
		}
		gvk := gv.WithKind(o.Kind)
		uid, ok := r.owner(ctx, gvk, it.Unstructured().GetNamespace(), o.Name)
		if !ok {
			gone = append(gone, portable.Title(gvk.GroupKind(), "", o.Name))
			continue
		}
		ref := metav1.OwnerReference{APIVersion: o.APIVersion, Kind: o.Kind, Name: o.Name, UID: uid}
		if o.Controller {
			ref.Controller = new(true)
		}
		if o.Blocks {
			ref.BlockOwnerDeletion = new(true)
		}
		out = append(out, ref)
	}
	return out, gone
}

func (r *linker) owner(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string) (types.UID, bool) {
	k, ok := r.served.ofKind(gvk)
	if !ok {
		return "", false
	}
	u, err := r.client(k, namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", false
	}
	return u.GetUID(), true
}

// client reaches a type, in a namespace if it has one.
func (r *restore) client(k kind, namespace string) dynamic.ResourceInterface {
	if k.namespaced {
		return r.engine.Client.Resource(k.GroupVersionResource).Namespace(namespace)
	}
	return r.engine.Client.Resource(k.GroupVersionResource)
}
