// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strings"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/hubctrl/wish"
)

// Annotations that ask for what there is not.
const (
	annotationGroups      = v1alpha1.DRPCAnnotationPrefix + "is-cg-enabled"
	annotationDifferences = v1alpha1.DRPCAnnotationPrefix + "enable-diff"
)

// oneByOne is what it means that there are no consistency groups, and what users can do.
const oneByOne = "each volume is replicated on its own, so that after a failover the volumes of the application may be of different moments, up to a scheduling interval apart. " +
	"If it can't start from that, keep what has to be of one moment in one volume"

// ungrouped says that volumes are no consistency group, where somebody expects one: the application asks for it, or has several
// volumes of a class that the policy has groups for. Empty: nobody does.
func ungrouped(w *snapshot.Snapshot) string {
	if w.DRPC.Annotations[annotationGroups] == "true" {
		return fmt.Sprintf("annotation %s has no effect: %s, and remove the annotation", annotationGroups, oneByOne)
	}
	at := w.Source()
	if at == nil || at.Report == nil {
		return ""
	}
	volumes := map[string]int{}
	for i := range at.Report.Status.ProtectedPVCs {
		if class := at.Report.Status.ProtectedPVCs[i].StorageClassName; class != nil {
			volumes[*class]++
		}
	}
	var classes []string
	for _, c := range wish.PeerClasses(w, w.Facts.Home(), true) {
		if c.Grouping && volumes[c.StorageClassName] > 1 {
			classes = append(classes, c.StorageClassName)
		}
	}
	if classes == nil {
		return ""
	}
	return fmt.Sprintf("consistency groups of StorageClass %s, which the DRPolicy offers, are not used: %s", strings.Join(classes, ", "), oneByOne)
}
