// SPDX-License-Identifier: Apache-2.0

package drpc

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
	"github.com/ramendr/ramen-direct/hubctrl/wish"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Of the Secret as this hub writes it.
const (
	fieldOwnerKey = "hubctrl-drpc-key"
	keyBytes      = 64 // of randomness
)

// ensureKey brings the key in line with the volumes. It reports whether it wrote.
func (r *actor) ensureKey(ctx context.Context, w *snapshot.Snapshot) (bool, error) {
	switch wish.NeedsKey(w) {
	case wish.KeyWanted:
		return r.keepKey(ctx, w)
	case wish.KeyUnwanted:
		// Before the wishes forget the volumes: after a crash they would not lead here again.
		return r.dropKey(ctx, w, wish.Outboxes(w)...)
	case wish.KeyUndecided:
	}
	return false, nil
}

// keepKey makes the key once, in one outbox, and copies it to the other. After a crash only one of the two Secrets may
// exist; the other is then made from it.
func (r *actor) keepKey(ctx context.Context, w *snapshot.Snapshot) (bool, error) {
	places := wish.KeyPlaces(w)
	wishes := make([]*corev1.Secret, len(places))
	var key []byte
	for i, at := range places {
		var err error
		if wishes[i], err = r.readKey(ctx, w, at); err != nil {
			return false, err
		}
		if key == nil && wishes[i] != nil && strings.HasPrefix(string(wishes[i].Data[wish.KeyField]), wish.KeyIdentity) {
			key = wishes[i].Data[wish.KeyField]
		}
		if wishes[i] != nil && wishes[i].DeletionTimestamp != nil {
			// It is wanted again. Without its tombstone it is wished again, and the copy changes hands.
			if err := apply.Release(ctx, r.client, wishes[i], exchange.FinalizerWish); err != nil {
				return false, err
			}
			wishes[i] = nil
		}
	}
	if key == nil {
		key = newKey()
		if wishes[0] == nil {
			// Create, not apply: a second hub that generated another key must fail.
			return true, r.makeKey(ctx, wish.Key(w, r.origin, places[0], key))
		}
	}
	wrote := false
	for i, at := range places {
		want := wish.Key(w, r.origin, at, key)
		if have := wishes[i]; have != nil && wish.Holds(have.Annotations, want.Annotations) && wish.Holds(have.Labels, want.Labels) &&
			slices.Contains(have.Finalizers, exchange.FinalizerWish) && bytes.Equal(have.Data[wish.KeyField], key) {
			continue
		}
		intent := corev1ac.Secret(want.Name, want.Namespace).
			WithLabels(want.Labels).WithAnnotations(want.Annotations).WithFinalizers(want.Finalizers...).WithType(want.Type).WithData(want.Data)
		version := apply.Version{}
		if wishes[i] != nil {
			version = apply.VersionOf(wishes[i])
		}
		if _, err := apply.New(r.client, fieldOwnerKey).Over(ctx, version, intent); err != nil {
			return wrote, fmt.Errorf("wish the VolSync key for %s: %w", w.At(at.Side).Cluster, err)
		}
		wrote = true
	}
	left, err := r.removeKeys(ctx, w, wish.Outboxes(w), wish.FormerNamespaces(w))
	return wrote || left, err
}

func (r *actor) makeKey(ctx context.Context, wish *corev1.Secret) error {
	log.FromContext(ctx).Info("Making the VolSync key", "Secret", client.ObjectKeyFromObject(wish))
	err := r.client.Create(ctx, wish, client.FieldOwner(fieldOwnerKey))
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the VolSync key: %w", err)
	}
	return nil
}

// dropKey removes the wishes for the key from the outboxes of sides. It reports whether it wrote.
func (r *actor) dropKey(ctx context.Context, w *snapshot.Snapshot, sides ...plan.Side) (bool, error) {
	return r.removeKeys(ctx, w, sides, append(wish.Namespaces(w), wish.FormerNamespaces(w)...))
}

func (r *actor) removeKeys(ctx context.Context, w *snapshot.Snapshot, sides []plan.Side, namespaces []string) (bool, error) {
	wrote := false
	for _, s := range sides {
		for _, ns := range namespaces {
			secret, err := r.readKey(ctx, w, wish.KeyPlace{Side: s, Namespace: ns})
			if err != nil {
				return wrote, err
			}
			if secret == nil || secret.DeletionTimestamp != nil {
				continue
			}
			if err := apply.Delete(ctx, r.client, secret); err != nil {
				return wrote, fmt.Errorf("remove the VolSync key for %s: %w", w.At(s).Cluster, err)
			}
			wrote = true
		}
	}
	return wrote, nil
}

// readKey is the wish for the key at a place as it is; nil: there is none.
func (r *actor) readKey(ctx context.Context, w *snapshot.Snapshot, at wish.KeyPlace) (*corev1.Secret, error) {
	name := wish.Key(w, r.origin, at, nil)
	wish := &corev1.Secret{}
	switch err := r.live.Get(ctx, client.ObjectKeyFromObject(name), wish); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the VolSync key for %s: %w", w.At(at.Side).Cluster, err)
	case wish.Annotations[exchange.AnnotationDRPC] != name.Annotations[exchange.AnnotationDRPC]:
		return nil, fmt.Errorf("the Secret %s/%s is in the way of the VolSync key: it belongs to something else", wish.Namespace, wish.Name)
	}
	return wish, nil
}

func newKey() []byte {
	random := make([]byte, keyBytes)
	_, _ = rand.Read(random) // it never fails, by its contract
	return []byte(wish.KeyIdentity + hex.EncodeToString(random))
}
