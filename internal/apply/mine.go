// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ForeignError says that an object of the name exists that somebody else made. It is left as it is.
type ForeignError struct{ Kind, Namespace, Name string }

func (e *ForeignError) Error() string {
	name := e.Name
	if e.Namespace != "" {
		name = e.Namespace + "/" + name
	}
	return fmt.Sprintf("%s %s exists and was not made for this: the name is needed, so rename that object or remove it, if nothing needs it", e.Kind, name)
}

// Mine applies intent as Owned does, but never to an object that somebody else made: names that are derived from those of
// users may be taken. An object is ours if it carries the labels of the intent, be it without those of the keys in but. live must not be
// behind. An intent without a spec only marks an object that a neighbor made for us.
func (a Applier) Mine(ctx context.Context, live client.Reader, intent Intent, but ...string) error {
	u, err := untyped(intent)
	if err != nil {
		return err
	}
	if u.GetUID() != "" {
		return a.Owned(ctx, intent) // of an object that was seen to be ours
	}
	have := &unstructured.Unstructured{}
	have.SetGroupVersionKind(u.GroupVersionKind())
	_, specified := u.Object["spec"]
	switch err := live.Get(ctx, client.ObjectKeyFromObject(u), have); {
	case apierrors.IsNotFound(err):
		u.SetResourceVersion(absent)
	case err != nil:
		return fmt.Errorf("read %s %s: %w", u.GetKind(), u.GetName(), err)
	case specified && !carries(have.GetLabels(), u.GetLabels(), but):
		return &ForeignError{Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
	default:
		u.SetUID(have.GetUID())
	}
	return a.Owned(ctx, Untyped(u))
}

func carries(have, want map[string]string, but []string) bool {
	for key, value := range want {
		if have[key] != value && !slices.Contains(but, key) {
			return false
		}
	}
	return true
}
