// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestACrashBeforeAnyWriteChangesNoEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		begin func(*hub)
		end   string
	}{
		"deploy":   {func(*hub) {}, "Deployed/Completed [dr1 Run] dr1:primary@N dr2:secondary@N"},
		"failover": {func(h *hub) { h.settle(); h.failover("dr2") }, "FailedOver/Completed [dr2 Run] dr1:secondary@N dr2:primary@N"},
		"failover without the source": {func(h *hub) { h.settle(); h.cut("dr1"); h.failover("dr2") },
			"FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr1:secondary@N dr2:primary@N"},
		"relocate": {func(h *hub) { h.settle(); h.relocate("dr2") }, "Relocated/Completed [dr2 Run] dr1:secondary@N dr2:primary@N"},
		"delete":   {func(h *hub) { h.settle(); h.disable() }, "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crashes := 0
			for n := 0; ; n++ {
				h := newHub(t, newDRPC())
				tc.begin(h)
				h.start("hub-uid")
				h.crashAt = n
				wrote := h.settle()
				assert.Equal(t, tc.end, withoutEpochs(h.shows()), "crash before write %d: %v", n, wrote)
				if h.crashAt >= 0 {
					break // it needed fewer writes
				}
				crashes++
			}
			t.Log(crashes, "crashes")
			require.GreaterOrEqual(t, crashes, 5, "each write was lost once")
		})
	}
}

// withoutEpochs leaves out by how much the epochs rose: a crash may cost one.
func withoutEpochs(s string) string {
	for n := range 10 {
		s = strings.ReplaceAll(s, fmt.Sprintf("@%d", n), "@N")
	}
	return s
}

func TestAPassWithoutChangesWritesNothing(t *testing.T) {
	for name, begin := range map[string]func(*hub){
		"deployed":                 func(*hub) {},
		"failed over":              func(h *hub) { h.failover("dr2") },
		"failed over, source lost": func(h *hub) { h.cut("dr1"); h.failover("dr2") },
		"relocated":                func(h *hub) { h.relocate("dr2") },
		"home lost":                func(h *hub) { h.cut("dr1") },
		"deletion without a link":  func(h *hub) { h.cut("dr1"); h.disable() },
		"unknown target":           func(h *hub) { h.failover("dr7") },
		"policy is gone":           func(h *hub) { require.NoError(h.t, h.api.Delete(h.t.Context(), policy())) },
	} {
		t.Run(name, func(t *testing.T) {
			h := deployed(t)
			begin(h)
			h.settle()
			h.start("hub-uid")
			h.clock.SetTime(start.Add(5e9))
			for range 2 {
				_, _ = h.try(app)
			}
			assert.Empty(t, h.log, h.shows())
		})
	}
}

func TestTheUsersFieldsAreNeverWritten(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.settle()
	h.relocate("dr1")
	h.settle()
	want := newDRPC()
	want.Spec.Action, want.Spec.FailoverCluster = "Relocate", "dr2"
	d := h.drpc()
	assert.Equal(t, want.Spec, d.Spec)
	assert.Equal(t, want.Labels, d.Labels)
	assert.Equal(t, want.Annotations, d.Annotations)
}
