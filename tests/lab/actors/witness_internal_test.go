// SPDX-License-Identifier: Apache-2.0

package actors

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func TestAWaitThatSaysNothingIsNoticed(t *testing.T) {
	begin := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	after := func(d time.Duration, s v1alpha1.DRPlacementControlStatus) sample {
		return sample{at: begin.Add(d), status: s}
	}
	under := v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.FailingOver, Progression: v1alpha1.ProgressionWaitForReadiness}
	done := v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.FailedOver, Progression: v1alpha1.ProgressionCompleted}
	half := under
	half.Waiting = &v1alpha1.Waiting{Fact: "Answer", Cluster: "dr1"}
	assert.Len(t, complaints([]sample{after(0, under), after(3*time.Second, under), after(6*time.Second, done)}, nil, Silent), 1)
	assert.Empty(t, complaints([]sample{after(0, under), after(3*time.Second, done), after(9*time.Second, under)}, nil, Silent))
	assert.Len(t, complaints([]sample{after(0, half)}, nil, Silent), 3, "no message, no nextStep, no since")
}

func TestASilenceIsExcusedWhileNobodyCouldSpeak(t *testing.T) {
	begin := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	between := func(from, to int) span { return span{at(from), at(to)} }
	for name, c := range map[string]struct {
		excused []span
		want    time.Duration
	}{
		"never":                         {nil, 10 * time.Second},
		"for a while":                   {[]span{between(12, 15)}, 7 * time.Second},
		"twice, the later one first":    {[]span{between(17, 18), between(12, 15)}, 6 * time.Second},
		"for two reasons at once":       {[]span{between(12, 15), between(13, 17)}, 5 * time.Second},
		"for two, one within the other": {[]span{between(12, 18), between(13, 14)}, 4 * time.Second},
		"from before until after":       {[]span{between(0, 60)}, 0},
		"before it":                     {[]span{between(0, 10)}, 10 * time.Second},
		"after it":                      {[]span{between(20, 30)}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, between(10, 20).without(c.excused))
		})
	}
	under := v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.Initiating, Progression: v1alpha1.ProgressionWaitForReadiness}
	silent := []sample{{at: at(10), status: under}, {at: at(20), status: under}}
	assert.Len(t, complaints(silent, []span{between(12, 13)}, Silent), 1)
	assert.Empty(t, complaints(silent, []span{between(12, 18)}, Silent))
}
