// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"

	"github.com/ramendr/ramen-direct/internal/bounded"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// Choice is how a person decides about volumes that left here before they were demoted: what was written last may be nowhere else.
const Choice = "To continue with them, set action Failover and failoverCluster to this cluster in the DRPlacementControl. The peer may lack what was written last, " +
	"and its storage may have removed its copy: only if you know that it has what you need, set failoverCluster to the peer"

// stranded says what is left of volumes that were never demoted here, and what helps; false: nothing is.
func (s Pass) stranded() (provider.Finding, bool) {
	if !s.Stranded() || s.Facts.Role != plan.Secondary || s.Facts.Ending {
		return provider.Finding{}, false
	}
	var names, whys []string
	for i, m := range s.Remains {
		if !m.Stranded {
			continue
		}
		names = append(names, fmt.Sprintf("%s (claim %s)", m.PV.Name, m.Claim))
		if err := s.Done.Remains[i]; err != nil {
			whys = append(whys, err.Error())
		} else if m.Why != "" {
			whys = append(whys, m.Why)
		}
	}
	message := "claims and replicas were deleted here, perhaps with their namespace, before their volumes were demoted. These PersistentVolumes are retained, and their volumes keep the storage " +
		"from making copies of what the peer has: " + bounded.List(names, ", ")
	if len(whys) > 0 {
		message += "; " + bounded.Messages(whys)
	}
	switch {
	case !s.Facts.Discard:
		message += ". " + Choice
	case len(whys) > 0:
	case !s.Facts.Served:
		message += ". A failover gave up what they have: they get their original reclaim policy back, and the storage deletes them, when the hub says that the workload was sent to the peer"
	default:
		message += ". The peer has taken over: they get their original reclaim policy back, and the storage deletes them"
	}
	return no(ReasonInterrupted, message), true
}

// handsOver says that a relocate told the group to be secondary, and that volumes which were replicated from here are not demoted for
// good: what was written last is here, and may be nowhere else.
func (s Pass) handsOver() bool {
	if s.Facts.Role != plan.Secondary || s.Facts.Ending || s.Facts.Discard || s.Severed != nil || s.Facts.Pruned {
		return false
	}
	for _, v := range s.volumes() {
		if f := s.Facts.Volumes[v.index]; f.Sealed && !f.Released && f.Marks != plan.MarksNone && !v.released() {
			return true
		}
	}
	return false
}
