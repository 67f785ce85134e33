// SPDX-License-Identifier: Apache-2.0

package text_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/text"
	"github.com/ramendr/ramen-direct/cli/view"
)

// past is an operation that began some time ago, was ready and over so much later; zero: not yet.
func past(action string, began, ready, over time.Duration, change ...func(*v1alpha1.Operation)) v1alpha1.Operation {
	op := v1alpha1.Operation{Action: action, FromCluster: "dr1", ToCluster: "dr2", StartTime: ago(began)}
	if ready != 0 {
		at := ago(began - ready)
		op.ReadyTime = &at
	}
	if over != 0 {
		at := ago(began - over)
		op.EndTime, op.Outcome = &at, v1alpha1.OperationCompleted
	}
	for _, c := range change {
		c(&op)
	}
	return op
}

func remembered(d *v1alpha1.DRPlacementControl) {
	step := func(of v1alpha1.ProgressionStatus, took time.Duration) v1alpha1.OperationStep {
		return v1alpha1.OperationStep{Progression: of, Duration: metav1.Duration{Duration: took}}
	}
	d.Status.Operations = []v1alpha1.Operation{
		past("Failover", 9*time.Minute, 41*time.Second, 0, func(op *v1alpha1.Operation) {
			op.RequestedBy, op.Reason = "ada@example.com", "the storage array of dr1 does not answer"
			data, at := ago(11*time.Minute), ago(8*time.Minute)
			op.DataTime, op.Progression, op.StepTime = &data, v1alpha1.ProgressionCleaningUp, &at
			op.Steps = []v1alpha1.OperationStep{step(v1alpha1.ProgressionFailingOverToCluster, 12*time.Second), step(v1alpha1.ProgressionWaitForReadiness, 29*time.Second), step(v1alpha1.ProgressionCleaningUp, 0)}
		}),
		past("Relocate", 50*time.Hour, 95*time.Second, 97*time.Second, func(op *v1alpha1.Operation) {
			op.FromCluster, op.ToCluster, op.RequestedBy = "dr2", "dr1", "argocd-controller"
			op.Steps = []v1alpha1.OperationStep{step(v1alpha1.ProgressionRunningFinalSync, 95*time.Second), step(v1alpha1.ProgressionEnsuringVolumesAreSecondary, 2*time.Second)}
		}),
		past("Failover", 52*time.Hour, 38*time.Second, 2*time.Hour, func(op *v1alpha1.Operation) {
			data := ago(52*time.Hour + 4*time.Minute)
			op.DataTime, op.Reason = &data, "drill"
		}),
		past("Relocate", 60*time.Hour, 0, 30*time.Second, func(op *v1alpha1.Operation) { op.Outcome = v1alpha1.OperationSuperseded }),
		past("Deploy", 70*time.Hour, 5*time.Second, 5*time.Second, func(op *v1alpha1.Operation) { op.FromCluster, op.ToCluster = "", "dr1" }),
	}
}

func TestHistory(t *testing.T) {
	h := view.HistoryOf(snapshot(drpc("bank", "ledger", remembered)))
	golden(t, "history.txt", print(t, 100, false, func(p *text.Page) error { return p.History(h, false) }))
	golden(t, "history-wide.txt", print(t, 0, false, func(p *text.Page) error { return p.History(h, true) }))
	assert.EqualValues(t, 480, h.Items[0].Steps[2].Seconds, "the step that is under way")
	assert.EqualValues(t, 120, *h.Items[0].LostSeconds)

	none := view.HistoryOf(snapshot(drpc("bank", "ledger")))
	assert.Equal(t, "The hub remembers no operation of bank/ledger.\n", print(t, 80, false, func(p *text.Page) error { return p.History(none, false) }))
	assert.NotNil(t, none.Items)

	h.Items[0].RequestedBy, h.Items[0].Reason, h.Items[0].Steps[0].Progression = "\x1b[31mroot", "line\nbreak\x1b[2J", "\x1b"
	assert.NotContains(t, print(t, 80, true, func(p *text.Page) error { return p.History(h, true) }), "\x1b[2J")
}

func TestAPlanLearnsFromTheHistory(t *testing.T) {
	d := drpc("bank", "ledger", remembered)
	assert.Equal(t, &view.Takes{Operations: 2, Seconds: 41, MostSeconds: 41}, view.TakesOf(&d, view.Failover))
	assert.Equal(t, &view.Takes{Operations: 1, Seconds: 95, MostSeconds: 95}, view.TakesOf(&d, view.Relocate), "one that was taken back tells nothing")
	assert.Nil(t, view.TakesOf(&d, view.Clear))
}
