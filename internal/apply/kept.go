// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kept applies intent as Owned does, unless the object already says all that intent says: a no-op apply costs the API
// server as much as a write. It reports whether it wrote. Of lists, the whole must be equal. It can't see that intent
// says less than the last time, so it is for intents that name the same fields each time. r should read live: from a
// cache, an object that was just written looks outdated and is written again.
func (a Applier) Kept(ctx context.Context, r client.Reader, intent Intent) (bool, error) {
	text, err := json.Marshal(intent)
	if err != nil {
		return false, fmt.Errorf("encode intent: %w", err)
	}
	want, have := &unstructured.Unstructured{}, &unstructured.Unstructured{}
	if err := want.UnmarshalJSON(text); err != nil {
		return false, fmt.Errorf("decode intent: %w", err)
	}
	have.SetGroupVersionKind(want.GroupVersionKind())
	switch err := r.Get(ctx, client.ObjectKeyFromObject(want), have); {
	case apierrors.IsNotFound(err):
	case err != nil:
		return false, fmt.Errorf("read %s %s: %w", want.GetKind(), client.ObjectKeyFromObject(want), err)
	case says(have.Object, want.Object):
		return false, nil
	}
	return true, a.Owned(ctx, intent)
}

// says reports whether have holds all that want holds.
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
		if !says(found[k], v) {
			return false
		}
	}
	return true
}
