// SPDX-License-Identifier: Apache-2.0

package outcome_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/internal/outcome"
)

func TestOf(t *testing.T) {
	boom := errors.New("boom")
	no := &outcome.Refused{Reason: "BadPolicy", Err: boom}
	short := &outcome.Waiting{Reason: "Final", Message: "m", After: time.Second}
	long := &outcome.Waiting{Reason: "Peer", Message: "m", After: time.Hour}
	watch := &outcome.Waiting{Reason: "Watch", Message: "m"}
	for name, tc := range map[string]struct {
		in         []error
		wantReason string
		wantAfter  time.Duration
		wantErr    error
		terminal   bool
	}{
		"nothing":                {wantReason: "AsExpected"},
		"a plain error retries":  {in: []error{nil, boom, no, short}, wantReason: "Error", wantErr: boom},
		"a refusal is terminal":  {in: []error{long, fmt.Errorf("step: %w", no)}, wantReason: "BadPolicy", wantErr: boom, terminal: true},
		"the soonest wait wins":  {in: []error{watch, long, short}, wantReason: "Final", wantAfter: time.Second},
		"a watch needs no timer": {in: []error{watch}, wantReason: "Watch"},
	} {
		t.Run(name, func(t *testing.T) {
			reason, res, err := outcome.Of(tc.in...)
			assert.Equal(t, tc.wantReason, reason)
			assert.Equal(t, tc.wantAfter, res.RequeueAfter)
			require.ErrorIs(t, err, tc.wantErr)
			assert.Equal(t, tc.terminal, errors.Is(err, reconcile.TerminalError(nil)))
		})
	}
}
