// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
)

// startBare starts the bare loop: what is seen on one side is applied on the other, spec down and status up.
func (w *world) startBare() {
	w.b.Helper()
	ctx, end := context.WithCancel(context.Background())
	w.endBare = append(w.endBare, end)
	w.bareLoop(ctx, w.hub, bareOut, w.spoke, bareApp, false)
	w.bareLoop(ctx, w.spoke, bareApp, w.hub, bareIn, true)
}

// bareLoop applies each object that is shown by a watch, with all workers. It keeps nothing and compares nothing.
func (w *world) bareLoop(ctx context.Context, from side, namespace string, to side, target string, status bool) {
	w.b.Helper()
	w.attend(ctx, from, namespace, func(o *unstructured.Unstructured) error { return bareApply(ctx, o, to, target, status) })
}

// attend calls do for each object that there is and for each that a watch shows, with all workers.
func (w *world) attend(ctx context.Context, at side, namespace string, do func(*unstructured.Unstructured) error) {
	w.b.Helper()
	work := make(chan *unstructured.Unstructured, 8*groups) // more than ever wait
	for range workers {
		go func() {
			for o := range work {
				if err := do(o); err != nil && ctx.Err() == nil {
					w.b.Errorf("bare loop: %v", err)
				}
			}
		}()
	}
	done := follow(ctx, at, namespace, func(o *unstructured.Unstructured) { work <- o })
	go func() {
		<-done
		close(work)
	}()
}

// bareApply applies the spec of o; with status, its status if that is what changed.
func bareApply(ctx context.Context, o *unstructured.Unstructured, to side, target string, status bool) error {
	options := metav1.ApplyOptions{FieldManager: "bare", Force: true}
	if status && shownBy(o).statusIsNewer() {
		_, err := to.groups(target).Apply(ctx, o.GetName(), bareOf(o, target, "status"), options, "status")
		if !apierrors.IsNotFound(err) {
			return err
		}
		// Another worker has the event before this one, and has not made the object yet.
		if err := bareApply(ctx, o, to, target, false); err != nil {
			return err
		}
		return bareApply(ctx, o, to, target, true)
	}
	_, err := to.groups(target).Apply(ctx, o.GetName(), bareOf(o, target, "spec"), options)
	return err
}

// startOperator starts, for the groups of a namespace of the cluster, what a controller does there: it answers each change of
// a spec in the status.
func (w *world) startOperator(ctx context.Context, namespace string) {
	w.b.Helper()
	w.attend(ctx, w.spoke, namespace, func(o *unstructured.Unstructured) error {
		is := shownBy(o)
		if is.answered() {
			return nil
		}
		return w.change(ctx, w.spoke, namespace, o.GetName(), true, is.spec)
	})
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

// bareCopy lists a namespace and creates each object in another one, of the groups whose number is from first to before
// last. withStatus: its status too, which is a second write.
func (w *world) bareCopy(from side, namespace string, to side, target string, withStatus bool, first, last int) {
	w.b.Helper()
	var all []*unstructured.Unstructured
	pages := pager.New(func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return from.groups(namespace).List(ctx, o)
	})
	require.NoError(w.b, pages.EachListItem(w.b.Context(), metav1.ListOptions{}, func(o runtime.Object) error {
		all = append(all, o.(*unstructured.Unstructured))
		return nil
	}))
	require.GreaterOrEqual(w.b, len(all), last)
	parallel(w.b, last-first, func(ctx context.Context, i int) error {
		i += first
		made, err := to.groups(target).Create(ctx, bareOf(all[i], target, "spec"), metav1.CreateOptions{FieldManager: "bare"})
		if err != nil || !withStatus {
			return err
		}
		made.Object["status"] = map[string]any{"state": "Primary", "lastGroupSyncBytes": int64(i)}
		_, err = to.groups(target).UpdateStatus(ctx, made, metav1.UpdateOptions{FieldManager: "bare"})
		return err
	})
}
