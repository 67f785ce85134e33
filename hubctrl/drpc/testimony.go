// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// What a cluster claims about wishes that this hub does not know (X16).

// adopts is the UID of the object that the wish for a side takes over, from now on or still; empty: none.
func adopts(at *snapshot.Side) string {
	switch {
	case at.Wish != nil && at.Wish.DeletionTimestamp == nil:
		return at.Wish.Annotations[exchange.AnnotationAdoptUID]
	case at.Wish == nil && at.Report != nil && at.Report.Status.Exchange != nil && at.Report.Status.Exchange.WishUID != "":
		return at.Report.Status.Exchange.SpokeUID
	default:
		return ""
	}
}

// markWish notes at the wish for a side that the user is asked about what the cluster claims. Nothing else of it changes, and
// no cluster reads it.
func (r *actor) markWish(ctx context.Context, w *snapshot.Snapshot, s plan.Side) error {
	at := w.At(s)
	stamp := at.Report.Status.Exchange
	log.FromContext(ctx).Info("Cluster claims a later wish than this hub's", "cluster", at.Cluster, "wishUID", stamp.WishUID,
		"epoch", stamp.Epoch, "generation", stamp.WishGeneration, "role", at.Report.Spec.ReplicationState)
	intent := r.frame(w, at.Cluster, snapshot.EpochOf(at.Wish))
	annotations := maps.Clone(at.Wish.Annotations)
	annotations[exchange.AnnotationRecalled] = strconv.FormatInt(w.DRPC.Generation, 10)
	intent.SetAnnotations(annotations)
	if err := setSpec(intent, &at.Wish.Spec); err != nil {
		return err
	}
	return r.writeWish(ctx, at, intent)
}

// explainClaim says that a cluster claims a role that is the other one's.
func explainClaim(w *snapshot.Snapshot, s plan.Side) words {
	at, peer := w.At(s), w.At(s.Peer())
	stamp := at.Report.Status.Exchange
	claim := fmt.Sprintf("cluster %s says that it was told to be Primary by a wish that this hub does not know, with epoch %d", at.Cluster, stamp.Epoch)
	against := fmt.Sprintf("cluster %s is to be Primary by what this hub wished, with epoch %d", peer.Cluster, snapshot.EpochOf(peer.Wish))
	switch c := w.Facts.At(s.Peer()); {
	case peer.Wish == nil && peer.Report != nil && peer.Report.Status.Exchange != nil:
		against = fmt.Sprintf("cluster %s says the same, with epoch %d", peer.Cluster, peer.Report.Status.Exchange.Epoch)
	case !c.Live:
		against += ", and " + lostLink(peer)
	case c.Report.Answered && c.Report.State == plan.IsPrimary:
		against += ", and is"
	}
	return words{fact: "ConflictSolved", user: true, message: claim + "; " + against + ". It may be so after this hub was lost or restored from a backup; else somebody may have forged a report in " +
		exchange.Inbox(at.Cluster) + ". Nothing is moved",
		next: "look at both clusters; then set action Failover and failoverCluster to the one whose data is to be kept, or change the spec if it says so already: " +
			failoverCommand(w, peer.Cluster) + "; or the same with " + at.Cluster}
}

// failoverCommand is the command that asks for a failover to cluster.
func failoverCommand(w *snapshot.Snapshot, cluster string) string {
	return fmt.Sprintf(`kubectl -n %s patch drpc %s --type merge -p '{"spec":{"action":"Failover","failoverCluster":"%s"}}'`, w.DRPC.Namespace, w.DRPC.Name, cluster)
}

// unbelievable says that a cluster claims an epoch that no hub can have wished; empty: it does not.
func unbelievable(at *snapshot.Side) string {
	if at.Report == nil || at.Report.Status.Exchange == nil || at.Believable {
		return ""
	}
	return fmt.Sprintf("cluster %s reports epoch %d, which no hub can have wished: the report is not believed. Look at annotation %s of VolumeReplicationGroup %s/%s on the cluster, and for a forged report in %s",
		at.Cluster, at.Report.Status.Exchange.Epoch, exchange.AnnotationEpoch,
		at.Report.Annotations[exchange.AnnotationNamespace], at.Report.Annotations[exchange.AnnotationName], exchange.Inbox(at.Cluster))
}
