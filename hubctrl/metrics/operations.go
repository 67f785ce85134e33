// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ramendr/ramen-direct/hubctrl/status"
)

// Outcome is how an operation ended.
type Outcome string

// Outcomes.
const (
	Completed Outcome = "completed"
	// Superseded : the user asked for something else before it was done.
	Superseded Outcome = "superseded"
	// Stopped : it can't go on before the user changes something.
	Stopped Outcome = "stopped"
)

// Operations counts what happened. A restart begins again at zero, as usual for counters. It is safe for concurrent use.
type Operations struct {
	actions  *prometheus.CounterVec
	duration *prometheus.HistogramVec
	ready    *prometheus.HistogramVec
	steps    *prometheus.HistogramVec
}

// NewOperations returns counters at zero.
func NewOperations() *Operations {
	// From a second, below which nobody waits, to a day: a failover is over only when the failed cluster returned.
	buckets := []float64{1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 24 * 3600}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + name, Help: help, Buckets: buckets}, labels)
	}
	o := &Operations{
		// Ramen's name, without the suffix that counters have nowadays.
		actions:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "dr_actions", Help: "Failovers and relocates of running applications that users asked for."}, []string{"action"}),
		duration: histogram("operation_duration_seconds", "How long operations took, to their very end.", "action", "outcome"),
		ready:    histogram("operation_ready_seconds", "How long operations took until the workload could run on its cluster.", "action"),
		steps:    histogram("step_duration_seconds", "How long operations stayed in a step. Steps without a wait, and one that a restart of the hub cut, are not counted.", "phase", "progression"),
	}
	for _, a := range []status.Operation{status.Failover, status.Relocate} {
		o.actions.WithLabelValues(string(a)) // else the first one would be no increase
	}
	return o
}

// Acted counts an action.
func (o *Operations) Acted(a status.Operation) { o.actions.WithLabelValues(string(a)).Inc() }

// Ended counts an operation that is over.
func (o *Operations) Ended(a status.Operation, how Outcome, took time.Duration) {
	o.duration.WithLabelValues(string(a), string(how)).Observe(took.Seconds())
}

// Ready counts an operation whose workload can run.
func (o *Operations) Ready(a status.Operation, took time.Duration) {
	o.ready.WithLabelValues(string(a)).Observe(took.Seconds())
}

// Stepped counts a step that is over.
func (o *Operations) Stepped(phase, progression string, took time.Duration) {
	o.steps.WithLabelValues(phase, progression).Observe(took.Seconds())
}

// Describe implements prometheus.Collector.
func (o *Operations) Describe(out chan<- *prometheus.Desc) {
	for _, c := range o.all() {
		c.Describe(out)
	}
}

// Collect implements prometheus.Collector.
func (o *Operations) Collect(out chan<- prometheus.Metric) {
	for _, c := range o.all() {
		c.Collect(out)
	}
}

func (o *Operations) all() []prometheus.Collector {
	return []prometheus.Collector{o.actions, o.duration, o.ready, o.steps}
}
