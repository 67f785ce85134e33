// SPDX-License-Identifier: Apache-2.0

// Package apply writes objects with server-side apply, one field manager per writer and kind. An intent names all
// fields that its writer owns, each time; what it leaves out is given up.
//
// A write that carries out a decision names the version that was decided about (Over, Delete, Hold, Release): a leader that
// was frozen, or a request that was under way for long, must not carry out what was decided before others wrote (X15).
package apply

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Intent is what a writer wants an object to be.
type Intent = runtime.ApplyConfiguration

// Applier sends intents under one field manager.
type Applier struct {
	client client.Client
	owner  client.FieldOwner
}

// New returns an Applier that writes as owner. Two appliers must not share an owner on one kind: each would delete the
// other's fields.
func New(c client.Client, owner string) Applier {
	return Applier{client: c, owner: client.FieldOwner(owner)}
}

// Owned applies intent to an object of which we are the sole writer: fields that another manager took are taken back.
func (a Applier) Owned(ctx context.Context, intent Intent) error {
	if err := a.client.Apply(ctx, intent, a.owner, client.ForceOwnership); err != nil {
		return fmt.Errorf("apply as %s: %w", a.owner, err)
	}
	return nil
}

// Status applies the status subresource.
func (a Applier) Status(ctx context.Context, intent Intent) error {
	if err := a.client.Status().Apply(ctx, intent, a.owner, client.ForceOwnership); err != nil {
		return fmt.Errorf("apply status as %s: %w", a.owner, err)
	}
	return nil
}

// StatusOver applies the status subresource as Status does, to the version of the object that was decided about; see Over. It
// returns what is stored.
func (a Applier) StatusOver(ctx context.Context, was Version, intent Intent) (*unstructured.Unstructured, error) {
	u, err := untyped(intent)
	if err != nil {
		return nil, err
	}
	was.on(u)
	return u, a.Status(ctx, Untyped(u))
}

// Untyped turns an unstructured object into an intent.
func Untyped(u *unstructured.Unstructured) Intent {
	return client.ApplyConfigurationFromUnstructured(u)
}
