// SPDX-License-Identifier: Apache-2.0

package status

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const (
	// sizeOfVolumes is how many bytes the list of volumes in a status may have, as JSON. etcd takes 1.5 MB for an object.
	sizeOfVolumes = 700 << 10
)

// fitting is the list of volumes as it fits into a status, and into the report on the hub: of very many it has the first, those
// that are copied before others, as the peer is told by it what to receive; of many it has shorter messages.
func fitting(volumes []v1alpha1.ProtectedPVC) []v1alpha1.ProtectedPVC {
	out := slices.Clone(volumes)
	if len(out) > exchange.MaxVolumes {
		slices.SortStableFunc(out, func(a, b v1alpha1.ProtectedPVC) int { return rank(a) - rank(b) })
		out = out[:exchange.MaxVolumes]
	}
	for _, most := range []int{bounded.Quote, 200, 60, 0} {
		for i := range out {
			out[i].Conditions = slices.Clone(out[i].Conditions)
			for j := range out[i].Conditions {
				trim(&out[i].Conditions[j], most)
			}
			if most == 0 && !out[i].ProtectedByVolSync {
				out[i].Labels = nil // they are for who makes a claim by this list
			}
		}
		if text, err := json.Marshal(out); err != nil || len(text) <= sizeOfVolumes {
			break
		}
	}
	return out
}

func trim(c *metav1.Condition, most int) {
	if most < bounded.Quote && c.Status == metav1.ConditionTrue {
		most = 0
	}
	c.Message = bounded.Text(c.Message, most)
}

func rank(p v1alpha1.ProtectedPVC) int {
	if p.ProtectedByVolSync {
		return 0
	}
	return 1
}
