// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestX14_AnInterruptionIsTold(t *testing.T) {
	h := deployed(t)
	h.told()
	h.spokes["dr1"].stamp.SpokeDeleting = true
	h.tell("dr1")
	h.pass()
	assert.Empty(t, h.wrote())
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, "Interrupted", w.Fact)
	assert.Equal(t, "dr1", w.Cluster)
	assert.Contains(t, w.Message, "VolumeReplicationGroup shop/db is being deleted on cluster dr1")
	assert.Contains(t, w.Message, "retained")
	assert.Contains(t, w.NextStep, "continues automatically")
	said := strings.Join(h.told(), "\n")
	assert.Contains(t, said, "Warning DRPCInterrupted")

	h.pass()
	assert.Empty(t, h.told(), "once")
}
