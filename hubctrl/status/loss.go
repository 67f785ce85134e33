// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strings"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
)

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
func explainLoss(w *snapshot.Snapshot, s plan.Side) Words {
	at, peer := w.At(s), w.At(s.Peer())
	out := Words{Fact: "VolumesLost", user: true, message: bereftText(w, s)}
	out.next = fmt.Sprintf("only if nobody needs them: %s, and the application starts on %s with what is there",
		w.Accept(snapshot.Word(snapshot.LossReplaced, at.Cluster, w.Successor(s))), at.Cluster)
	if !w.Facts.At(s.Peer()).Bereft() {
		out.next = fmt.Sprintf("to bring the data back from %s, set action Failover and failoverCluster to %s; %s", peer.Cluster, peer.Cluster, out.next)
	}
	return out
}

// explainReplaced says what to do about another cluster that uses the name of a side.
func explainReplaced(w *snapshot.Snapshot, s plan.Side) Words {
	at := w.At(s)
	return Words{Fact: reasonReplaced, user: true, message: lostLink(at), since: at.Link.LastRenewal,
		next: fmt.Sprintf("if it replaces %[1]s: kubectl annotate drcluster %[1]s %[2]s=%[3]s --overwrite; if it does not, delete the Secret with the credentials of %[1]s there%[4]s",
			at.Cluster, v1alpha1.AnnotationAcceptCluster, at.Link.Stranger, without(w, s))}
}
