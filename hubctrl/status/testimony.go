// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// What a cluster claims about wishes that this hub does not know (X16).

// explainClaim says that a cluster claims a role that is the other one's.
func explainClaim(w *snapshot.Snapshot, s plan.Side) Words {
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
	return Words{Fact: "ConflictSolved", user: true, message: claim + "; " + against + ". It may be so after this hub was lost or restored from a backup; else somebody may have forged a report in " +
		exchange.Inbox(at.Cluster) + ". Nothing is moved",
		next: "look at both clusters; then set action Failover and failoverCluster to the one whose data is to be kept, or change the spec if it says so already: " +
			failoverCommand(w, peer.Cluster) + "; or the same with " + at.Cluster}
}

// failoverCommand is the command that asks for a failover to cluster.
func failoverCommand(w *snapshot.Snapshot, cluster string) string {
	return fmt.Sprintf(`kubectl -n %s patch drpc %s --type merge -p '{"spec":{"action":"Failover","failoverCluster":"%s"}}'`, w.DRPC.Namespace, w.DRPC.Name, cluster)
}
