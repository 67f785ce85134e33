// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

func TestCede(t *testing.T) {
	type outcome struct{ ceded, selected, contested bool }
	for name, tc := range map[string]struct {
		first, other plan.Volume
		want         outcome // of the first claim, and whether the other one is contested
	}{
		"one that gave nothing away stays as it is, whatever it names": {
			plan.Volume{Selected: true, Holder: 1}, plan.Volume{Selected: true}, outcome{selected: true},
		},
		"a volume that is of no claim of the group is lost": {
			plan.Volume{Selected: true, Ceded: true, Holder: plan.NoVolume}, plan.Volume{Selected: true}, outcome{selected: true},
		},
		"of one that is not selected, too": {
			plan.Volume{Selected: true, Ceded: true, Holder: 1}, plan.Volume{}, outcome{selected: true},
		},
		"of one that is of another group, too": {
			plan.Volume{Selected: true, Ceded: true, Holder: 1}, plan.Volume{Selected: true, Foreign: true}, outcome{selected: true},
		},
		"one that is selected has the volume": {
			plan.Volume{Selected: true, Ceded: true, Holder: 1, Replica: plan.ReplicaAbsent}, plan.Volume{Selected: true}, outcome{ceded: true},
		},
		"after the replica of the first": {
			plan.Volume{Selected: true, Ceded: true, Holder: 1, Replica: plan.ReplicaPresent}, plan.Volume{Selected: true}, outcome{ceded: true, contested: true},
		},
		"a replica of another group is nothing to wait for": {
			plan.Volume{Selected: true, Ceded: true, Holder: 1, Replica: plan.ReplicaForeign}, plan.Volume{Selected: true}, outcome{ceded: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := []plan.Volume{tc.first, tc.other}
			plan.Cede(all)
			assert.Equal(t, tc.want, outcome{all[0].Ceded, all[0].Selected, all[1].Contested})
			assert.Equal(t, tc.other.Selected, all[1].Selected)
		})
	}
}
