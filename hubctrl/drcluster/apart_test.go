// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// TestX16_AClusterThatReportsTooMuchIsTold, with what to do about it.
func TestX16_AClusterThatReportsTooMuchIsTold(t *testing.T) {
	w := newWorld(t)
	apart := 3
	w.apart = func() int { return apart }
	w.links["dr1"] = exchange.Link{State: exchange.LinkLive}
	w.mustReconcile()
	assert.Contains(t, w.condition("Connected").Message, "more than the 64 MiB")
	assert.Contains(t, w.condition("Connected").Message, "VolumeReplicationGroups of namespace inbox-dr1")
	apart = 0
	w.mustReconcile()
	assert.NotContains(t, w.condition("Connected").Message, "MiB")
}
