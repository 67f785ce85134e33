// SPDX-License-Identifier: Apache-2.0

package status

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestAGroupIsAsOldAsItsOldestVolume : what a failover would bring back, which the hub tells. A volume that was never copied
// would be lost as a whole, wherever it stands in the list.
func TestAGroupIsAsOldAsItsOldestVolume(t *testing.T) {
	at := func(minute int) *metav1.Time {
		return new(metav1.NewTime(time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC)))
	}
	for name, tc := range map[string]struct {
		volumes []*metav1.Time
		is      *metav1.Time
	}{
		"no volume":              {nil, nil},
		"one":                    {[]*metav1.Time{at(3)}, at(3)},
		"the last is the oldest": {[]*metav1.Time{at(3), at(2), at(1)}, at(1)},
		"the first is":           {[]*metav1.Time{at(1), at(2), at(3)}, at(1)},
		"the first was never":    {[]*metav1.Time{nil, at(2), at(3)}, nil},
		"the last was never":     {[]*metav1.Time{at(1), at(2), nil}, nil},
		"one between":            {[]*metav1.Time{at(2), nil, at(1)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var pvcs []v1alpha1.ProtectedPVC
			for _, at := range tc.volumes {
				pvcs = append(pvcs, v1alpha1.ProtectedPVC{LastSyncTime: at})
			}
			oldest, _, _ := groupSync(pvcs)
			assert.Equal(t, tc.is, oldest)
		})
	}
}
