// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A failover is what happens to thousands of applications at once, so each of its writes counts: the decisions twice, two
// wishes, and the status at each step.
func TestAFailoverCostsTheHubFewWrites(t *testing.T) {
	h := deployed(t)
	h.settle()
	before := h.count
	h.failover("dr2")
	h.settle()
	require.Contains(t, h.shows(), "FailedOver/Completed")
	assert.LessOrEqual(t, h.count-before, 12)
	assert.Greater(t, h.count-before, 4, "the counter counts")

	before = h.count
	h.pass()
	h.settle()
	assert.Equal(t, before, h.count, "at rest nothing is written")
}
