// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// The movers of VolSync on the two clusters of an application trust each other by a key that both have. It lies only where
// it is needed, as a Secret wish in both outboxes, one for each namespace of the application: the hub keeps it nowhere else,
// and needs no right on Secrets in users' namespaces. Each outbox is the backup of the other.
const (
	// KeyField of the Secret has the key; the name is VolSync's.
	KeyField = "psk.txt"
	// KeyIdentity is what precedes the random part of the key.
	KeyIdentity = "volsyncramen:"

	keySuffix = "-vs-secret" // of the name of the Secret on the clusters, after that of the application
)

// KeyNeed tells whether an application needs its key.
type KeyNeed uint8

const (
	// KeyUndecided : it stays as it is.
	KeyUndecided KeyNeed = iota
	// KeyWanted : it has to be there.
	KeyWanted
	// KeyUnwanted : it has to go.
	KeyUnwanted
)

// NeedsKey is decided by what the serving Primary protects, and by what the wishes say about volumes. Where no wish tells
// of any, no Secret is looked for.
func NeedsKey(w *snapshot.Snapshot) KeyNeed {
	told, gone := false, false
	for _, s := range Outboxes(w) {
		at := w.At(s)
		told = told || len(at.Wish.Spec.VolSync.RDSpec) > 0 || len(at.Wish.Spec.VolSync.RSSpec) > 0
		if standingOf(at) != serving {
			continue
		}
		if slices.ContainsFunc(at.Report.Status.ProtectedPVCs, func(p v1alpha1.ProtectedPVC) bool { return p.ProtectedByVolSync }) {
			return KeyWanted
		}
		gone = gone || w.Proves(s)
	}
	switch {
	case told && gone:
		return KeyUnwanted
	case told:
		return KeyWanted
	default:
		return KeyUndecided
	}
}

// KeyPlace is where the key has to be: on a side, in a namespace.
type KeyPlace struct {
	Side      plan.Side
	Namespace string
}

// KeyPlaces are all of them, the first of the first side first: there the key is made.
func KeyPlaces(w *snapshot.Snapshot) []KeyPlace {
	var out []KeyPlace
	for _, s := range Outboxes(w) {
		for _, ns := range Namespaces(w) {
			out = append(out, KeyPlace{s, ns})
		}
	}
	return out
}

// Namespaces are those that the application is to have now.
func Namespaces(w *snapshot.Snapshot) []string {
	if listed := w.ProtectedNamespaces(); len(listed) > 0 {
		return slices.Compact(slices.Sorted(slices.Values(listed)))
	}
	return []string{w.Group.Namespace}
}

// FormerNamespaces are those that a wish still lists, and that the application is not to have any more.
func FormerNamespaces(w *snapshot.Snapshot) []string {
	var out []string
	for _, s := range Outboxes(w) {
		for _, ns := range w.At(s).Wish.Spec.ProtectedNamespaces {
			if !slices.Contains(Namespaces(w), ns) && !slices.Contains(out, ns) {
				out = append(out, ns)
			}
		}
	}
	return out
}

// Outboxes are the sides that have a wish: the key goes where a wish is, and leaves with it.
func Outboxes(w *snapshot.Snapshot) []plan.Side {
	var out []plan.Side
	for _, s := range []plan.Side{plan.First, plan.Second} {
		if w.At(s).Wish != nil {
			out = append(out, s)
		}
	}
	return out
}

// Key is the wish for the key at a place.
func Key(w *snapshot.Snapshot, origin string, at KeyPlace, key []byte) *corev1.Secret {
	name := w.DRPC.Name + keySuffix
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: exchange.Outbox(w.At(at.Side).Cluster),
			Name:      exchange.ObjectName(at.Namespace, name),
			Labels:    map[string]string{v1alpha1.LabelCreatedByRamen: "true"},
			// So that the copies leave the clusters with it.
			Finalizers: []string{exchange.FinalizerWish},
			Annotations: map[string]string{
				exchange.AnnotationNamespace: at.Namespace,
				exchange.AnnotationName:      name,
				exchange.AnnotationOrigin:    origin,
				exchange.AnnotationDRPC:      snapshot.NameOf(w.DRPC).String(),
			},
		},
		Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{KeyField: key},
	}
}

// Holds reports whether have holds all of want.
func Holds(have, want map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}
