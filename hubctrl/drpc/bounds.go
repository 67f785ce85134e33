// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"fmt"

	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// overruns says what of a report is ignored; empty: nothing.
func overruns(at *snapshot.Side) string {
	if len(at.Ignored) == 0 {
		return ""
	}
	return fmt.Sprintf("; ignored in the report of cluster %s: %s", at.Cluster, bounded.List(at.Ignored, "; "))
}
