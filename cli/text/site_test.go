// SPDX-License-Identifier: Apache-2.0

package text_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

// theSite is the failover of a lost cluster with three applications, of which one can't go.
func theSite() *view.Site {
	loses := func(d time.Duration) *view.Age { return &view.Age{Time: ago(d), AgeSeconds: int64(d / time.Second)} }
	return &view.Site{
		Head: snapshot().Heading("SiteFailover", []string{"dr1", "dr2"}), From: "dr1", ID: "7f3c01ab",
		Waves: []view.Wave{
			{Number: 1, Applications: []view.SiteApplication{{Namespace: "bank", Name: "ledger", To: "dr2", State: view.SitePending, Loses: loses(11 * time.Minute), Takes: &view.Takes{Operations: 2, Seconds: 41, MostSeconds: 65}}}},
			{Number: 2, Applications: []view.SiteApplication{{Namespace: "shop", Name: "orders", To: "dr2", State: view.SitePending, Loses: loses(10 * time.Minute)}}},
		},
		LeftOut: []view.SiteApplication{{
			Namespace: "shop", Name: "images", To: "dr2", State: view.SiteLeftOut,
			Reason: "it is not known that any data ever came to dr2: it would find nothing to restore", Next: "kubectl ramen-direct failover images -n shop",
		}},
	}
}

// TestASite prints the failover of a cluster from its plan to the end.
func TestASite(t *testing.T) {
	s := theSite()
	golden(t, "site-plan.txt", print(t, 100, false, func(p *text.Page) error { return p.SitePlan(s, true) }))

	s.Run = &view.SiteRun{ID: "r", Began: "ada", BeganAt: ago(5 * time.Minute), Holder: "ben", HeldSince: ago(time.Minute)}
	began := metav1.NewTime(now)
	s.Waves[0].BeganAt = &began
	s.Waves[0].Applications[0].State = view.SiteBegun
	golden(t, "site-run.txt", print(t, 80, false, func(p *text.Page) error {
		require.NoError(t, p.SitePlan(s, false))
		require.NoError(t, p.SiteMoved(2*time.Second, text.SiteProgress(s, 0)))
		s.Waves[0].Applications[0].State = view.SiteDone
		require.NoError(t, p.SiteMoved(40*time.Second, text.SiteProgress(s, 0)))
		waits := &s.Waves[1].Applications[0]
		waits.State, waits.Reason, waits.Next = view.SiteNeedsYou, "DataLossAccepted: the failover found nothing on dr2", "kubectl ramen-direct why orders -n shop"
		require.NoError(t, p.SiteMoved(43*time.Second, text.SiteProgress(s, 1)))
		s.Outcome = view.OutcomeNeedsYou
		return p.SiteEnded(s)
	}))
	for outcome, want := range map[view.Outcome]string{
		view.OutcomeInterrupted: "Continue:     kubectl ramen-direct failover --from dr1 --resume", view.OutcomeTimedOut: "What was begun continues.",
		view.OutcomeTakenOver: "Somebody else carries it out now", view.OutcomeDryRun: "nothing was changed", view.OutcomeNotConfirmed: "Not confirmed", view.OutcomeBegun: "the hub carries it out",
	} {
		s.Outcome = outcome
		assert.Contains(t, print(t, 80, false, func(p *text.Page) error { return p.SiteEnded(s) }), want)
	}
	back := &view.Site{}
	through(t, s, back)
	assert.Equal(t, print(t, 0, true, func(p *text.Page) error { return p.SitePlan(s, true) }), print(t, 0, true, func(p *text.Page) error { return p.SitePlan(back, true) }))

	empty := &view.Site{Head: s.Head, From: "dr1"}
	assert.Contains(t, print(t, 80, false, func(p *text.Page) error { return p.SitePlan(empty, true) }), "Nothing to do: no application has its home there.")
}
