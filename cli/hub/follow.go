// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Follow shows an object to see at once and after each change, until see says that it has seen enough; nil: it does not exist. An
// API server that can't be reached meanwhile is asked again; a lack of rights ends it. list is of the object's kind.
func Follow[T any, P interface {
	*T
	client.Object
}](ctx context.Context, h *Hub, key client.ObjectKey, list client.ObjectList, see func(P) (bool, error)) error {
	one := []client.ListOption{client.InNamespace(key.Namespace), client.MatchingFields{"metadata.name": key.Name}}
	return h.repeat(ctx, func() (bool, error) {
		now, version, err := current[T, P](ctx, h, key, list, one)
		switch {
		case denied(err):
			return false, fmt.Errorf("follow %s: %w", key, err)
		case err != nil:
			return false, nil // it is asked again soon
		}
		if enough, err := see(now); enough || err != nil || version == "" {
			return enough, err
		}
		w, err := h.Watch(ctx, list, append(one, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: version}})...)
		if err != nil {
			return false, nil // as without the right to watch: it is asked again soon
		}
		defer w.Stop()
		for event := range w.ResultChan() {
			now, ok := event.Object.(P)
			if !ok {
				return false, nil // the watch tells of an error: it begins again
			}
			if event.Type == watch.Deleted {
				now = nil
			}
			if enough, err := see(now); enough || err != nil {
				return enough, err
			}
		}
		return false, nil
	})
}

// current is the object, nil if it does not exist, and the version of what was read; empty: the user may not list, and so can't
// watch from there.
func current[T any, P interface {
	*T
	client.Object
}](ctx context.Context, h *Hub, key client.ObjectKey, list client.ObjectList, one []client.ListOption) (P, string, error) {
	list, ok := list.DeepCopyObject().(client.ObjectList) // what was shown of an earlier one stays as it was
	if !ok {
		return nil, "", fmt.Errorf("%T is no list", list)
	}
	err := h.List(ctx, list, one...)
	if apierrors.IsForbidden(err) {
		now := P(new(T))
		if err := h.Get(ctx, key, now); err != nil {
			return nil, "", client.IgnoreNotFound(err)
		}
		return now, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	var now P
	err = meta.EachListItem(list, func(o runtime.Object) error {
		now, _ = o.(P) // of the kind of the list
		return nil
	})
	return now, list.GetResourceVersion(), err
}

// FollowAll shows all objects of a kind to see at once, and again after each that changes or is deleted, until see says that it has
// seen enough. An API server that can't be reached meanwhile is asked again; a lack of rights ends it. What see gets at once is
// complete. list is of the objects' kind; namespace is theirs; empty: all.
func FollowAll[T any, P interface {
	*T
	client.Object
}](ctx context.Context, h *Hub, namespace string, list client.ObjectList, see func(now map[client.ObjectKey]P) (bool, error)) error {
	return h.repeat(ctx, func() (bool, error) {
		now := map[client.ObjectKey]P{}
		err := eachPage(ctx, h, namespace, list, func(o P) { now[client.ObjectKeyFromObject(o)] = o })
		switch {
		case denied(err):
			return false, fmt.Errorf("follow: %w", err)
		case err == nil:
			enough, err := see(now)
			if err == nil && !enough {
				enough, err = watchAll(ctx, h, namespace, list, now, see)
			}
			return enough, err
		}
		return false, nil // it is asked again soon
	})
}

// eachPage lists the objects of a namespace page by page; empty: of all.
func eachPage[P client.Object](ctx context.Context, h *Hub, namespace string, list client.ObjectList, see func(P)) error {
	for next := ""; ; {
		one, ok := list.DeepCopyObject().(client.ObjectList)
		if !ok {
			return fmt.Errorf("%T is no list", list)
		}
		if err := h.List(ctx, one, client.InNamespace(namespace), client.Limit(page), client.Continue(next)); err != nil {
			return err
		}
		err := meta.EachListItem(one, func(o runtime.Object) error {
			if p, ok := o.(P); ok { // of the kind of the list
				see(p)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if next = one.GetContinue(); next == "" {
			return nil
		}
	}
}

// watchAll keeps now current and shows it after each change, until the watch ends.
func watchAll[P client.Object](ctx context.Context, h *Hub, namespace string, list client.ObjectList, now map[client.ObjectKey]P, see func(map[client.ObjectKey]P) (bool, error)) (bool, error) {
	of, ok := list.DeepCopyObject().(client.ObjectList)
	if !ok {
		return false, fmt.Errorf("%T is no list", list)
	}
	w, err := h.Watch(ctx, of, client.InNamespace(namespace))
	if err != nil {
		return false, nil // it begins again soon, by a list
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		o, ok := event.Object.(P)
		if !ok {
			return false, nil // the watch tells of an error: it begins again
		}
		if event.Type == watch.Deleted {
			delete(now, client.ObjectKeyFromObject(o))
		} else {
			now[client.ObjectKeyFromObject(o)] = o
		}
		if enough, err := see(now); err != nil || enough {
			return enough, err
		}
	}
	return false, nil
}
