// SPDX-License-Identifier: Apache-2.0

package builtin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/portable"
)

const (
	// parallel is how many objects are made at the same time.
	parallel = 8
	// established is how long a definition may take until its type is served.
	established = 30 * time.Second
	pollEvery   = 200 * time.Millisecond
)

// restore is one restore that is under way.
type restore struct {
	engine    *Engine
	selected  *selection
	status    *selection // nil: of no type
	id        string
	overwrite bool
	update    objects.Update
	link      bool // and nothing else
	// lacked is what an earlier attempt did not come to; nil: there was none.
	lacked map[string]bool

	served *catalog
	links  linker

	mu      sync.Mutex
	lacks   []string        // marks of what is not in place
	allowed map[string]bool // what was asked of rights
}

func (r *restore) find(reason objects.Reason, object, what string) {
	r.update(func(p *objects.Progress) { p.Findings.Add(reason, object, what) })
}

func (r *restore) run(ctx context.Context, from objects.Source) error {
	var err error
	if r.served, err = r.engine.discover(); err != nil {
		return err
	}
	items, err := r.read(ctx, from)
	if err != nil {
		return err
	}
	r.update(func(p *objects.Progress) { p.Of = len(items) })
	if r.link {
		return r.links.linkThose(ctx, items)
	}
	portable.Order(items)
	for _, wave := range portable.Waves(items) {
		group, one := errgroup.WithContext(ctx)
		group.SetLimit(parallel)
		for _, it := range wave {
			group.Go(func() error { return r.item(one, it) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		if portable.IsDefinition(portable.Rank(wave[0])) {
			if err := r.awaitDefinitions(ctx, wave); err != nil {
				return err
			}
		}
	}
	if err := r.links.linkAll(ctx); err != nil {
		return err
	}
	r.update(func(p *objects.Progress) { p.Lacking = append([]string{}, slices.Sorted(slices.Values(r.lacks))...) })
	return r.missing()
}

// missing is that something could not be made; nil: all is in place.
func (r *restore) missing() (err error) {
	r.update(func(p *objects.Progress) {
		if n := p.Findings.Missing(); n > 0 {
			err = fmt.Errorf("%d of %d objects could not be made", n, p.Of)
		}
	})
	return err
}

// read reads all parts before anything is made.
func (r *restore) read(ctx context.Context, from objects.Source) ([]*portable.Item, error) {
	var items []*portable.Item
	err := from.Each(ctx, func(part []byte) error {
		for line := range bytes.Lines(part) {
			it, err := portable.Parse(line)
			if err != nil {
				return err
			}
			if r.wants(it) {
				items = append(items, it)
			}
		}
		return nil
	})
	return items, err //nolint:wrapcheck // it says what could not be read
}

// wants reports whether an item is restored. What is outside of the namespaces is not, whatever a capture holds.
func (r *restore) wants(it *portable.Item) bool {
	u := it.Unstructured()
	gr := it.GVR().GroupResource()
	if gr == namespaces.GroupResource() {
		return slices.Contains(r.selected.Namespaces, u.GetName())
	}
	k, served := r.served.serving(it.GVR())
	if !served {
		k = kind{GroupVersionResource: it.GVR(), Kind: u.GetKind(), namespaced: u.GetNamespace() != ""}
	}
	within := r.selected.ClusterScoped && u.GetNamespace() == "" && !k.namespaced
	if k.namespaced {
		within = slices.Contains(r.selected.Namespaces, u.GetNamespace())
	}
	return within && !portable.NeverType(gr) && r.selected.wants(k) && r.selected.labels.Matches(labels.Set(u.GetLabels()))
}

// item restores one object. What can't be made is a finding; an error ends the restore.
func (r *restore) item(ctx context.Context, it *portable.Item) error {
	k, ok := r.served.serving(it.GVR())
	if !ok {
		r.lack(it)
		r.find(objects.NotServed, it.Title(), "this cluster does not serve "+it.GVR().GroupResource().String()+": install its definition")
		return nil
	}
	it.Unstructured().SetAPIVersion(k.GroupVersion().String())
	err := r.settle(ctx, r.client(k, it.Unstructured().GetNamespace()), k, it)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("restore %s: %w", it.Title(), ctx.Err())
	case err == nil:
		r.update(func(p *objects.Progress) { p.Objects++ })
	default:
		r.lack(it)
		r.refuse(ctx, k, it, err)
	}
	return nil
}

// lack notes that an object is not in place.
func (r *restore) lack(it *portable.Item) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lacks = append(r.lacks, objects.Mark(it.Title()))
}

// had reports whether an earlier attempt had an object in place. If it is gone now it has ended, or somebody deleted it: a Job must not
// run twice.
func (r *restore) had(it *portable.Item) bool {
	return r.lacked != nil && !r.lacked[objects.Mark(it.Title())] && !merged(it)
}

func (r *restore) gone(it *portable.Item) {
	r.find(objects.Gone, it.Title(), "it ended, or was deleted")
}

var errLeaving = errors.New("one of this name is being deleted: it is restored when that is gone")

// settle makes an object, or compares it with the one that is here, and changes what is to be. An error is about this object only.
// Mostly there is none here, so that it is not read before it is made; but what is refused for another reason may be here as well.
func (r *restore) settle(ctx context.Context, c dynamic.ResourceInterface, k kind, it *portable.Item) error {
	name := it.Unstructured().GetName()
	var refused error
	if !merged(it) && !r.had(it) {
		if refused = r.create(ctx, c, k, it); refused == nil || ctx.Err() != nil {
			return refused
		}
	}
	here, err := c.Get(ctx, name, metav1.GetOptions{})
	switch {
	case refused != nil && err != nil && !apierrors.IsAlreadyExists(refused):
		return refused // it says more
	case apierrors.IsNotFound(err) && r.had(it):
		r.gone(it)
		return nil
	case apierrors.IsNotFound(err):
		if err = r.create(ctx, c, k, it); !apierrors.IsAlreadyExists(err) {
			return err
		}
		here, err = c.Get(ctx, name, metav1.GetOptions{}) // somebody was faster
	}
	switch {
	case err != nil:
		return fmt.Errorf("read it: %w", did("get", err))
	case here.GetDeletionTimestamp() != nil && r.had(it):
		r.gone(it)
		return nil
	case here.GetDeletionTimestamp() != nil:
		return errLeaving
	case here.GetAnnotations()[portable.AnnotationRestored] == r.id:
		if len(missingOwners(it, here)) > 0 {
			r.links.linkLater(k, it) // its owner came later than an earlier attempt
		}
		if _, has := here.Object["status"]; has {
			return nil
		}
		return r.restoreStatus(ctx, c, k, it, here)
	case portable.Equal(it, here):
		return nil
	}
	if patch := merge(it, here); patch != nil {
		_, err := c.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldOwner})
		return did("patch", err)
	}
	if merged(it) {
		return nil // it has all that is to be
	}
	if !r.overwrite {
		r.find(objects.Kept, it.Title(), "it exists and differs")
		return nil
	}
	return r.apply(ctx, c, it)
}

const fieldOwner = "ramen-objects"

func (r *restore) create(ctx context.Context, c dynamic.ResourceInterface, k kind, it *portable.Item) error {
	u := it.Unstructured().DeepCopy()
	annotations := u.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[portable.AnnotationRestored] = r.id
	u.SetAnnotations(annotations)
	owners, gone := r.links.owners(ctx, it, it.Owners)
	u.SetOwnerReferences(owners)
	if r.wantsStatus(k, it) && !k.hasStatus {
		u.Object["status"] = it.Status
	}
	made, err := c.Create(ctx, u, metav1.CreateOptions{FieldManager: fieldOwner})
	if err != nil {
		return did("create", err)
	}
	if len(gone) > 0 {
		r.links.linkLater(k, it)
	}
	return r.restoreStatus(ctx, c, k, it, made)
}

func (r *restore) wantsStatus(k kind, it *portable.Item) bool {
	return it.Status != nil && r.status != nil && r.status.wants(k)
}

// restoreStatus writes the status of an object that was made, if it is wanted and is not a part of what is made.
func (r *restore) restoreStatus(ctx context.Context, c dynamic.ResourceInterface, k kind, it *portable.Item, made *unstructured.Unstructured) error {
	if !r.wantsStatus(k, it) || !k.hasStatus {
		return nil
	}
	made.Object["status"] = it.Status
	if _, err := c.UpdateStatus(ctx, made, metav1.UpdateOptions{FieldManager: fieldOwner}); err != nil {
		return fmt.Errorf("restore its status: %w", did("update/status", err))
	}
	return nil
}

// apply makes the fields that were captured what they were. What can't be changed is kept, and told.
func (r *restore) apply(ctx context.Context, c dynamic.ResourceInterface, it *portable.Item) error {
	_, err := c.Apply(ctx, it.Unstructured().GetName(), it.Unstructured(), metav1.ApplyOptions{FieldManager: fieldOwner, Force: true})
	if apierrors.IsInvalid(err) {
		r.find(objects.Kept, it.Title(), "it exists and differs, and can't be changed: "+err.Error())
		return nil
	}
	return did("patch", err)
}

// awaitDefinitions waits until the types of definitions are served, and asks again what is.
func (r *restore) awaitDefinitions(ctx context.Context, wave []*portable.Item) error {
	for _, it := range wave {
		err := wait.PollUntilContextTimeout(ctx, pollEvery, established, true, func(ctx context.Context) (bool, error) {
			crd, err := r.engine.Client.Resource(it.GVR()).Get(ctx, it.Unstructured().GetName(), metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return true, nil // it could not be made, which is told
			}
			return err == nil && isEstablished(crd), nil
		})
		if err != nil && ctx.Err() == nil {
			r.find(objects.NotMade, it.Title(), "its type is not served")
		}
	}
	served, err := r.engine.discover()
	if err == nil {
		r.served = served
	}
	return err
}

func isEstablished(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(c any) bool {
		fields, _ := c.(map[string]any)
		return fields["type"] == "Established" && fields["status"] == "True"
	})
}
