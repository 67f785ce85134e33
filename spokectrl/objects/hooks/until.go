// SPDX-License-Identifier: Apache-2.0

package hooks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

const (
	// relook is after how long objects are listed again though their watch is open, should an API server close it silently.
	relook = 30 * time.Second
	// A watch that ends early costs a list. The first rest before that is doubled up to the longest.
	firstRest, longestRest = 500 * time.Millisecond, 15 * time.Second
)

func resting(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// judge finds nothing to wait for in objects, says what is waited for, or why waiting makes no sense.
type judge func([]*unstructured.Unstructured) (wait, fail error)

// until waits until judge finds nothing to wait for in the objects that a hook is about. It lists them once, and then watches.
func (c Clients) until(ctx context.Context, h *recipe.Hook, judge judge) error {
	w := &waiting{h: h, of: c.Dynamic.Resource(typeOf(h.Kind)).Namespace(h.Namespace), judge: judge}
	for rest := firstRest; ; {
		done, err := w.look(ctx)
		if done || err != nil {
			return err
		}
		early, done, err := w.follow(ctx)
		switch {
		case ctx.Err() != nil:
			return w.last
		case done || err != nil:
			return err
		case early:
			resting(ctx, rest)
			rest = min(2*rest, longestRest)
		default:
			rest = firstRest
		}
	}
}

// waiting is one wait for objects.
type waiting struct {
	h     *recipe.Hook
	of    dynamic.ResourceInterface
	judge judge

	has   map[string]*unstructured.Unstructured // those that the hook is about
	since string                                // the version of has
	last  error                                 // what is waited for
}

// options select what a hook is about, as far as the API server can: of two selectors either is enough, which it does not know.
func (w *waiting) options() metav1.ListOptions {
	switch {
	case w.h.Selector != nil && w.h.NamePattern == "":
		return metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(w.h.Selector)}
	case w.h.Selector == nil && w.h.PlainName():
		return metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", w.h.NamePattern).String()}
	default:
		return metav1.ListOptions{}
	}
}

func (w *waiting) look(ctx context.Context) (done bool, err error) {
	list, err := w.of.List(ctx, w.options())
	switch {
	case err != nil && ctx.Err() != nil && w.last != nil:
		return false, w.last
	case err != nil:
		return false, fmt.Errorf("list %s: %w", typeOf(w.h.Kind).Resource, err)
	}
	w.has, w.since = map[string]*unstructured.Unstructured{}, list.GetResourceVersion()
	for i := range list.Items {
		if err := w.note(&list.Items[i]); err != nil {
			return false, err
		}
	}
	return w.decide()
}

// note keeps an object as it is now, if the hook is about it.
func (w *waiting) note(o *unstructured.Unstructured) error {
	is, err := selected(w.h, o)
	if is {
		w.has[o.GetName()] = o
	} else {
		delete(w.has, o.GetName())
	}
	return err
}

func (w *waiting) decide() (done bool, err error) {
	var objects []*unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(w.has)) {
		objects = append(objects, w.has[name])
	}
	wait, fail := w.judge(objects)
	w.last = wait
	return wait == nil, fail
}

// follow judges each time that something happens to the objects. It ends early if the API server ends the watch, and in time if
// they are to be listed again.
func (w *waiting) follow(ctx context.Context) (early, done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opts := w.options()
	opts.ResourceVersion = w.since
	events, err := w.of.Watch(ctx, opts)
	switch {
	case apierrors.IsForbidden(err):
		return false, false, fmt.Errorf("watch %s: %w", typeOf(w.h.Kind).Resource, err)
	case err != nil:
		return true, false, nil // the list tells if it lasts
	}
	defer events.Stop()
	again := time.NewTimer(relook)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, false, nil
		case <-again.C:
			return false, false, nil
		case e, open := <-events.ResultChan():
			o, is := e.Object.(*unstructured.Unstructured)
			switch {
			case !open, e.Type == watch.Error, !is:
				return true, false, nil
			case e.Type == watch.Deleted:
				delete(w.has, o.GetName())
			case e.Type == watch.Added, e.Type == watch.Modified:
				if err := w.note(o); err != nil {
					return false, false, err
				}
			}
			if done, err := w.decide(); done || err != nil {
				return false, done, err
			}
		}
	}
}
