// SPDX-License-Identifier: Apache-2.0

package volsynckey

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/wish"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const (
	dataField = "psk.txt"       // of the Secret has the key; the name is VolSync's
	identity  = "volsyncramen:" // precedes the random part of the key
)

// need tells whether an application needs its key.
type need uint8

const (
	undecided need = iota // it stays as it is
	wanted                // it has to be there
	unwanted              // it has to go
)

// needs is decided by what the serving Primary protects, and by what the wishes say about volumes. Where no wish tells
// of any, no Secret is looked for.
func needs(w *snapshot.Snapshot) need {
	told, gone := false, false
	for _, s := range outboxes(w) {
		at := w.At(s)
		told = told || len(at.Wish.Spec.VolSync.RDSpec) > 0 || len(at.Wish.Spec.VolSync.RSSpec) > 0
		if !wish.Serves(at) {
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

// place is where the key has to be: on a side, in a namespace.
type place struct {
	side      plan.Side
	namespace string
}

// places are all of them, the first of the first side first: there the key is made.
func places(w *snapshot.Snapshot) []place {
	var out []place
	for _, s := range outboxes(w) {
		for _, ns := range namespaces(w) {
			out = append(out, place{s, ns})
		}
	}
	return out
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

// secret is the wish for the key at a place.
func secret(w *snapshot.Snapshot, origin string, at place, key []byte) *corev1.Secret {
	name := wish.VolSyncSecret(w)
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: exchange.Outbox(w.At(at.side).Cluster),
			Name:      exchange.ObjectName(at.namespace, name),
			Labels:    map[string]string{v1alpha1.LabelCreatedByRamen: "true"},
			// So that the copies leave the clusters with it.
			Finalizers: []string{exchange.FinalizerWish},
			Annotations: map[string]string{
				exchange.AnnotationNamespace: at.namespace,
				exchange.AnnotationName:      name,
				exchange.AnnotationOrigin:    origin,
				exchange.AnnotationDRPC:      snapshot.NameOf(w.DRPC).String(),
			},
		},
		Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{dataField: key},
	}
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
