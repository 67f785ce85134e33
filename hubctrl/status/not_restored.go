// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"
	"time"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// volumesOf are the volumes that a cluster reports.
func volumesOf(at *snapshot.Side) []string {
	var out []string
	for i := range at.Report.Status.ProtectedPVCs {
		pvc := &at.Report.Status.ProtectedPVCs[i]
		out = append(out, pvc.Namespace+"/"+pvc.Name)
	}
	return out
}

// notRestored is the end of a sentence about where the workload runs after a failover, which may have found some of the volumes
// only: an old store knows no others, and the workload makes them empty. Empty: it has all that the other cluster reports.
func notRestored(w *snapshot.Snapshot, at *snapshot.Side) string {
	s := w.SideOf(at.Cluster)
	other := w.At(s.Peer())
	if w.Facts.At(s).Wish.For != plan.Failover || other.Report == nil {
		return ""
	}
	has := volumesOf(at)
	lacks := slices.DeleteFunc(volumesOf(other), func(name string) bool { return slices.Contains(has, name) })
	if len(lacks) == 0 {
		return ""
	}
	return fmt.Sprintf("; cluster %s has volumes by its last report%s that %s does not protect: %s. If they were not deleted on purpose, what they hold was not restored",
		other.Cluster, when(other), at.Cluster, bounded.Some(lacks))
}

// when tells of when a report is, if it says.
func when(at *snapshot.Side) string {
	if at.Report.Status.Exchange == nil {
		return ""
	}
	if t := at.Report.Status.Exchange.ObservedTime; !t.IsZero() {
		return " of " + t.UTC().Format(time.RFC3339)
	}
	return ""
}
