// SPDX-License-Identifier: Apache-2.0

package volsynckey

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Of the Secret as this hub writes it.
const (
	fieldOwner = "hubctrl-drpc-key"
	keyBytes   = 64 // of randomness
)

// Keeper makes, copies and removes the keys of applications. The zero value is of no use: see New.
type Keeper struct {
	client client.Client
	live   client.Reader
	origin string
}

// New returns a keeper that writes by c and reads by live, which must not be a cache; origin is the id of this hub.
func New(c client.Client, live client.Reader, origin string) Keeper {
	return Keeper{client: c, live: live, origin: origin}
}

// Ensure brings the key in line with the volumes that w shows. It reports whether it wrote. A Secret of somebody else in
// its place is an error that names the Secret.
func (k Keeper) Ensure(ctx context.Context, w *snapshot.Snapshot) (bool, error) {
	switch needs(w) {
	case wanted:
		return k.keep(ctx, w)
	case unwanted:
		// Before the wishes forget the volumes: after a crash they would not lead here again.
		return k.Drop(ctx, w)
	case undecided:
	}
	return false, nil
}

// keep makes the key once, in one outbox, and copies it to the other. After a crash only one of the two Secrets may
// exist; the other is then made from it.
func (k Keeper) keep(ctx context.Context, w *snapshot.Snapshot) (bool, error) {
	at := places(w)
	wishes := make([]*corev1.Secret, len(at))
	var key []byte
	for i, p := range at {
		var err error
		if wishes[i], err = k.read(ctx, w, p); err != nil {
			return false, err
		}
		if key == nil && wishes[i] != nil && strings.HasPrefix(string(wishes[i].Data[dataField]), identity) {
			key = wishes[i].Data[dataField]
		}
		if wishes[i] != nil && wishes[i].DeletionTimestamp != nil {
			// It is wanted again. Without its tombstone it is wished again, and the copy changes hands.
			if err := apply.Release(ctx, k.client, wishes[i], exchange.FinalizerWish); err != nil {
				return false, err
			}
			wishes[i] = nil
		}
	}
	if key == nil {
		key = newKey()
		if wishes[0] == nil {
			// Create, not apply: a second hub that generated another key must fail.
			return true, k.create(ctx, secret(w, k.origin, at[0], key))
		}
	}
	wrote := false
	for i, p := range at {
		want := secret(w, k.origin, p, key)
		if have := wishes[i]; have != nil && holds(have.Annotations, want.Annotations) && holds(have.Labels, want.Labels) &&
			slices.Contains(have.Finalizers, exchange.FinalizerWish) && bytes.Equal(have.Data[dataField], key) {
			continue
		}
		intent := corev1ac.Secret(want.Name, want.Namespace).
			WithLabels(want.Labels).WithAnnotations(want.Annotations).WithFinalizers(want.Finalizers...).WithType(want.Type).WithData(want.Data)
		version := apply.Version{}
		if wishes[i] != nil {
			version = apply.VersionOf(wishes[i])
		}
		if _, err := apply.New(k.client, fieldOwner).Over(ctx, version, intent); err != nil {
			return wrote, fmt.Errorf("wish the VolSync key for %s: %w", w.At(p.side).Cluster, err)
		}
		wrote = true
	}
	left, err := k.remove(ctx, w, outboxes(w), formerNamespaces(w))
	return wrote || left, err
}

func (k Keeper) create(ctx context.Context, wish *corev1.Secret) error {
	log.FromContext(ctx).Info("Making the VolSync key", "Secret", client.ObjectKeyFromObject(wish))
	err := k.client.Create(ctx, wish, client.FieldOwner(fieldOwner))
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the VolSync key: %w", err)
	}
	return nil
}

// Drop removes the wishes for the key from the outboxes of sides, of all that have a wish if none is named. It reports
// whether it wrote.
func (k Keeper) Drop(ctx context.Context, w *snapshot.Snapshot, sides ...plan.Side) (bool, error) {
	if len(sides) == 0 {
		sides = outboxes(w)
	}
	return k.remove(ctx, w, sides, append(namespaces(w), formerNamespaces(w)...))
}

func (k Keeper) remove(ctx context.Context, w *snapshot.Snapshot, sides []plan.Side, namespaces []string) (bool, error) {
	wrote := false
	for _, s := range sides {
		for _, ns := range namespaces {
			have, err := k.read(ctx, w, place{s, ns})
			if err != nil {
				return wrote, err
			}
			if have == nil || have.DeletionTimestamp != nil {
				continue
			}
			if err := apply.Delete(ctx, k.client, have); err != nil {
				return wrote, fmt.Errorf("remove the VolSync key for %s: %w", w.At(s).Cluster, err)
			}
			wrote = true
		}
	}
	return wrote, nil
}

// read returns the wish for the key at a place as it is; nil: there is none.
func (k Keeper) read(ctx context.Context, w *snapshot.Snapshot, at place) (*corev1.Secret, error) {
	name := secret(w, k.origin, at, nil)
	wish := &corev1.Secret{}
	switch err := k.live.Get(ctx, client.ObjectKeyFromObject(name), wish); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the VolSync key for %s: %w", w.At(at.side).Cluster, err)
	case wish.Annotations[exchange.AnnotationDRPC] != name.Annotations[exchange.AnnotationDRPC]:
		return nil, fmt.Errorf("the Secret %s/%s is in the way of the VolSync key: it belongs to something else", wish.Namespace, wish.Name)
	}
	return wish, nil
}

func newKey() []byte {
	random := make([]byte, keyBytes)
	_, _ = rand.Read(random) // it never fails, by its contract
	return []byte(identity + hex.EncodeToString(random))
}
