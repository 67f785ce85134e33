// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
)

// startBare starts the bare loop: what is seen on one side is applied on the other, spec down and status up.
func (w *world) startBare() {
	w.b.Helper()
	ctx, end := context.WithCancel(context.Background())
	w.endBare = end
	w.bareLoop(ctx, w.hub, bareOut, w.spoke, bareApp, false)
	w.bareLoop(ctx, w.spoke, bareApp, w.hub, bareIn, true)
}

// bareLoop applies each object that is shown by a watch, with all workers. It keeps nothing and compares nothing.
func (w *world) bareLoop(ctx context.Context, from side, namespace string, to side, target string, status bool) {
	w.b.Helper()
	list, events := follow(ctx, w.b, from, namespace)
	work := make(chan *unstructured.Unstructured, 2*groups)
	for range workers {
		go func() {
			for o := range work {
				w.bareApply(ctx, o, to, target, status)
			}
		}()
	}
	for i := range list.Items {
		work <- &list.Items[i]
	}
	go func() {
		defer close(work)
		for e := range events {
			if o, ok := e.Object.(*unstructured.Unstructured); ok {
				work <- o
			}
		}
	}()
}

// bareApply applies the spec, or the status, of o. The object that a status belongs to is made when it is missing.
func (w *world) bareApply(ctx context.Context, o *unstructured.Unstructured, to side, target string, status bool) {
	options := metav1.ApplyOptions{FieldManager: "bare", Force: true}
	var err error
	if status {
		if o.Object["status"] == nil {
			_, err = to.groups(target).Apply(ctx, o.GetName(), bareOf(o, target, "spec"), options)
		} else {
			_, err = to.groups(target).Apply(ctx, o.GetName(), bareOf(o, target, "status"), options, "status")
		}
	} else {
		_, err = to.groups(target).Apply(ctx, o.GetName(), bareOf(o, target, "spec"), options)
	}
	if err != nil && ctx.Err() == nil {
		w.b.Errorf("bare loop: %v", err)
	}
}

// bareOf is one field of o, in a namespace of the bare loop.
func bareOf(o *unstructured.Unstructured, namespace, field string) *unstructured.Unstructured {
	out := &unstructured.Unstructured{Object: map[string]any{field: o.Object[field]}}
	out.SetGroupVersionKind(bareKind)
	out.SetNamespace(namespace)
	out.SetName(o.GetName())
	if field == "spec" {
		out.SetAnnotations(o.GetAnnotations())
	}
	return out
}

// bareCopy lists a namespace and creates each object in another one. withStatus: its status too, which is a second write.
func (w *world) bareCopy(from side, namespace string, to side, target string, withStatus bool) {
	w.b.Helper()
	var all []*unstructured.Unstructured
	pages := pager.New(func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return from.groups(namespace).List(ctx, o)
	})
	require.NoError(w.b, pages.EachListItem(w.b.Context(), metav1.ListOptions{}, func(o runtime.Object) error {
		all = append(all, o.(*unstructured.Unstructured))
		return nil
	}))
	require.Len(w.b, all, groups)
	parallel(w.b, len(all), func(ctx context.Context, i int) error {
		made, err := to.groups(target).Create(ctx, bareOf(all[i], target, "spec"), metav1.CreateOptions{FieldManager: "bare"})
		if err != nil || !withStatus {
			return err
		}
		made.Object["status"] = map[string]any{"state": "Primary", "lastGroupSyncBytes": int64(i)}
		_, err = to.groups(target).UpdateStatus(ctx, made, metav1.UpdateOptions{FieldManager: "bare"})
		return err
	})
}
