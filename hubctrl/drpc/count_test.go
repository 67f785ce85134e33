// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/metrics"
)

// counted are the counts and sums that are not zero, without buckets.
func (h *hub) counted() []string {
	h.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(h.t, registry.Register(h.operations))
	families, err := registry.Gather()
	require.NoError(h.t, err)
	var text strings.Builder
	for _, f := range families {
		_, err := expfmt.MetricFamilyToText(&text, f)
		require.NoError(h.t, err)
	}
	var out []string
	for line := range strings.Lines(text.String()) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, "_bucket{") && !strings.HasSuffix(line, " 0") {
			out = append(out, strings.TrimPrefix(line, "ramen_"))
		}
	}
	return out
}

// at sets the clock, with links that are heard of.
func (h *hub) at(d time.Duration) {
	h.clock.SetTime(start.Add(d))
	for name := range h.links.state {
		if h.live(name) {
			h.connect(name)
		}
	}
}

func TestAFailoverIsMeasured(t *testing.T) {
	h := deployed(t)
	h.restart()
	h.cut("dr1")
	h.failover("dr2")
	h.at(time.Hour)
	h.pass()
	require.Contains(t, h.shows(), "FailingOver/WaitForReadiness")
	h.at(time.Hour + 20*time.Second)
	h.settle()
	require.Contains(t, h.shows(), "FailedOver/Cleaning Up")
	assert.Equal(t, []string{
		`dr_actions{action="failover"} 1`,
		`operation_ready_seconds_sum{action="failover"} 20`, `operation_ready_seconds_count{action="failover"} 1`,
		`step_duration_seconds_sum{phase="FailingOver",progression="WaitForReadiness"} 20`,
		`step_duration_seconds_count{phase="FailingOver",progression="WaitForReadiness"} 1`,
	}, h.counted())

	h.restart()
	h.connect("dr1")
	h.at(time.Hour + 90*time.Second)
	h.settle()
	require.Contains(t, h.shows(), "FailedOver/Completed")
	assert.Subset(t, h.counted(), []string{
		`operation_duration_seconds_sum{action="failover",outcome="completed"} 90`, `operation_duration_seconds_count{action="failover",outcome="completed"} 1`,
	}, "the duration of the operation survives a restart")
	assert.NotContains(t, strings.Join(h.counted(), "\n"), `progression="Cleaning Up"`, "that of the step that it cut does not")

	h.restart()
	h.cut("dr1")
	h.settle()
	h.connect("dr1")
	h.settle()
	assert.Empty(t, h.counted(), "a lost link is no step of an operation that is over")
}

func TestAnOperationThatAnotherOneReplacesIsSuperseded(t *testing.T) {
	h := deployed(t)
	h.restart()
	h.cut("dr2")
	h.relocate("dr2")
	h.pass()
	require.Contains(t, h.shows(), "Initiating/PreparingFinalSync")
	h.at(time.Minute)
	h.connect("dr2")
	h.failover("dr2")
	h.pass()
	assert.Equal(t, start.Add(time.Minute), h.drpc().Status.ActionStartTime.UTC(), "its time does not count for the failover")
	h.at(time.Minute + 10*time.Second)
	h.settle()
	assert.Subset(t, h.counted(), []string{
		`dr_actions{action="failover"} 1`, `dr_actions{action="relocate"} 1`,
		`operation_duration_seconds_sum{action="relocate",outcome="superseded"} 60`, `operation_duration_seconds_count{action="relocate",outcome="superseded"} 1`,
		`operation_duration_seconds_sum{action="failover",outcome="completed"} 10`, `operation_duration_seconds_count{action="failover",outcome="completed"} 1`,
	})
}

func TestAnOperationThatNeedsTheUserIsStopped(t *testing.T) {
	h := deployed(t)
	h.restart()
	h.cut("dr2")
	h.relocate("dr2")
	h.pass()
	h.ask(func(d *v1alpha1.DRPlacementControl) { d.Spec.PreferredCluster = "dr7" })
	h.at(time.Minute)
	h.pass()
	assert.Contains(t, h.counted(), `operation_duration_seconds_count{action="relocate",outcome="stopped"} 1`)
}

func TestTheEndOfProtectionIsMeasured(t *testing.T) {
	h := deployed(t)
	h.restart()
	h.disable()
	h.pass()
	h.at(30 * time.Second)
	h.settle()
	require.Nil(t, h.drpc())
	assert.Contains(t, h.counted(), `operation_duration_seconds_sum{action="delete",outcome="completed"} 30`)
	assert.Empty(t, h.r.Remembered(), "nothing is remembered of it")
}

func TestAnActionThatWasCarriedOutLongAgoIsNotCountedAgain(t *testing.T) {
	h := deployed(t)
	h.failover("dr2")
	h.settle()
	spec := h.drpc().Spec
	h.rebuild("another-hub", newDRPC(func(d *v1alpha1.DRPlacementControl) { d.Spec = spec }))
	h.settle()
	require.Contains(t, h.shows(), "FailedOver/Completed [dr2 Run]")
	assert.NotContains(t, strings.Join(h.counted(), "\n"), "dr_actions")
}

// TestTheRulesAreTestedAgainstWhatAHubExports keeps the list of series that config/prometheus may use what a scrape of a
// hub shows: name, type and labels. With RAMEN_REWRITE set the list is written again.
func TestTheRulesAreTestedAgainstWhatAHubExports(t *testing.T) {
	h := deployed(t)
	h.relocate("dr2")
	for n := range 4 {
		h.at(time.Duration(n) * time.Second)
		h.pass()
		h.obey("dr1")
	}
	h.restate("dr1", func(s *v1alpha1.VolumeReplicationGroupStatus) {
		s.LastGroupSyncDuration, s.LastGroupSyncBytes = &metav1.Duration{Duration: time.Second}, new(int64(1))
	})
	h.pass()
	require.Contains(t, h.shows(), "WaitOnUserToCleanUp")
	leading := make(chan struct{})
	close(leading)
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(h.operations))
	require.NoError(t, registry.Register(metrics.NewCollector(h.api, h.links, h.clock, leading)))
	families, err := registry.Gather()
	require.NoError(t, err)
	var got strings.Builder
	for _, f := range families {
		var labels []string
		for _, l := range f.Metric[0].Label {
			labels = append(labels, l.GetName())
		}
		fmt.Fprintf(&got, "%s %s %s\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ","))
	}
	const list = "../../tests/rules/testdata/series.txt"
	if os.Getenv("RAMEN_REWRITE") != "" {
		require.NoError(t, os.WriteFile(list, []byte(got.String()), 0o600))
	}
	want, err := os.ReadFile(list)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}
