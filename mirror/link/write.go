// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

// writer applies the objects of one kind and direction, and leaves out what the API server does not know (X7).
type writer struct {
	peer     peer
	resource schema.GroupVersionResource
	manager  string
	skew     *skew
}

// apply applies intent. It returns what is stored.
func (w writer) apply(ctx context.Context, intent *translate.Object, subresource ...string) (*translate.Object, error) {
	stored, err := w.peer.apply(ctx, w.resource, w.skew.known().Without(intent), w.manager, subresource...)
	if !undeclared(err) {
		return stored, err
	}
	unknown, err := w.peer.unknownFields(ctx, w.resource, intent, w.manager, subresource...)
	if err != nil {
		return nil, err
	}
	w.skew.learn(unknown)
	return w.peer.apply(ctx, w.resource, w.skew.known().Without(intent), w.manager, subresource...)
}

// create makes what intent says, only if there is no object yet: our view may be behind, or somebody may have made one since.
// Resource version 0 says so in an apply, but not for Secrets: of those an API server updates whatever is there. They are
// created in the plain way, whose fields the mirror owns as those that it replaced.
func (w writer) create(ctx context.Context, intent *translate.Object) (*translate.Object, error) {
	if w.resource == secretResource {
		return w.peer.create(ctx, w.resource, intent, w.manager)
	}
	condition(intent, nil)
	return w.apply(ctx, intent)
}

// condition makes intent apply to the version of is that was looked at only; nil: only if there is none.
func condition(intent, is *translate.Object) {
	if is == nil {
		intent.SetResourceVersion("0")
		return
	}
	intent.SetUID(is.GetUID())
	intent.SetResourceVersion(is.GetResourceVersion())
}
