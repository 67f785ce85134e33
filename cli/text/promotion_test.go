// SPDX-License-Identifier: Apache-2.0

package text_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

func TestPromotion(t *testing.T) {
	o := &view.Promotion{
		Namespace: "bank", Name: "ledger", Cluster: "dr2", ClusterID: "0b7fb2e4-6b8c-4f0e-9a2d-5a1f1c1f7d10", Application: "bank/ledger", Epoch: 4, NextEpoch: 1004,
		Warnings: []string{"what was written on the other cluster after the last synchronization is lost; how much that is nobody can tell without the hub"},
	}
	golden(t, "promote.txt", print(t, 80, false, func(p *text.Page) error {
		require.NoError(t, p.Promote(o))
		o.State, o.Message = "Secondary", "ClusterDataReady is False (Progressing): restoring 1 of 2 volumes"
		require.NoError(t, p.Promoting(3*time.Second, o))
		o.Outcome = view.OutcomeDone
		return p.Promotion(o)
	}))
	o.Warnings, o.Refusals = nil, []view.Refusal{{Guard: view.GuardHubAnswers, Message: "the mirror on the cluster is connected to the hub: fail over on the hub: kubectl ramen-direct failover. If the hub can't do it, because its controller does not run, say so with --hub-is-down"}}
	golden(t, "promote-refused.txt", print(t, 80, false, func(p *text.Page) error { return p.Promote(o) }))
	for outcome, says := range map[view.Outcome]string{
		view.OutcomeBegun: "Begun: the controller on the cluster", view.OutcomeTimedOut: "It takes longer", view.OutcomeInterrupted: "Interrupted.",
		view.OutcomeDryRun: "Dry run", view.OutcomeNotConfirmed: "Not confirmed",
	} {
		o.Outcome = outcome
		assert.Contains(t, print(t, 0, false, func(p *text.Page) error { return p.Promotion(o) }), says)
	}
	o.Already, o.Name, o.Cluster = "the cluster is told to be Primary already", "\x1b[2J", "\x1b[31m"
	got := print(t, 0, false, func(p *text.Page) error { return p.Promote(o) })
	assert.Contains(t, got, "Nothing to do: the cluster is told to be Primary already.")
	assert.NotContains(t, got, "\x1b")
}
