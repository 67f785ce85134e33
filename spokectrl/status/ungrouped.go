// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	"github.com/ramendr/ramen-direct/internal/bounded"
)

// ungrouped names the StorageClasses whose volumes the hub would have as a consistency group, if the group has several volumes of one;
// empty: there are none.
func ungrouped(s Pass) string {
	volumes := map[string]int{}
	for _, v := range s.volumes() {
		volumes[s.Volumes[v.index].View.ClassName()]++
	}
	var classes []string
	for _, c := range s.Provided.PeerClasses {
		if c.Grouping && volumes[c.StorageClassName] > 1 {
			classes = append(classes, c.StorageClassName)
		}
	}
	if classes == nil {
		return ""
	}
	return fmt.Sprintf("; volumes of StorageClass %s are replicated each on its own, although spec.async.peerClasses says grouping: consistency groups are not supported", bounded.List(classes, ", "))
}
