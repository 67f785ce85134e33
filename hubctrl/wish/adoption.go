// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"maps"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Adopted is a wish made from the report about an object that an earlier hub wished, or this one before it was restored
// from a backup: the same spec and epoch.
func Adopted(w *snapshot.Snapshot, origin string, s plan.Side) (*unstructured.Unstructured, error) {
	at := w.At(s)
	u := withoutSpec(w, origin, at.Cluster, at.Report.Status.Exchange.Epoch)
	if snapshot.Ours(at) {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationRecalled, strconv.FormatInt(w.DRPC.Generation, 10)))
	}
	if uid := adopts(at); uid != "" {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationAdoptUID, uid))
	}
	if sendsAway(w, plan.Write{Kind: plan.AdoptWish, Side: s, Role: snapshot.RoleOf(&at.Report.Spec)}, false) {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationSentAway, snapshot.On))
	}
	if witness := adoptedWitness(w, s); witness != "" {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationDestinationsOf, witness))
	}
	if snapshot.Serves(at.Report) {
		u.SetAnnotations(with(u.GetAnnotations(), v1alpha1.AnnotationPeerServes, snapshot.On))
	}
	if of := at.Report.Annotations[v1alpha1.AnnotationNamespaceRanges]; of != "" {
		u.SetAnnotations(with(u.GetAnnotations(), v1alpha1.AnnotationNamespaceRanges, exchange.ReadRanges(of).String()))
	}
	if keys := signers(w, plan.Write{Kind: plan.AdoptWish, Side: s, Role: snapshot.RoleOf(&at.Report.Spec)}); keys != "" {
		u.SetAnnotations(with(u.GetAnnotations(), v1alpha1.AnnotationSigners, keys))
	}
	if keys := clusterKeys(w, plan.Write{Kind: plan.AdoptWish, Side: s, Role: snapshot.RoleOf(&at.Report.Spec)}); keys != "" {
		u.SetAnnotations(with(u.GetAnnotations(), v1alpha1.AnnotationClusterKeys, keys))
	}
	if snapshot.ScopeDiffers(w, snapshot.ScopeOf(&at.Report.Spec)) {
		u.SetAnnotations(with(u.GetAnnotations(), exchange.AnnotationScopeKept, string(w.DRPC.UID)))
	}
	return u, setSpec(u, &at.Report.Spec)
}

// Questioned is the wish for a side with a note that the user is asked about what the cluster claims. Nothing else of it
// changes, and no cluster reads it.
func Questioned(w *snapshot.Snapshot, origin string, s plan.Side) (*unstructured.Unstructured, error) {
	at := w.At(s)
	u := withoutSpec(w, origin, at.Cluster, snapshot.EpochOf(at.Wish))
	annotations := maps.Clone(at.Wish.Annotations)
	annotations[exchange.AnnotationRecalled] = strconv.FormatInt(w.DRPC.Generation, 10)
	u.SetAnnotations(annotations)
	return u, setSpec(u, &at.Wish.Spec)
}
