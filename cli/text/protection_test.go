// SPDX-License-Identifier: Apache-2.0

package text_test

import (
	"fmt"
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

func TestProtection(t *testing.T) {
	s := snapshot()
	s.Leases["dr1"] = lease("dr1", 2*time.Second, "live")
	policy := s.Policies["5m"]
	policy.Status.Conditions = []metav1.Condition{{Type: "Validated", Status: "True"}}
	policy.Status.Async.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "fast"}}
	s.Policies = map[string]v1alpha1.DRPolicy{"5m": policy}
	wanted := order.Wanted{Namespace: "bank", Name: "ledger", Policy: "5m", Cluster: "dr1", Claims: metav1.LabelSelector{MatchLabels: map[string]string{"app": "ledger"}}}
	_, p := order.Protect(s, wanted)
	order.Selects(p, &policy, []view.Claim{{Namespace: "bank", Name: "ledger-0", StorageClass: "fast"}, {Namespace: "bank", Name: "ledger-1", StorageClass: "fast"}})
	show := func(p *view.Protection, outcome view.Outcome) string {
		return print(t, 80, false, func(page *text.Page) error {
			require.NoError(t, page.Protect(p))
			p.Outcome = outcome
			return page.Protection(p)
		})
	}
	golden(t, "protect.txt", show(p, view.OutcomeBegun))
	golden(t, "protect-manifest.txt", p.Manifest)

	_, refused := order.Protect(s, wanted)
	refused.Refusals = []view.Refusal{{Guard: view.GuardHub, Message: "the hub would refuse it (Conflict): DRPlacementControl bank/all protects PVCs of namespace bank with any labels"}}
	golden(t, "protect-refused.txt", show(refused, view.OutcomeRefused))

	d := &view.Detail{Snapshot: *snapshot(drpc("bank", "ledger"))}
	golden(t, "unprotect.txt", show(order.Unprotect(d, false), view.OutcomeBegun))
	d.Applications[0].Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "dr"}
	golden(t, "unprotect-git.txt", show(order.Unprotect(d, false), view.OutcomeRefused))

	var many []view.Claim
	for i := range 25 {
		many = append(many, view.Claim{Namespace: "bank", Name: fmt.Sprintf("ledger-\x1b[%d", i), StorageClass: "slow"})
	}
	_, p = order.Protect(s, wanted)
	order.Selects(p, &policy, many)
	got := show(p, view.OutcomeTimedOut)
	assert.Contains(t, got, "and 5 more PVCs")
	assert.NotContains(t, got, "\x1b")
}
