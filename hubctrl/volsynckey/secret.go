// SPDX-License-Identifier: Apache-2.0

package volsynckey

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/wish"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const (
	dataField   = "psk.txt"                             // of the Secret has the key; the name is VolSync's
	identity    = "volsyncramen:"                       // precedes the random part of the key
	suffix      = "-vs-secret"                          // follows the name of the application in that of the Secret
	fingerprint = 5                                     // bytes of the digest of a key, in the name of its Secret
	maxStem     = 253 - len(suffix) - 1 - 2*fingerprint // characters of the name of the application in it
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

// legacy is the name of keys that were made before a name stood for one key.
func legacy(w *snapshot.Snapshot) string { return w.DRPC.Name + suffix }

// nameOf is the name of the Secret with a key. Movers that run hold on to the key that they were started with, and are started
// again if the name changes: so no name is used for two keys. It is the fingerprint of random bits, and tells nothing of them.
func nameOf(w *snapshot.Snapshot, key []byte) string {
	sum := sha256.Sum256(key)
	return stem(w) + hex.EncodeToString(sum[:fingerprint])
}

// stem is what the names of all keys of an application begin with.
func stem(w *snapshot.Snapshot) string {
	name := w.DRPC.Name
	return strings.TrimRight(name[:min(len(name), maxStem)], "-.") + suffix + "-"
}

// stands reports whether key is the one that a name stands for.
func stands(w *snapshot.Snapshot, name string, key []byte) bool {
	return strings.HasPrefix(string(key), identity) && (name == legacy(w) || name == nameOf(w, key))
}

// known are the names by which the wishes know keys, and the one that keys had before those named them.
func known(w *snapshot.Snapshot) []string {
	var out []string
	add := func(name string) {
		if (name == legacy(w) || strings.HasPrefix(name, stem(w))) && !slices.Contains(out, name) { // a report may have named it
			out = append(out, name)
		}
	}
	all := true
	for _, s := range outboxes(w) {
		name := w.At(s).Wish.Spec.VolSync.KeySecret
		add(name)
		all = all && name != ""
	}
	if !all {
		add(legacy(w))
	}
	return out
}

// told is the name that all wishes name; empty: they do not agree.
func told(w *snapshot.Snapshot) string {
	name := ""
	for i, s := range outboxes(w) {
		is := w.At(s).Wish.Spec.VolSync.KeySecret
		if i > 0 && is != name {
			return ""
		}
		name = is
	}
	return name
}

// inUse reports whether movers of a cluster were told of a key.
func inUse(w *snapshot.Snapshot) bool {
	return slices.ContainsFunc(outboxes(w), func(s plan.Side) bool {
		v := w.At(s).Wish.Spec.VolSync
		return v.KeySecret != "" && len(v.RDSpec)+len(v.RSSpec) > 0
	})
}

// reached reports whether both clusters can be told something now.
func reached(w *snapshot.Snapshot) bool {
	return w.Sides[0].Link.State == exchange.LinkLive && w.Sides[1].Link.State == exchange.LinkLive
}

// secret is the wish for the key of a name at a place.
func secret(w *snapshot.Snapshot, origin, name string, at place, key []byte) *corev1.Secret {
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
