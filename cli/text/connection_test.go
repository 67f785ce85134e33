// SPDX-License-Identifier: Apache-2.0

package text_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

func site(known bool) *order.Site {
	s := &order.Site{Snapshot: *snapshot(), Name: "dr1", Namespace: "ramen-system", Profiles: []string{"s3-dr1", "s3-dr2"}, Server: "https://hub.example.com:6443",
		Looked: true, Installed: true, Mirror: true, Identity: "0b7fb2e4-6b8c-4f0e-9a2d-5a1f1c1f7d10"}
	if known {
		s.Known = []v1alpha1.DRCluster{{ObjectMeta: metav1.ObjectMeta{Name: "dr1"}, Spec: v1alpha1.DRClusterSpec{S3ProfileName: "s3-dr1"}}}
	}
	return s
}

func TestConnection(t *testing.T) {
	c, err := order.Connect(site(false), "s3-dr1", "")
	require.NoError(t, err)
	c.Change("DRCluster dr1", "hub", view.Created)
	c.Change("Secret ramen-system/mirror-dr1", "cluster", view.Created)
	expires := metav1.NewTime(now.Add(30 * 24 * time.Hour))
	c.TokenExpires = &expires
	golden(t, "connect.txt", print(t, 80, false, func(p *text.Page) error {
		c.Reason, c.Message = "NeverConnected", "the agent of the cluster was never seen"
		require.NoError(t, p.Connecting(2*time.Second, c))
		c.Outcome = view.OutcomeDone
		return p.Connection(c)
	}))

	s := site(true)
	s.Applications, s.Policies = []string{"bank/ledger", "shop/orders"}, []string{"5m"}
	d := order.Disconnect(s, false, false)
	d.Outcome = view.OutcomeRefused
	golden(t, "disconnect-refused.txt", print(t, 80, false, func(p *text.Page) error { return p.Connection(d) }))

	d = order.Disconnect(site(true), false, false)
	golden(t, "disconnect.txt", print(t, 80, false, func(p *text.Page) error {
		require.NoError(t, p.Disconnecting(d))
		d.Change("DRCluster dr1", "hub", view.Deleted)
		d.Change("Secret ramen-system/mirror-dr1", "cluster", view.Deleted)
		d.Outcome = view.OutcomeDone
		return p.Connection(d)
	}))

	for outcome, says := range map[view.Outcome]string{
		view.OutcomeBegun: "as soon as its mirror has the access", view.OutcomeNeedsYou: "It waits for you: which one is it?", view.OutcomeTimedOut: "It takes longer",
		view.OutcomeInterrupted: "Interrupted. It continues.", view.OutcomeDryRun: "Dry run: nothing was changed.", view.OutcomeNotConfirmed: "Not confirmed",
	} {
		c.Outcome, c.Message = outcome, "which one is it?"
		assert.Contains(t, print(t, 0, false, func(p *text.Page) error { return p.Connection(c) }), says)
	}
	c.Outcome, c.Cluster, c.Message = view.OutcomeNeedsYou, "dr\x1b[2J1", "\x1b]0;title\a"
	assert.NotContains(t, print(t, 0, false, func(p *text.Page) error { return p.Connection(c) }), "\x1b")
}
