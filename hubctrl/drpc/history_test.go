// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/status"
)

// history is what the status remembers, in lines.
func (h *hub) history() (out []string) {
	h.t.Helper()
	for _, op := range h.drpc().Status.Operations {
		line := fmt.Sprintf("%s %s>%s", op.Action, op.FromCluster, op.ToCluster)
		since := func(name string, t *time.Time) {
			if t != nil {
				line += fmt.Sprintf(" %s %s", name, t.Sub(op.StartTime.Time))
			}
		}
		if op.DataTime != nil {
			since("data", &op.DataTime.Time)
		}
		if op.ReadyTime != nil {
			since("ready", &op.ReadyTime.Time)
		}
		if op.EndTime != nil {
			since("end", &op.EndTime.Time)
		}
		if op.Outcome != "" {
			line += " " + string(op.Outcome)
		}
		for _, s := range op.Steps {
			line += fmt.Sprintf(" %s=%s", s.Progression, s.Duration.Duration)
		}
		out = append(out, line)
	}
	return out
}

// request notes who asks, as tools do together with the spec.
func (h *hub) request(by, reason string, of int64) {
	h.ask(func(d *v1alpha1.DRPlacementControl) {
		d.Annotations = map[string]string{"ramendr.openshift.io/request": fmt.Sprintf(`{"generation":%d,"by":%q,"reason":%q}`, of, by, reason)}
	})
}

func TestTheHistoryTellsWhatWasAskedForAndHowLongItTook(t *testing.T) {
	h := deployed(t)
	require.Equal(t, []string{"Deploy >dr1 ready 0s end 0s Completed Paused=0s WaitForReadiness=0s"}, h.history())
	h.cut("dr1")
	h.at(time.Minute)
	h.failover("dr2")
	h.request("ada", "the array burns", h.drpc().Generation)
	h.pass()
	op := h.drpc().Status.Operations[0]
	assert.Equal(t, "ada", op.RequestedBy)
	assert.Equal(t, "the array burns", op.Reason)
	assert.Equal(t, []string{"Failover dr1>dr2 data -2m0s WaitForReadiness=0s", "Deploy >dr1 ready 0s end 0s Completed Paused=0s WaitForReadiness=0s"}, h.history())

	h.at(100 * time.Second)
	h.restart()
	h.settle()
	assert.Equal(t, "Failover dr1>dr2 data -2m0s ready 40s WaitForReadiness=40s Cleaning Up=0s", h.history()[0], "a hub that restarts goes on with what it finds")
	h.at(time.Hour)
	h.pass()
	assert.Empty(t, h.wrote())
	version := h.drpc().ResourceVersion
	h.pass()
	assert.Equal(t, version, h.drpc().ResourceVersion, "at rest nothing is written")

	h.connect("dr1")
	h.settle()
	assert.Contains(t, h.history()[0], "ready 40s end 59m0s Completed WaitForReadiness=40s Cleaning Up=58m20s")
	h.pass()
	version = h.drpc().ResourceVersion
	h.pass()
	assert.Equal(t, version, h.drpc().ResourceVersion)
}

func TestTheHistoryIsBounded(t *testing.T) {
	h := deployed(t)
	to := map[string]string{"dr1": "dr2", "dr2": "dr1"}
	for n, at := 0, "dr2"; n < 12; n, at = n+1, to[at] {
		h.relocate(at)
		h.settle()
	}
	all := h.drpc().Status.Operations
	require.Len(t, all, 10)
	for i, op := range all {
		assert.Equal(t, "Relocate", op.Action)
		assert.Equal(t, v1alpha1.OperationCompleted, op.Outcome)
		assert.Equal(t, i < 3, len(op.Steps) > 0, "only the latest operations keep their steps")
	}
}

func TestTheHistoryOfAnOperationThatIsTakenBack(t *testing.T) {
	h := deployed(t)
	h.relocate("dr2")
	h.pass()
	h.pass()
	h.at(30 * time.Second)
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.Action = "" })
	h.settle()
	got := h.history()
	require.Len(t, got, 2)
	assert.Contains(t, got[0], "Relocate dr1>dr2 end 30s Superseded")
}

func TestTheHistoryBelievesWhatWasSaidOfThisRequestOnly(t *testing.T) {
	h := deployed(t)
	h.request("ada", "earlier", h.drpc().Generation)
	h.relocate("dr2")
	h.settle()
	op := h.drpc().Status.Operations[0]
	assert.NotEqual(t, "ada", op.RequestedBy)
	assert.Empty(t, op.Reason)

	for _, text := range []string{"{", "[]", `{"generation":"x"}`, strings.Repeat("x", 5000)} {
		h.ask(func(d *v1alpha1.DRPlacementControl) {
			d.Annotations = map[string]string{"ramendr.openshift.io/request": text}
		})
		h.failover("dr1")
		h.settle()
		assert.Empty(t, h.drpc().Status.Operations[0].Reason)
		h.failover("dr2")
		h.settle()
	}
	h.failover("dr1")
	h.request(strings.Repeat("a", 1000), strings.Repeat("b", 1000), h.drpc().Generation)
	h.settle()
	op = h.drpc().Status.Operations[0]
	assert.LessOrEqual(t, len(op.RequestedBy), 253)
	assert.LessOrEqual(t, len(op.Reason), 256)
}

// TestWhoWroteTheActionIsItsManager, the last one of several.
func TestWhoWroteTheActionIsItsManager(t *testing.T) {
	entry := func(manager, fields string, minute int) metav1.ManagedFieldsEntry {
		at := metav1.NewTime(start.Add(time.Duration(minute) * time.Minute))
		return metav1.ManagedFieldsEntry{Manager: manager, Time: &at, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	action := `{"f:spec":{"f:action":{}}}`
	other := entry("label", `{"f:metadata":{}}`, 9)
	sub := entry("hub", action, 8)
	sub.Subresource = "status"
	assert.Equal(t, "second", status.Manager([]metav1.ManagedFieldsEntry{entry("first", action, 1), entry("second", action, 3), entry("third", action, 2), other, sub}))
	assert.Empty(t, status.Manager([]metav1.ManagedFieldsEntry{other, sub, entry("broken", "{", 1), {Manager: "none"}}))
}

// TestAHubThatAdoptsWhatRunsRemembersNoOperation that it did not carry out.
func TestAHubThatAdoptsWhatRunsRemembersNoOperation(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.settle()
	require.Contains(t, h.history()[0], "Failover dr1>dr2")
	d := h.drpc()
	d.Status = v1alpha1.DRPlacementControlStatus{}
	d.ResourceVersion, d.UID = "", ""
	h.rebuild("", d)
	h.settle()
	require.Equal(t, v1alpha1.FailedOver, h.drpc().Status.Phase)
	assert.Empty(t, h.history())
}
