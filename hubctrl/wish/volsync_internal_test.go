// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

func TestWhoHasWhatInEachPhase(t *testing.T) {
	for name, tc := range map[string]struct {
		turn                    turn
		destinations, addresses part
	}{
		"a first Secondary": {turn{is: plan.Secondary}, dropped, dropped},
		"a first Primary":   {turn{is: plan.Primary, promoted: true}, dropped, dropped},
		"a Secondary at rest, whose peer is not Primary yet":        {turn{was: plan.Secondary, is: plan.Secondary, settled: true}, kept, dropped},
		"a Secondary at rest, whose peer serves":                    {turn{was: plan.Secondary, is: plan.Secondary, settled: true, peer: serving}, followed, dropped},
		"a Primary at rest, whose peer has not answered":            {turn{was: plan.Primary, is: plan.Primary, settled: true}, dropped, kept},
		"a Primary at rest, whose peer is Secondary":                {turn{was: plan.Primary, is: plan.Primary, settled: true, peer: holding}, dropped, followed},
		"the source of a move":                                      {turn{was: plan.Primary, is: plan.Primary, peer: holding}, dropped, kept},
		"the target of a move, while the source's workload leaves":  {turn{was: plan.Secondary, is: plan.Secondary, peer: serving}, kept, dropped},
		"a Secondary that is promoted":                              {turn{was: plan.Secondary, is: plan.Primary, promoted: true, peer: holding}, dropped, dropped},
		"a Primary that is demoted, whose peer serves already":      {turn{was: plan.Primary, is: plan.Secondary, peer: serving}, dropped, dropped},
		"a Primary that is promoted again, its peer Primary too":    {turn{was: plan.Primary, is: plan.Primary, promoted: true, peer: serving}, dropped, dropped},
		"a Primary at rest whose peer is still Primary: a failover": {turn{was: plan.Primary, is: plan.Primary, settled: true, peer: serving}, dropped, kept},
	} {
		d, a := tc.turn.parts()
		assert.Equal(t, []part{tc.destinations, tc.addresses}, []part{d, a}, name)
	}
}
