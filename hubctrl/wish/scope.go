// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
)

// scopeFor is what the wish for a side selects.
func scopeFor(w *snapshot.Snapshot, s plan.Side) snapshot.Scope {
	if kept := w.KeptScope(s); kept != nil {
		return *kept
	}
	out := snapshot.WantedScope(w)
	out.Namespaces = w.ProtectedNamespaces()
	return out
}
