// SPDX-License-Identifier: Apache-2.0

package status

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
)

func TestWhatIsUnderWayByAStatus(t *testing.T) {
	at := &metav1.Time{Time: time.Unix(1000, 0)}
	took := &metav1.Duration{Duration: time.Minute}
	for name, tc := range map[string]struct {
		status v1alpha1.DRPlacementControlStatus
		want   Operation
		fresh  bool
	}{
		"nothing is known yet":           {v1alpha1.DRPlacementControlStatus{}, Idle, true},
		"it is looked at first":          {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.Initiating, Progression: v1alpha1.ProgressionPaused}, Deploy, true},
		"the gates of a failover":        {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.Initiating, Progression: v1alpha1.ProgressionCheckingFailoverPrerequisites}, Failover, false},
		"the storage before a failover":  {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.Initiating, Progression: v1alpha1.ProgressionWaitForStorageMaintenance}, Failover, false},
		"the gates of a relocate":        {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.Initiating, Progression: v1alpha1.ProgressionPreparingFinalSync}, Relocate, false},
		"it fails over":                  {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.FailingOver}, Failover, false},
		"it relocates":                   {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.Relocating}, Relocate, false},
		"it goes":                        {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.Deleting}, Delete, false},
		"it runs":                        {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.Deployed, ActionStartTime: at, ActionDuration: took}, Idle, false},
		"it has run since before clocks": {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.Deployed}, Idle, false},
		"it runs, and the rest remains":  {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.FailedOver, ActionStartTime: at}, Failover, false},
		"it waits for the user":          {v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.WaitForUser}, Idle, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, OperationOf(&tc.status))
			assert.Equal(t, tc.fresh, Fresh(&tc.status))
		})
	}
}

func TestAnOperationIsClockedFromItsBeginningToItsVeryEnd(t *testing.T) {
	now := time.Unix(2000, 5000)
	s := &v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.Deployed, ActionStartTime: &metav1.Time{Time: time.Unix(1, 0)}, ActionDuration: &metav1.Duration{Duration: time.Second}}
	pass := func(phase v1alpha1.DRState, next plan.Plan, after time.Duration) bool {
		was := s.DeepCopy()
		s.Phase, now = phase, now.Add(after)
		return clockAction(s, was, next, now)
	}
	busy := plan.Plan{Wait: plan.Wait{Fact: plan.Answer}}
	assert.True(t, pass(v1alpha1.FailingOver, busy, 0))
	assert.Equal(t, time.Unix(2000, 0), s.ActionStartTime.Time)
	assert.Nil(t, s.ActionDuration)
	assert.False(t, pass(v1alpha1.FailedOver, busy, time.Minute), "the failed cluster is not back yet")
	assert.Nil(t, s.ActionDuration)
	assert.True(t, pass(v1alpha1.Relocating, busy, time.Minute), "something else is asked for")
	assert.Equal(t, time.Unix(2120, 0), s.ActionStartTime.Time)
	assert.False(t, pass(v1alpha1.Relocated, plan.Plan{Phase: plan.Relocated, Progression: plan.Completed}, 30*time.Second))
	assert.Equal(t, 30*time.Second, s.ActionDuration.Duration)
}
