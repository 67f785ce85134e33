// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// witness is whose report the destinations in the wish that wr asks for follow: of the Primary, once it has reported all of
// them, or has proved the rest gone; until then of the object before it. Empty: there are none, or nobody's.
func witness(w *snapshot.Snapshot, wr plan.Write, settled bool) string {
	at, home := w.At(wr.Side), wr.Side.Peer()
	switch p, _ := turnOf(w, wr, settled).parts(); p {
	case followed:
		covered := w.Proves(home) || !slices.ContainsFunc(at.Wish.Spec.VolSync.RDSpec, func(d v1alpha1.VolSyncReplicationDestinationSpec) bool {
			return !snapshot.Reports(w.At(home), d.ProtectedPVC)
		})
		switch {
		case len(destinationsFor(w, wr, settled)) == 0:
			return ""
		case covered:
			return snapshot.Reporter(w.At(home))
		}
		return at.Wish.Annotations[exchange.AnnotationDestinationsOf]
	case kept:
		if at.Wish != nil {
			return at.Wish.Annotations[exchange.AnnotationDestinationsOf]
		}
	case dropped:
	}
	return ""
}

// bereftText says what a side has lost.
func bereftText(w *snapshot.Snapshot, s plan.Side) string {
	at := w.At(s)
	if w.Facts.At(s).Wish.Replaced {
		return fmt.Sprintf("cluster %s was replaced: the new cluster, %s, does not have what the application had there, and nothing is asked of it", at.Cluster, at.Identity)
	}
	return fmt.Sprintf("cluster %s has lost volumes of which %s holds copies: VolumeReplicationGroup %s is another object than the one that reported %s",
		at.Cluster, w.At(s.Peer()).Cluster, w.Group, strings.Join(w.Missing(s), ", "))
}

// explainLoss says how to bring back what a side has lost, or to do without it.
func explainLoss(w *snapshot.Snapshot, s plan.Side) words {
	at, peer := w.At(s), w.At(s.Peer())
	out := words{fact: "VolumesLost", user: true, message: bereftText(w, s)}
	out.next = fmt.Sprintf("only if nobody needs them: %s, and the application starts on %s with what is there",
		w.Accept(snapshot.Word(snapshot.LossReplaced, at.Cluster, w.Successor(s))), at.Cluster)
	if !w.Facts.At(s.Peer()).Bereft() {
		out.next = fmt.Sprintf("to bring the data back from %s, set action Failover and failoverCluster to %s; %s", peer.Cluster, peer.Cluster, out.next)
	}
	return out
}

// explainReplaced says what to do about another cluster that uses the name of a side.
func explainReplaced(w *snapshot.Snapshot, s plan.Side) words {
	at := w.At(s)
	return words{fact: reasonReplaced, user: true, message: lostLink(at), since: at.Link.LastRenewal,
		next: fmt.Sprintf("if it replaces %[1]s: kubectl annotate drcluster %[1]s %[2]s=%[3]s --overwrite; if it does not, delete the Secret with the credentials of %[1]s there%[4]s",
			at.Cluster, v1alpha1.AnnotationAcceptCluster, at.Link.Stranger, without(w, s))}
}
