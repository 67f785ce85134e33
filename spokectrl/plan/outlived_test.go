// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// TestEveryReachableStateOfAGroupThatOutlivesItsNamespaceIsSafeAndLive : the namespace of the application may go at any time.
func TestEveryReachableStateOfAGroupThatOutlivesItsNamespaceIsSafeAndLive(t *testing.T) {
	if !testlayer.All() {
		requireSafeAndLive(t, outliving(start(1, 0, 2, 1)))
		return
	}
	requireSafeAndLive(t, outliving(start(2, 0, 2, 1)))
}

// TestEveryReachableStateWhereVolumesAreNotReleasedIsSafeAndLive : the claim that is not selected any more is replicated on.
func TestEveryReachableStateWhereVolumesAreNotReleasedIsSafeAndLive(t *testing.T) {
	requireSafeAndLive(t, keeping(onRBD(start(2, 0, 2, 0))))
}

// TestEveryReachableStateWithADemotionThatIsRemembered : it comes back while the volume is primary, and is no demotion.
func TestEveryReachableStateWithADemotionThatIsRemembered(t *testing.T) {
	requireSafeAndLive(t, recalling(start(1, 0, 2, 1)))
}

// TestEveryGuardOfWhatIsNotReleasedIsNeeded, and that of what leaves with its namespace.
func TestEveryGuardOfWhatIsNotReleasedIsNeeded(t *testing.T) {
	testlayer.Slow(t, "TestEveryReachableStateOfAGroupThatOutlivesItsNamespaceIsSafeAndLive")
	for name, tc := range map[string]struct {
		world  world
		mutant func(plan.Facts) plan.Plan
	}{
		"what leaves with its namespace is not noted": {outliving(start(1, 0, 2, 1)), func(g plan.Facts) plan.Plan {
			p := plan.Decide(g)
			p.Writes = slices.DeleteFunc(p.Writes, func(w plan.Write) bool { return w.Kind == plan.Sever })
			return p
		}},
		"what is remembered is always believed": {recalling(start(1, 0, 2, 1)), func(g plan.Facts) plan.Plan {
			p := plan.Decide(g)
			for i, v := range g.Volumes {
				if g.Role == plan.Secondary && v.Released && v.Replica == plan.ReplicaLeaving {
					p.Verdicts[i] = plan.Verdict{State: plan.AtSecondary, Why: plan.WhyLeaving}
				}
			}
			return p
		}},
		"the setting is not read": {keeping(onRBD(start(2, 0, 2, 0))), func(g plan.Facts) plan.Plan {
			g.Unprotect = true
			return plan.Decide(g)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, violation := explore(tc.world, tc.mutant)
			require.NotEmpty(t, violation, "the guard is not needed, or an invariant is missing")
			t.Log(violation[0])
		})
	}
}
