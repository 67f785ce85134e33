// SPDX-License-Identifier: Apache-2.0

package cast

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
	assert.Len(t, complaints([]sample{after(0, under), after(3*time.Second, under), after(6*time.Second, done)}, Silent), 1)
	assert.Empty(t, complaints([]sample{after(0, under), after(3*time.Second, done), after(9*time.Second, under)}, Silent))
	assert.Len(t, complaints([]sample{after(0, half)}, Silent), 3, "no message, no nextStep, no since")
}
