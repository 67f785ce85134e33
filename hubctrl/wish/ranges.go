// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// ranges are OpenShift's ranges of the application's namespaces at its home, for the cluster that a wish is for, if the
// DRPlacementControl asks that they are kept; empty: none are known. While the home does not tell, those that were known last stay:
// after a failover they are what the files in the volumes belong to.
func ranges(w *snapshot.Snapshot, wr plan.Write, settled bool) string {
	if !w.DRPC.Spec.RetainNamespaceSCCAcrossPeers {
		return ""
	}
	if home := w.At(wr.Side.Peer()); settled && wr.Role == plan.Secondary && home.Report != nil && home.Believable {
		if text := exchange.RangesOf(home.Report.Status.Namespaces).String(); text != "" {
			return text
		}
	}
	if at := w.At(wr.Side); at.Wish != nil {
		return at.Wish.Annotations[v1alpha1.AnnotationNamespaceRanges]
	}
	return ""
}
