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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// The movers of VolSync on the two clusters of an application trust each other by a key that both have. It lies only where
// it is needed, as a Secret wish in both outboxes, one for each namespace of the application: the hub keeps it nowhere else,
// and needs no right on Secrets in users' namespaces. Each outbox is the backup of the other.
const (
	ownerKey    = "hubctrl-drpc-key"
	keySuffix   = "-vs-secret"    // of the name of the Secret on the clusters, after that of the application
	keyField    = "psk.txt"       // of the Secret; VolSync's name
	keyIdentity = "volsyncramen:" // what precedes the random part
	keyBytes    = 64              // of randomness
)

// need tells whether an application needs its key.
type need uint8

const (
	undecided need = iota // as it is
	wanted
	unwanted
)

// needsKey is decided by what the serving Primary protects, and by what the wishes say about volumes. Where no wish tells
// of any, no Secret is looked for.
func needsKey(w *snapshot.Snapshot) need {
	told, gone := false, false
	for _, s := range outboxes(w) {
		at := w.At(s)
		told = told || len(at.Wish.Spec.VolSync.RDSpec) > 0 || len(at.Wish.Spec.VolSync.RSSpec) > 0
		if standingOf(at) != serving {
			continue
		}
		if slices.ContainsFunc(at.Report.Status.ProtectedPVCs, func(p v1alpha1.ProtectedPVC) bool { return p.ProtectedByVolSync }) {
			return wanted
		}
		gone = gone || w.Proves(s)
	}
	switch {
	case told && gone:
		return unwanted
	case told:
		return wanted
	default:
		return undecided
	}
}

// tendKey brings the key in line with the volumes. It reports whether it wrote.
func (r *actor) tendKey(ctx context.Context, w *snapshot.Snapshot) (bool, error) {
	switch needsKey(w) {
	case wanted:
		return r.keepKey(ctx, w)
	case unwanted:
		// Before the wishes forget the volumes: after a crash they would not lead here again.
		return r.dropKey(ctx, w, outboxes(w)...)
	case undecided:
	}
	return false, nil
}

// keyAt is where the key has to be: on a side, in a namespace.
type keyAt struct {
	side      plan.Side
	namespace string
}

// keyAts are all of them, the first of the first side first: there the key is made.
func keyAts(w *snapshot.Snapshot) []keyAt {
	var out []keyAt
	for _, s := range outboxes(w) {
		for _, ns := range namespaces(w) {
			out = append(out, keyAt{s, ns})
		}
	}
	return out
}

// keepKey makes the key once, in one outbox, and copies it to the other. After a crash only one of the two Secrets may
// exist; the other is then made from it.
func (r *actor) keepKey(ctx context.Context, w *snapshot.Snapshot) (bool, error) {
	places := keyAts(w)
	wishes := make([]*corev1.Secret, len(places))
	var key []byte
	for i, at := range places {
		var err error
		if wishes[i], err = r.keyWish(ctx, w, at); err != nil {
			return false, err
		}
		if key == nil && wishes[i] != nil && strings.HasPrefix(string(wishes[i].Data[keyField]), keyIdentity) {
			key = wishes[i].Data[keyField]
		}
	}
	if key == nil {
		key = newKey()
		if wishes[0] == nil {
			// Create, not apply: a second hub that generated another key must fail.
			return true, r.makeKey(ctx, r.keyOf(w, places[0], key))
		}
	}
	wrote := false
	for i, at := range places {
		want := r.keyOf(w, at, key)
		if have := wishes[i]; have != nil && holds(have.Annotations, want.Annotations) && holds(have.Labels, want.Labels) &&
			bytes.Equal(have.Data[keyField], key) {
			continue
		}
		intent := corev1ac.Secret(want.Name, want.Namespace).
			WithLabels(want.Labels).WithAnnotations(want.Annotations).WithType(want.Type).WithData(want.Data)
		version := apply.Version{}
		if wishes[i] != nil {
			version = apply.VersionOf(wishes[i])
		}
		if _, err := apply.New(r.client, ownerKey).Over(ctx, version, intent); err != nil {
			return wrote, fmt.Errorf("wish the VolSync key for %s: %w", w.At(at.side).Cluster, err)
		}
		wrote = true
	}
	left, err := r.removeKeys(ctx, w, outboxes(w), formerNamespaces(w))
	return wrote || left, err
}

// namespaces are those that the application is to have now.
func namespaces(w *snapshot.Snapshot) []string {
	if listed := w.ProtectedNamespaces(); len(listed) > 0 {
		return slices.Compact(slices.Sorted(slices.Values(listed)))
	}
	return []string{w.Group.Namespace}
}

// formerNamespaces are those that a wish still lists, and that the application is not to have any more.
func formerNamespaces(w *snapshot.Snapshot) []string {
	var out []string
	for _, s := range outboxes(w) {
		for _, ns := range w.At(s).Wish.Spec.ProtectedNamespaces {
			if !slices.Contains(namespaces(w), ns) && !slices.Contains(out, ns) {
				out = append(out, ns)
			}
		}
	}
	return out
}

// outboxes are the sides that have a wish: the key goes where a wish is, and leaves with it.
func outboxes(w *snapshot.Snapshot) []plan.Side {
	var out []plan.Side
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if w.At(s).Wish != nil {
			out = append(out, s)
		}
	}
	return out
}

func (r *actor) makeKey(ctx context.Context, wish *corev1.Secret) error {
	log.FromContext(ctx).Info("Making the VolSync key", "Secret", client.ObjectKeyFromObject(wish))
	err := r.client.Create(ctx, wish, client.FieldOwner(ownerKey))
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the VolSync key: %w", err)
	}
	return nil
}

// dropKey removes the wishes for the key from the outboxes of sides. It reports whether it wrote.
func (r *actor) dropKey(ctx context.Context, w *snapshot.Snapshot, sides ...plan.Side) (bool, error) {
	return r.removeKeys(ctx, w, sides, append(namespaces(w), formerNamespaces(w)...))
}

func (r *actor) removeKeys(ctx context.Context, w *snapshot.Snapshot, sides []plan.Side, namespaces []string) (bool, error) {
	wrote := false
	for _, s := range sides {
		for _, ns := range namespaces {
			wish, err := r.keyWish(ctx, w, keyAt{s, ns})
			if err != nil {
				return wrote, err
			}
			if wish == nil || wish.DeletionTimestamp != nil {
				continue
			}
			if err := apply.Delete(ctx, r.client, wish); err != nil {
				return wrote, fmt.Errorf("remove the VolSync key for %s: %w", w.At(s).Cluster, err)
			}
			wrote = true
		}
	}
	return wrote, nil
}

// keyWish is the wish for the key at a place; nil: there is none.
func (r *actor) keyWish(ctx context.Context, w *snapshot.Snapshot, at keyAt) (*corev1.Secret, error) {
	name := r.keyOf(w, at, nil)
	wish := &corev1.Secret{}
	switch err := r.live.Get(ctx, client.ObjectKeyFromObject(name), wish); {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the VolSync key for %s: %w", w.At(at.side).Cluster, err)
	case wish.Annotations[exchange.AnnotationDRPC] != name.Annotations[exchange.AnnotationDRPC]:
		return nil, fmt.Errorf("the Secret %s/%s is in the way of the VolSync key: it belongs to something else", wish.Namespace, wish.Name)
	}
	return wish, nil
}

// keyOf is the wish for the key at a place.
func (r *actor) keyOf(w *snapshot.Snapshot, at keyAt, key []byte) *corev1.Secret {
	name := w.DRPC.Name + keySuffix
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: exchange.Outbox(w.At(at.side).Cluster),
			Name:      exchange.ObjectName(at.namespace, name),
			Labels:    map[string]string{v1alpha1.LabelCreatedByRamen: "true"},
			Annotations: map[string]string{
				exchange.AnnotationNamespace: at.namespace,
				exchange.AnnotationName:      name,
				exchange.AnnotationOrigin:    r.origin,
				exchange.AnnotationDRPC:      client.ObjectKeyFromObject(w.DRPC).String(),
			},
		},
		Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{keyField: key},
	}
}

func newKey() []byte {
	random := make([]byte, keyBytes)
	_, _ = rand.Read(random) // it never fails, by its contract
	return []byte(keyIdentity + hex.EncodeToString(random))
}

// holds reports whether have holds all of want.
func holds(have, want map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}
