// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// A workload may depend on labels and annotations of its namespace: Pod Security, the ranges of OpenShift, the movers of
// VolSync. They are rights, so the hub carries none of them, but ranges, if the user asks for that and as OpenShift gives them out:
// who reports for one cluster could give itself rights on the other one. It tells the difference while there is time.

// unlike says how the namespaces of the application differ on the peer of its home, as the workload there would notice; empty:
// they do not, as far as is known.
func unlike(w *snapshot.Snapshot, home plan.Side) string {
	at, peer := w.At(home), w.At(home.Peer())
	if at.Report == nil || peer.Report == nil {
		return ""
	}
	var out []string
	for _, here := range at.Report.Status.Namespaces {
		i := slices.IndexFunc(peer.Report.Status.Namespaces, func(t v1alpha1.NamespaceTraits) bool { return t.Name == here.Name })
		if i < 0 || here.Absent {
			continue // not told
		}
		there := peer.Report.Status.Namespaces[i]
		out = append(out, differing("label", here.Name, here.Labels, there.Labels, at.Cluster, peer.Cluster)...)
		out = append(out, differing("annotation", here.Name, here.Annotations, there.Annotations, at.Cluster, peer.Cluster)...)
	}
	if len(out) == 0 {
		return ""
	}
	text := fmt.Sprintf("namespaces differ, and a workload that depends on it would be refused, or could not read its files, on %s: %s. If yours does, set it on %s before a failover",
		peer.Cluster, bounded.Some(out), peer.Cluster)
	if w.DRPC.Spec.RetainNamespaceSCCAcrossPeers {
		text += ". spec.retainNamespaceSCCAcrossPeers gives OpenShift's ranges only to namespaces that were created for this protection, while no Pod is in them"
	}
	return text
}

func differing(what, namespace string, here, there map[string]string, home, peer string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(here)) {
		switch value, has := there[key]; {
		case !has:
			out = append(out, fmt.Sprintf("namespace %s has %s %s=%s on %s and none on %s", namespace, what, key, here[key], home, peer))
		case value != here[key]:
			out = append(out, fmt.Sprintf("namespace %s has %s %s=%s on %s and %s on %s", namespace, what, key, here[key], home, value, peer))
		}
	}
	return out
}
