// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/link"
)

// metric is the value of a metric with these labels, given as name and value by turns; of a histogram the number of
// observations; -1: there is none.
func (w *world) metric(name string, labels ...string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	require.NoError(w.t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if !labeled(m, append([]string{"cluster", w.cluster}, labels...)) {
				continue
			}
			switch f.GetType() {
			case dto.MetricType_HISTOGRAM:
				return float64(m.GetHistogram().GetSampleCount())
			case dto.MetricType_COUNTER:
				return m.GetCounter().GetValue()
			default:
				return m.GetGauge().GetValue()
			}
		}
	}
	return -1
}

func labeled(m *dto.Metric, want []string) bool {
	is := map[string]string{}
	for _, l := range m.GetLabel() {
		is[l.GetName()] = l.GetValue()
	}
	for i := 0; i < len(want); i += 2 {
		if is[want[i]] != want[i+1] {
			return false
		}
	}
	return true
}

func TestMetricsTellWhatALinkDoes(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")
	w.quiet()
	assert.InDelta(t, 1, w.metric("ramen_mirror_writes_total", "side", "cluster", "verb", "apply", "resource", "volumereplicationgroups"), 0)
	assert.InDelta(t, float64(w.hubWire.writesTo("/volumereplicationgroups/")), w.metric("ramen_mirror_writes_total", "side", "hub", "verb", "apply", "resource", "volumereplicationgroups"), 0)
	assert.InDelta(t, 1, w.metric("ramen_mirror_hop_seconds", "way", "down"), 0)
	up := w.metric("ramen_mirror_hop_seconds", "way", "up") // the copy and the answer to it may be one
	assert.GreaterOrEqual(t, up, 1.0)
	vrg := w.copy("db")
	vrg.Status.ProtectedPVCs = []v1alpha1.ProtectedPVC{{Name: "pvc"}}
	require.NoError(t, w.spoke.Status().Update(t.Context(), vrg))
	w.eventually(func() bool { return w.metric("ramen_mirror_hop_seconds", "way", "up") == up+1 }, "one hop up is not counted as one")
	w.quiet()
	w.eventually(func() bool {
		age := w.metric("ramen_mirror_link_age_seconds")
		return w.metric("ramen_mirror_link_state", "state", "live") == 1 && w.metric("ramen_mirror_link_state", "state", "lost") == 0 &&
			age >= 0 && age < quick.Duration.Seconds()
	}, "the link is not live")
	assert.InDelta(t, 0, w.metric("ramen_mirror_queue_depth", "queue", "up"), 0)

	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Annotations[exchange.AnnotationEpoch] = "0" })
	w.applied(wish, metav1.ConditionFalse, "EpochRefused")
	assert.GreaterOrEqual(t, w.metric("ramen_mirror_refusals_total", "resource", "volumereplicationgroups", "reason", "EpochRefused"), 1.0)

	w.hubWire.setFail(func(req *http.Request) error {
		if toInbox(req) {
			return errRefused
		}
		return nil
	})
	vrg = w.copy("db")
	vrg.Status.State = v1alpha1.UnknownState
	require.NoError(t, w.spoke.Status().Update(t.Context(), vrg))
	w.eventually(func() bool { return w.metric("ramen_mirror_queue_depth", "queue", "up") == 1 }, "what can't be written is not counted")
	w.hubWire.setFail(nil)

	stop()
	assert.InDelta(t, -1, w.metric("ramen_mirror_link_state", "state", "live"), 0, "a link that ended has no state")
}

func TestMetricsAreRegisteredOnce(t *testing.T) {
	registry := prometheus.NewRegistry()
	_, err := link.NewMetrics(registry)
	require.NoError(t, err)
	_, err = link.NewMetrics(registry)
	assert.ErrorContains(t, err, "register metrics")
}

// TestNothingIsCountedOfAClusterThatIsForgotten: its series would be shown, and kept, for as long as the process lives.
func TestNothingIsCountedOfAClusterThatIsForgotten(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics, err := link.NewMetrics(registry)
	require.NoError(t, err)
	for _, cluster := range []string{"dr1", "dr2"} {
		link.Count(metrics, cluster)
	}
	shown := func() (clusters []string) {
		families, err := registry.Gather()
		require.NoError(t, err)
		for _, family := range families {
			for _, m := range family.GetMetric() {
				for _, label := range m.GetLabel() {
					if label.GetName() == "cluster" {
						clusters = append(clusters, label.GetValue())
					}
				}
			}
		}
		return clusters
	}
	require.Equal(t, []string{"dr1", "dr2", "dr1", "dr2", "dr1", "dr2"}, shown())
	metrics.Forget("dr1")
	assert.Equal(t, []string{"dr2", "dr2", "dr2"}, shown())
}
