// SPDX-License-Identifier: Apache-2.0

package volsynckey

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"

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

// Keeper makes, copies and removes the keys of applications. First it is asked which key there is to be, then the wishes name
// its Secret, then it puts the Secret beside them: what is there is always named, so that it is found after a crash, and two
// leaders that make a key at the same time meet at the wish, which only one of them can write. The zero value is of no use: see
// New.
type Keeper struct {
	client client.Client
	live   client.Reader
	origin string
}

// New returns a keeper that writes by c and reads by live, which must not be a cache; origin is the id of this hub.
func New(c client.Client, live client.Reader, origin string) Keeper {
	return Keeper{client: c, live: live, origin: origin}
}

// Key is the one of an application. The zero value is none.
type Key struct {
	Secret string // the name that its Secrets have on the clusters
	data   []byte
}

// Choose finds the key that an application is to have, for its wishes to name: the one that an outbox has, else a new one. It
// removes those that are no longer to be there, and reports whether it wrote. None: it is not needed, or nothing can be said
// now. A Secret of somebody else in its place is an error that names the Secret.
func (k Keeper) Choose(ctx context.Context, w *snapshot.Snapshot) (Key, bool, error) {
	switch needs(w) {
	case wanted:
		return k.choose(ctx, w)
	case unwanted:
		// Before the wishes forget the volumes: after a crash they would not lead here again.
		wrote, err := k.Drop(ctx, w)
		return Key{}, wrote, err
	case undecided:
	}
	return Key{}, false, nil
}

func (k Keeper) choose(ctx context.Context, w *snapshot.Snapshot) (Key, bool, error) {
	names := known(w)
	key, err := k.find(ctx, w, names)
	if err != nil {
		return Key{}, false, err
	}
	if key.Secret == "" && inUse(w) && !reached(w) {
		// The clusters have a key in common that this hub does not know: it was rebuilt. One that got another key alone
		// would not be understood by the other.
		return Key{}, false, nil
	}
	if key.Secret == "" {
		key = newKey(w)
	}
	// The others while a wish still names them.
	others := slices.DeleteFunc(names, func(name string) bool { return name == key.Secret || told(w) == key.Secret })
	wrote, err := k.remove(ctx, w, others, outboxes(w), append(namespaces(w), formerNamespaces(w)...))
	return key, wrote, err
}

// find is the first of the keys with those names that any outbox has.
func (k Keeper) find(ctx context.Context, w *snapshot.Snapshot, names []string) (Key, error) {
	for _, name := range names {
		for _, p := range places(w) {
			have, err := k.read(ctx, w, name, p)
			if err != nil {
				return Key{}, err
			}
			if have != nil && stands(w, name, have.Data[dataField]) {
				return Key{Secret: name, data: have.Data[dataField]}, nil
			}
		}
	}
	return Key{}, nil
}

// Put brings the key to all outboxes that need it, once the wishes name it, and reports whether it wrote. After a crash one
// may lack it, and gets it from the other.
func (k Keeper) Put(ctx context.Context, w *snapshot.Snapshot, key Key) (bool, error) {
	if key.Secret == "" {
		return false, nil
	}
	wrote := false
	for _, p := range places(w) {
		put, err := k.put(ctx, w, key, p)
		wrote = wrote || put
		if err != nil {
			return wrote, err
		}
	}
	left, err := k.remove(ctx, w, []string{key.Secret}, outboxes(w), formerNamespaces(w))
	return wrote || left, err
}

func (k Keeper) put(ctx context.Context, w *snapshot.Snapshot, key Key, at place) (bool, error) {
	have, err := k.read(ctx, w, key.Secret, at)
	if err != nil {
		return false, err
	}
	if have != nil && have.DeletionTimestamp != nil {
		// It is wanted again. Without its tombstone it is wished again, and the copy changes hands.
		if err := apply.Release(ctx, k.client, have, exchange.FinalizerWish); err != nil {
			return false, err
		}
		have = nil
	}
	want := secret(w, k.origin, key.Secret, at, key.data)
	version := apply.Version{}
	switch {
	case have == nil:
		log.FromContext(ctx).Info("Wishing the VolSync key", "Secret", client.ObjectKeyFromObject(want))
	case holds(have.Annotations, want.Annotations) && holds(have.Labels, want.Labels) &&
		slices.Contains(have.Finalizers, exchange.FinalizerWish) && bytes.Equal(have.Data[dataField], key.data):
		return false, nil
	default:
		version = apply.VersionOf(have)
	}
	intent := corev1ac.Secret(want.Name, want.Namespace).
		WithLabels(want.Labels).WithAnnotations(want.Annotations).WithFinalizers(want.Finalizers...).WithType(want.Type).WithData(want.Data)
	if _, err := apply.New(k.client, fieldOwner).Over(ctx, version, intent); err != nil {
		return false, fmt.Errorf("wish the VolSync key for %s: %w", w.At(at.side).Cluster, err)
	}
	return true, nil
}

// Drop removes the wishes for the key from the outboxes of sides, of all that have a wish if none is named. It reports
// whether it wrote.
func (k Keeper) Drop(ctx context.Context, w *snapshot.Snapshot, sides ...plan.Side) (bool, error) {
	if len(sides) == 0 {
		sides = outboxes(w)
	}
	return k.remove(ctx, w, known(w), sides, append(namespaces(w), formerNamespaces(w)...))
}

func (k Keeper) remove(ctx context.Context, w *snapshot.Snapshot, names []string, sides []plan.Side, namespaces []string) (bool, error) {
	wrote := false
	for _, s := range sides {
		for _, ns := range namespaces {
			for _, name := range names {
				have, err := k.read(ctx, w, name, place{s, ns})
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
	}
	return wrote, nil
}

// read returns the wish for the key of a name at a place as it is; nil: there is none.
func (k Keeper) read(ctx context.Context, w *snapshot.Snapshot, name string, at place) (*corev1.Secret, error) {
	expected := secret(w, k.origin, name, at, nil)
	wish := &corev1.Secret{}
	switch err := k.live.Get(ctx, client.ObjectKeyFromObject(expected), wish); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the VolSync key for %s: %w", w.At(at.side).Cluster, err)
	case wish.Annotations[exchange.AnnotationDRPC] != expected.Annotations[exchange.AnnotationDRPC]:
		return nil, fmt.Errorf("the Secret %s/%s is in the way of the VolSync key: it belongs to something else", wish.Namespace, wish.Name)
	}
	return wish, nil
}

func newKey(w *snapshot.Snapshot) Key {
	random := make([]byte, keyBytes)
	_, _ = rand.Read(random) // it never fails, by its contract
	data := []byte(identity + hex.EncodeToString(random))
	return Key{Secret: nameOf(w, data), data: data}
}
