// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Finalizers are patched, not applied: one may belong to another field manager or, after a restore from a backup, to
// none, and then an apply that leaves it out does not remove it. So is a single annotation, which needs no owner.

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Hold puts finalizer on obj, unless it is there. It fails with an error for which Outdated holds if obj is not the newest
// version. obj becomes what is stored.
func Hold(ctx context.Context, w client.Writer, obj client.Object, finalizer string) error {
	if slices.Contains(obj.GetFinalizers(), finalizer) {
		return nil
	}
	return patch(ctx, w, obj, "put on finalizer "+finalizer,
		operation{Op: "add", Path: "/metadata/finalizers", Value: append(slices.Clone(obj.GetFinalizers()), finalizer)},
	)
}

// Release takes finalizer off obj, if it is there. It fails with an error for which Outdated holds if obj is not the newest
// version; an object that is gone is no error. obj becomes what is stored.
func Release(ctx context.Context, w client.Writer, obj client.Object, finalizer string) error {
	i := slices.Index(obj.GetFinalizers(), finalizer)
	if i < 0 {
		return nil
	}
	at := fmt.Sprintf("/metadata/finalizers/%d", i)
	return client.IgnoreNotFound(patch(ctx, w, obj, "take off finalizer "+finalizer,
		operation{Op: "test", Path: at, Value: finalizer},
		operation{Op: "remove", Path: at},
	))
}

// Strip takes labels and annotations off obj, if they are there. It fails with an error for which Outdated holds if obj is not
// the newest version; an object that is gone is no error. obj gets the version of what is stored.
func Strip(ctx context.Context, w client.Writer, obj client.Object, labels, annotations []string) error {
	var ops []operation
	remove := func(field string, have map[string]string, keys []string) {
		for _, key := range keys {
			if _, there := have[key]; there {
				ops = append(ops, operation{Op: "remove", Path: "/metadata/" + field + "/" + escaped(key)})
			}
		}
	}
	remove("labels", obj.GetLabels(), labels)
	remove("annotations", obj.GetAnnotations(), annotations)
	if ops == nil {
		return nil
	}
	return client.IgnoreNotFound(patch(ctx, w, obj, "take off labels and annotations", ops...))
}

func escaped(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

// Annotate sets an annotation of obj, which must have some. It fails with an error for which Outdated holds if obj is not the
// newest version. obj gets the version of what is stored.
func Annotate(ctx context.Context, w client.Writer, obj client.Object, key, value string) error {
	return patch(ctx, w, obj, "set annotation "+key, operation{Op: "add", Path: "/metadata/annotations/" + escaped(key), Value: value})
}

// patch changes the version of obj that was read.
func patch(ctx context.Context, w client.Writer, obj client.Object, doing string, ops ...operation) error {
	ops = append([]operation{
		{Op: "test", Path: "/metadata/uid", Value: obj.GetUID()},
		{Op: "test", Path: "/metadata/resourceVersion", Value: obj.GetResourceVersion()},
	}, ops...)
	text, err := json.Marshal(ops)
	if err != nil {
		return fmt.Errorf("%s: encode patch: %w", doing, err)
	}
	target, ok := obj.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%s: %T is no object", doing, obj)
	}
	key := client.ObjectKeyFromObject(obj)
	if err := w.Patch(ctx, target, client.RawPatch(types.JSONPatchType, text)); err != nil {
		return fmt.Errorf("%s of %T %s: %w", doing, obj, key, unmet(obj, err))
	}
	obj.SetResourceVersion(target.GetResourceVersion())
	obj.SetFinalizers(target.GetFinalizers())
	return nil
}

// unmet is err, or a conflict if err says that a test of a patch failed: API servers have no error of its own for that, but
// one about a value has its causes.
func unmet(obj client.Object, err error) error {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details != nil && len(status.Status().Details.Causes) > 0 {
		return err
	}
	kind := obj.GetObjectKind().GroupVersionKind()
	return apierrors.NewConflict(schema.GroupResource{Group: kind.Group, Resource: kind.Kind}, obj.GetName(), err)
}
