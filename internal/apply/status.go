// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// StatusOf is the intent to make the status of an object what it is in obj: the whole status, and nothing but it. The
// intent carries the UID, so that a deleted object is not re-created.
func StatusOf(obj client.Object, scheme *runtime.Scheme) (Intent, error) {
	gvk, err := apiutil.GVKForObject(obj, scheme)
	if err != nil {
		return nil, fmt.Errorf("find kind: %w", err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("convert %s %s: %w", gvk.Kind, obj.GetName(), err)
	}
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetGroupVersionKind(gvk)
	u.SetNamespace(obj.GetNamespace())
	u.SetName(obj.GetName())
	u.SetUID(obj.GetUID())
	status, _, _ := unstructured.NestedMap(content, "status")
	if status == nil {
		status = map[string]any{}
	}
	u.Object["status"] = status
	return Untyped(u), nil
}

// Fresh is c, but reads single objects from live: for reconcilers that judge by what they were given whether their status
// changed, see ChangedStatus.
func Fresh(c client.Client, live client.Reader) client.Client { return fresh{c, live} }

type fresh struct {
	client.Client
	live client.Reader
}

func (f fresh) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	return f.live.Get(ctx, key, obj, opts...)
}

// ChangedStatus sends the status of after, unless it equals that of before. It reports whether it was sent. before has to
// be what the API server holds, not a cache: that may show the status of before the last one that was sent, and if the new
// one is like it nothing would be sent, nor anybody woken to correct that.
func (a Applier) ChangedStatus(ctx context.Context, before, after client.Object) (bool, error) {
	was, err := statusOf(before)
	if err != nil {
		return false, err
	}
	is, err := statusOf(after)
	if err != nil {
		return false, err
	}
	if equality.Semantic.DeepEqual(was, is) {
		return false, nil
	}
	intent, err := StatusOf(after, a.client.Scheme())
	if err != nil {
		return false, err
	}
	return true, a.Status(ctx, intent)
}

func statusOf(obj client.Object) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", obj.GetName(), err)
	}
	status, _, _ := unstructured.NestedMap(content, "status")
	return status, nil
}

// StatusEdited lets an update through that changed the status: what somebody else wrote there, or wiped, is corrected. Our own
// writes come through too, and then ChangedStatus finds nothing to send; so it is for statuses that change seldom.
func StatusEdited() predicate.Predicate {
	return Updates(func(e event.UpdateEvent) bool {
		was, err := statusOf(e.ObjectOld)
		is, also := statusOf(e.ObjectNew)
		return err != nil || also != nil || !equality.Semantic.DeepEqual(was, is)
	})
}
