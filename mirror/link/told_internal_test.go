// SPDX-License-Identifier: Apache-2.0

package link

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/translate"
)

// TestX13_TheLeaseOfAnotherClusterIsNotTold: a mirror that has just started knows what the hub has recorded, or which cluster
// it is on, and the other only a moment later. Until then the lease may be that of the cluster that it does not belong to.
func TestX13_TheLeaseOfAnotherClusterIsNotTold(t *testing.T) {
	for name, tc := range map[string]struct {
		by, own string
		asked   bool
		cause   string
		told    bool
	}{
		"a first lease":            {told: true},
		"its own":                  {by: "this", own: "this", asked: true, told: true},
		"one that is nobody's yet": {own: "this", asked: true, told: true},
		"one of a cluster that is recorded no more":            {by: "another", own: "this", asked: true, told: true},
		"the hub has not said yet who is recorded":             {by: "another", own: "this"},
		"it does not know yet who it is":                       {by: "another", asked: true},
		"it can't know who it is, and that is what it tells":   {by: "another", asked: true, cause: "cluster: cannot connect", told: true},
		"it knows neither, and one of them may be had from it": {by: "another", cause: "cluster: cannot connect"},
	} {
		t.Run(name, func(t *testing.T) {
			var last *translate.Object
			if name != "a first lease" {
				last = &translate.Object{Object: map[string]any{}}
				last.SetAnnotations(map[string]string{exchange.AnnotationLink: "live", exchange.AnnotationSpokeID: tc.by})
			}
			told := crowded(t).heartbeat.told(last, State{Phase: Listing, Cause: tc.cause}, tc.own, tc.asked)
			assert.Equal(t, tc.told, told != nil)
		})
	}
}
