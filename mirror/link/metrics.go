// SPDX-License-Identifier: Apache-2.0

package link

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Metrics counts what links do, each by the name of its cluster. No label holds a name or a value of what is mirrored.
type Metrics struct {
	hops     *prometheus.HistogramVec
	writes   *prometheus.CounterVec
	refusals *prometheus.CounterVec

	age, state, depth *prometheus.Desc

	mu    sync.Mutex
	links map[*gauges]struct{}
}

// gauges are what is shown of a link.
type gauges struct {
	cluster string
	state   func() State
	age     func() (time.Duration, bool) // since the lease was renewed; false: it never was
	depths  func() map[string]int        // of its queues, by their names
}

// Ways of a hop.
const (
	wayDown = "down" // from a wish to its copy
	wayUp   = "up"   // from a copy to its report
)

// NewMetrics registers the metrics.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		hops: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ramen_mirror_hop_seconds", Help: "Time from when a change was seen on one side to when it was written on the other.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 14), // 5 ms to 41 s
		}, []string{"cluster", "way"}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ramen_mirror_writes_total", Help: "Writes that an API server carried out.",
		}, []string{"cluster", "side", "verb", "resource"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ramen_mirror_refusals_total", Help: "Decisions not to obey a wish; a wish is looked at again whenever something changes.",
		}, []string{"cluster", "resource", "reason"}),
		age: prometheus.NewDesc("ramen_mirror_link_age_seconds",
			"Time since the lease was renewed. Missing until the first renewal.", []string{"cluster"}, nil),
		state: prometheus.NewDesc("ramen_mirror_link_state",
			"1 for the state that the link is in.", []string{"cluster", "state"}, nil),
		depth: prometheus.NewDesc("ramen_mirror_queue_depth",
			"Objects that wait to be looked at or are being looked at.", []string{"cluster", "queue"}, nil),
		links: map[*gauges]struct{}{},
	}
	for _, c := range []prometheus.Collector{m.hops, m.writes, m.refusals, m} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// Describe is called by the registry.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.age
	out <- m.state
	out <- m.depth
}

// Collect is called by the registry.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gauge := func(of *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, value, labels...)
	}
	for l := range m.links {
		if age, ok := l.age(); ok {
			gauge(m.age, age.Seconds(), l.cluster)
		}
		is := l.state().Phase
		for _, phase := range []Phase{Connecting, Listing, Live, Lost} {
			value := 0.0
			if phase == is {
				value = 1
			}
			gauge(m.state, value, l.cluster, phase.String())
		}
		for name, depth := range l.depths() {
			gauge(m.depth, float64(depth), l.cluster, name)
		}
	}
}

// show shows a link until hide is called.
func (m *Metrics) show(l *gauges) (hide func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.links[l] = struct{}{}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.links, l)
	}
}

// Forget ends what is counted of a cluster to which no link is kept any more: each label is kept and shown for ever otherwise.
func (m *Metrics) Forget(cluster string) {
	of := prometheus.Labels{"cluster": cluster}
	m.hops.DeletePartialMatch(of)
	m.writes.DeletePartialMatch(of)
	m.refusals.DeletePartialMatch(of)
}

func (m *Metrics) noteWrites(cluster string, s side) func(string, schema.GroupVersionResource) {
	return func(verb string, resource schema.GroupVersionResource) {
		m.writes.WithLabelValues(cluster, s.String(), verb, resource.Resource).Inc()
	}
}

func (m *Metrics) noteRefusal(cluster string, resource schema.GroupVersionResource, reason string) {
	m.refusals.WithLabelValues(cluster, resource.Resource, reason).Inc()
}
