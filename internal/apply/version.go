// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// absent is the resource version that an API server takes for "there must be no such object".
const absent = "0"

// Version is the state of an object that a decision is about. The zero value says that there was no such object.
type Version struct {
	uid      types.UID
	resource string
}

// VersionOf is the version of obj as it was read.
func VersionOf(obj metav1.Object) Version {
	return Version{uid: obj.GetUID(), resource: obj.GetResourceVersion()}
}

// String is the resource version; "0" where there was no object.
func (v Version) String() string {
	if v == (Version{}) {
		return absent
	}
	return v.resource
}

// on makes intent a precondition of itself.
func (v Version) on(intent *unstructured.Unstructured) {
	if v == (Version{}) {
		intent.SetResourceVersion(absent)
		return
	}
	intent.SetUID(v.uid)
	intent.SetResourceVersion(v.resource)
}

// Over applies intent as Owned does, to the version of the object that was decided about. It fails with an error for which
// Outdated holds if the object is another one, or another version, by now: the decision no longer counts. It returns what
// is stored.
func (a Applier) Over(ctx context.Context, was Version, intent Intent) (*unstructured.Unstructured, error) {
	u, err := untyped(intent)
	if err != nil {
		return nil, err
	}
	was.on(u)
	return u, a.Owned(ctx, Untyped(u))
}

// Replace writes obj whole over the version of it that was read: fields that others added are gone. Apply leaves those
// alone.
func (a Applier) Replace(ctx context.Context, obj client.Object) error {
	if err := a.client.Update(ctx, obj, a.owner); err != nil {
		return fmt.Errorf("replace as %s: %w", a.owner, err)
	}
	return nil
}

// ReplaceStatus writes the status of obj whole over the version of it that was read, as Replace does.
func (a Applier) ReplaceStatus(ctx context.Context, obj client.Object) error {
	if err := a.client.Status().Update(ctx, obj, a.owner); err != nil {
		return fmt.Errorf("replace status as %s: %w", a.owner, err)
	}
	return nil
}

// Delete deletes obj in the version that was read. An object that is gone is no error.
func Delete(ctx context.Context, w client.Writer, obj client.Object) error {
	err := w.Delete(ctx, obj, client.Preconditions{UID: new(obj.GetUID()), ResourceVersion: new(obj.GetResourceVersion())})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %T %s: %w", obj, client.ObjectKeyFromObject(obj), err)
	}
	return nil
}

// Outdated reports whether a write failed because the object is not in the version that was decided about. To look and to
// decide again is the answer.
func Outdated(err error) bool {
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return true
	}
	// What an API server says if it was told that there is no object, and there is one.
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	return slices.ContainsFunc(status.Status().Details.Causes, func(c metav1.StatusCause) bool {
		return c.Field == "metadata.resourceVersion"
	})
}

// untyped is a copy of intent.
func untyped(intent Intent) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(intent)
	if err != nil {
		return nil, fmt.Errorf("encode intent: %w", err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("decode intent: %w", err)
	}
	return u, nil
}
