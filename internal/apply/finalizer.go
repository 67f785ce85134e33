// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Finalizers are patched, not applied: one may belong to another field manager or, after a restore from a backup, to
// none, and then an apply that leaves it out does not remove it.

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// Hold puts finalizer on obj, unless it is there. It fails if obj is not the newest version.
func Hold(ctx context.Context, w client.Writer, obj client.Object, finalizer string) error {
	if slices.Contains(obj.GetFinalizers(), finalizer) {
		return nil
	}
	return patch(ctx, w, obj, "put on finalizer "+finalizer,
		operation{Op: "test", Path: "/metadata/resourceVersion", Value: obj.GetResourceVersion()},
		operation{Op: "add", Path: "/metadata/finalizers", Value: append(slices.Clone(obj.GetFinalizers()), finalizer)},
	)
}

// Release takes finalizer off obj, if it is there. It fails if the finalizers changed since obj was read; an object that
// is gone is no error.
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

// patch leaves obj as it is.
func patch(ctx context.Context, w client.Writer, obj client.Object, doing string, ops ...operation) error {
	ops = append([]operation{{Op: "test", Path: "/metadata/uid", Value: obj.GetUID()}}, ops...)
	text, err := json.Marshal(ops)
	if err != nil {
		return fmt.Errorf("%s: encode patch: %w", doing, err)
	}
	target, ok := obj.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%s: %T is no object", doing, obj)
	}
	if err := w.Patch(ctx, target, client.RawPatch(types.JSONPatchType, text)); err != nil {
		return fmt.Errorf("%s of %T %s: %w", doing, obj, client.ObjectKeyFromObject(obj), err)
	}
	return nil
}
