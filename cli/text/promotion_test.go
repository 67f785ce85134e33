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

func TestPromotionOfAll(t *testing.T) {
	s := &view.SitePromotion{
		Cluster: "dr2", ClusterID: "0b7fb2e4-6b8c-4f0e-9a2d-5a1f1c1f7d10", Here: 1,
		Warnings: []string{"what was written on the other cluster after the last synchronization is lost; how much that is nobody can tell without the hub"},
		Items: []view.PromotedApplication{
			{Namespace: "bank", Name: "ledger", Epoch: 4, NextEpoch: 1004, State: view.SitePending},
			{Namespace: "shop", Name: "images", State: view.SiteLeftOut, Reason: "its protection is being ended"},
			{Namespace: "shop", Name: "orders", Epoch: 2, NextEpoch: 1002, State: view.SitePending, Reason: "the cluster does not report its copies as ready"},
		},
	}
	golden(t, "promote-all.txt", print(t, 80, false, func(p *text.Page) error {
		require.NoError(t, text.PromoteAll(p, s))
		s.Items[0].State, s.Items[2].State, s.Items[2].Reason = view.SiteDone, view.SiteBegun, "DataReady is False (Progressing): restoring 1 of 2 volumes"
		require.NoError(t, p.SiteMoved(3*time.Second, text.PromotionProgress(s)))
		s.Items[2].State, s.Items[2].Reason = view.SiteDone, ""
		s.Outcome = view.OutcomeDone
		return text.PromotedAll(p, s)
	}))
	for outcome, says := range map[view.Outcome]string{
		view.OutcomeBegun: "Begun: 2 done, 1 left out. The controller", view.OutcomeTimedOut: "It takes longer", view.OutcomeInterrupted: "Interrupted:",
		view.OutcomeDryRun: "Dry run", view.OutcomeNotConfirmed: "Not confirmed",
	} {
		s.Outcome = outcome
		assert.Contains(t, print(t, 0, false, func(p *text.Page) error { return text.PromotedAll(p, s) }), says)
	}
	s.Items[0].Name, s.Cluster, s.Outcome = "\x1b[2J", "\x1b[31m", ""
	assert.NotContains(t, print(t, 0, false, func(p *text.Page) error { return text.PromoteAll(p, s) }), "\x1b")
}

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
