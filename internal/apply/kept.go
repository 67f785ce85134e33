// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kept applies intent as Over does, to the object as it finds it, unless that already says all that intent says: a no-op
// apply costs the API server as much as a write. It reports whether it wrote. Of lists, the whole must be equal. It can't see
// that intent says less than the last time, so it is for intents that name the same fields each time. r must read live: what
// a cache shows may be outdated.
func (a Applier) Kept(ctx context.Context, r client.Reader, intent Intent) (bool, error) {
	want, err := untyped(intent)
	if err != nil {
		return false, err
	}
	have, was := &unstructured.Unstructured{}, Version{}
	have.SetGroupVersionKind(want.GroupVersionKind())
	switch err := r.Get(ctx, client.ObjectKeyFromObject(want), have); {
	case apierrors.IsNotFound(err):
	case err != nil:
		return false, fmt.Errorf("read %s %s: %w", want.GetKind(), client.ObjectKeyFromObject(want), err)
	case says(have.Object, want.Object):
		return false, nil
	default:
		was = VersionOf(have)
	}
	_, err = a.Over(ctx, was, Untyped(want))
	return true, err
}

// says reports whether have holds all that want holds. A list that is not there is empty.
func says(have, want any) bool {
	fields, ok := want.(map[string]any)
	if !ok {
		return equality.Semantic.DeepEqual(have, want)
	}
	found, ok := have.(map[string]any)
	if !ok {
		return false
	}
	for k, v := range fields {
		if list, ok := v.([]any); ok && len(list) == 0 && found[k] == nil {
			continue // nothing, as it is
		}
		if !says(found[k], v) {
			return false
		}
	}
	return true
}
