// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// What a cluster claims about wishes that this hub does not know (X16).

// adopts is the UID of the object that the wish for a side takes over, from now on or still; empty: none.
func (at *side) adopts() string {
	switch {
	case at.wish != nil && at.wish.DeletionTimestamp == nil:
		return at.wish.Annotations[exchange.AnnotationAdoptUID]
	case at.wish == nil && at.report != nil && at.report.Status.Exchange != nil && at.report.Status.Exchange.WishUID != "":
		return at.report.Status.Exchange.SpokeUID
	default:
		return ""
	}
}

// markWish notes at the wish for a side that the user is asked about what the cluster claims. Nothing else of it changes, and
// no cluster reads it.
func (r *actor) markWish(ctx context.Context, w *world, s plan.Side) error {
	at := w.at(s)
	stamp := at.report.Status.Exchange
	log.FromContext(ctx).Info("Cluster claims a later wish than this hub's", "cluster", at.cluster, "wishUID", stamp.WishUID,
		"epoch", stamp.Epoch, "generation", stamp.WishGeneration, "role", at.report.Spec.ReplicationState)
	intent := r.frame(w, at.cluster, epochOf(at.wish))
	annotations := maps.Clone(at.wish.Annotations)
	annotations[exchange.AnnotationRecalled] = strconv.FormatInt(w.drpc.Generation, 10)
	intent.SetAnnotations(annotations)
	if err := setSpec(intent, &at.wish.Spec); err != nil {
		return err
	}
	return r.writeWish(ctx, at, intent)
}

// explainClaim says that a cluster claims a role that is the other one's.
func (w *world) explainClaim(s plan.Side) words {
	at, peer := w.at(s), w.at(s.Peer())
	stamp := at.report.Status.Exchange
	claim := fmt.Sprintf("cluster %s says that it was told to be Primary by a wish that this hub does not know, with epoch %d", at.cluster, stamp.Epoch)
	against := fmt.Sprintf("cluster %s is to be Primary by what this hub wished, with epoch %d", peer.cluster, epochOf(peer.wish))
	switch c := w.facts.At(s.Peer()); {
	case peer.wish == nil && peer.report != nil && peer.report.Status.Exchange != nil:
		against = fmt.Sprintf("cluster %s says the same, with epoch %d", peer.cluster, peer.report.Status.Exchange.Epoch)
	case !c.Live:
		against += ", and " + lostLink(peer)
	case c.Report.Answered && c.Report.State == plan.IsPrimary:
		against += ", and is"
	}
	return words{fact: "ConflictSolved", user: true, message: claim + "; " + against + ". It may be so after this hub was lost or restored from a backup; else somebody may have forged a report in " +
		exchange.Inbox(at.cluster) + ". Nothing is moved",
		next: "look at both clusters; then set action Failover and failoverCluster to the one whose data is to be kept, or change the spec if it says so already: " +
			w.failoverCommand(peer.cluster) + "; or the same with " + at.cluster}
}

// failoverCommand is the command that asks for a failover to cluster.
func (w *world) failoverCommand(cluster string) string {
	return fmt.Sprintf(`kubectl -n %s patch drpc %s --type merge -p '{"spec":{"action":"Failover","failoverCluster":"%s"}}'`, w.drpc.Namespace, w.drpc.Name, cluster)
}

// unbelievable says that a cluster claims an epoch that no hub can have wished; empty: it does not.
func unbelievable(at *side) string {
	if at.report == nil || at.report.Status.Exchange == nil || at.believable {
		return ""
	}
	return fmt.Sprintf("cluster %s reports epoch %d, which no hub can have wished: the report is not believed. Look at annotation %s of VolumeReplicationGroup %s/%s on the cluster, and for a forged report in %s",
		at.cluster, at.report.Status.Exchange.Epoch, exchange.AnnotationEpoch,
		at.report.Annotations[exchange.AnnotationNamespace], at.report.Annotations[exchange.AnnotationName], exchange.Inbox(at.cluster))
}
