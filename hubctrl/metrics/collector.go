// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpolicy/peerclass"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// patience bounds a scrape that comes before the caches are filled.
const patience = 5 * time.Second

// Links tells the state of the links to the clusters.
type Links interface {
	Link(cluster string) exchange.Link
}

// Collector computes gauges from the objects, at each scrape.
type Collector struct {
	reader  client.Reader // cached: a scrape must cost the API server nothing
	links   Links
	clock   clock.PassiveClock
	leading <-chan struct{}
	gauges  *gauges
}

// NewCollector returns a collector. Nothing but ramen_hub_leading is told before leading is closed: a replica that waits
// has seen nothing, and would count all twice.
func NewCollector(reader client.Reader, links Links, c clock.PassiveClock, leading <-chan struct{}) *Collector {
	return &Collector{reader: reader, links: links, clock: c, leading: leading, gauges: newGauges()}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.gauges.all {
		out <- d
	}
}

// Collect implements prometheus.Collector. If the objects can't be listed the scrape fails: else it would say that there
// are fewer.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	select {
	case <-c.leading:
	default:
		out <- gauge(c.gauges.leading, 0)
		return
	}
	out <- gauge(c.gauges.leading, 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.collect(ctx, out); err != nil {
		out <- prometheus.NewInvalidMetric(c.gauges.applications, err)
	}
}

func (c *Collector) collect(ctx context.Context, out chan<- prometheus.Metric) error {
	clusters, policies, drpcs := &v1alpha1.DRClusterList{}, &v1alpha1.DRPolicyList{}, &v1alpha1.DRPlacementControlList{}
	for _, list := range []client.ObjectList{clusters, policies, drpcs} {
		if err := c.reader.List(ctx, list); err != nil {
			return fmt.Errorf("list for a scrape: %w", err)
		}
	}
	now := c.clock.Now()
	for i := range clusters.Items {
		c.link(out, clusters.Items[i].Name, now)
	}
	intervals := c.policies(out, policies.Items)
	discovered := 0
	for i := range drpcs.Items {
		drpc := &drpcs.Items[i]
		if len(drpc.Spec.ProtectedNamespaces) > 0 {
			discovered++
		}
		c.application(out, drpc, intervals[drpc.Spec.DRPolicyRef.Name], now)
	}
	out <- gauge(c.gauges.applications, float64(discovered), "discovered")
	out <- gauge(c.gauges.applications, float64(len(drpcs.Items)-discovered), "managed")
	return nil
}

func (c *Collector) link(out chan<- prometheus.Metric, cluster string, now time.Time) {
	link := c.links.Link(cluster)
	if !link.LastRenewal.IsZero() {
		out <- gauge(c.gauges.linkAge, link.Age(now).Seconds(), cluster)
	}
	for state, name := range map[exchange.LinkState]string{
		exchange.LinkNever: "never", exchange.LinkConnecting: "connecting", exchange.LinkLive: "live", exchange.LinkLost: "lost",
		exchange.LinkReplaced: "replaced",
	} {
		out <- gauge(c.gauges.linkState, truth(link.State == state), cluster, name)
	}
}

// policies tells of policies and returns their intervals as they are written, by name.
func (c *Collector) policies(out chan<- prometheus.Metric, list []v1alpha1.DRPolicy) map[string]string {
	intervals := map[string]string{}
	for i := range list {
		text := list[i].Spec.SchedulingInterval
		intervals[list[i].Name] = text
		if d, ok := peerclass.Interval(text); ok && d > 0 {
			out <- gauge(c.gauges.interval, d.Seconds(), list[i].Name)
		}
	}
	out <- gauge(c.gauges.policies, float64(len(list)), "regional") // there is no other type
	return intervals
}

func (c *Collector) application(out chan<- prometheus.Metric, drpc *v1alpha1.DRPlacementControl, interval string, now time.Time) {
	s := &drpc.Status
	about := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- gauge(d, v, append([]string{kind, drpc.Name, drpc.Namespace}, labels...)...)
	}
	if w := s.Waiting; w != nil && w.Since != nil {
		needsUser := cond.IsTrue(s.Conditions, v1alpha1.ConditionStalled) || s.Phase == v1alpha1.WaitForUser
		about(c.gauges.waitingOn, max(0, now.Sub(w.Since.Time).Seconds()), w.Cluster, w.Fact, strconv.FormatBool(needsUser))
	}
	if s.Progression == v1alpha1.ProgressionWaitOnUserToCleanUp {
		about(c.gauges.progress, 1, string(s.Progression))
	}
	if drpc.DeletionTimestamp != nil {
		return // protection ends because the user wants it to
	}
	about(c.gauges.protected, truth(cond.IsTrue(s.Conditions, v1alpha1.ConditionProtected)))
	about(c.gauges.grouping, truth(drpc.Annotations[v1alpha1.DRPCAnnotationPrefix+"is-cg-enabled"] == "true"))
	if s.LastGroupSyncTime != nil {
		about(c.gauges.syncTime, float64(s.LastGroupSyncTime.Unix()), drpc.Spec.DRPolicyRef.Name, interval)
	}
	if s.LastKubeObjectProtectionTime != nil {
		about(c.gauges.captureTime, float64(s.LastKubeObjectProtectionTime.Unix()), drpc.Spec.DRPolicyRef.Name)
	}
	if s.LastGroupSyncDuration != nil {
		about(c.gauges.syncDuration, s.LastGroupSyncDuration.Seconds(), interval)
	}
	if s.LastGroupSyncBytes != nil {
		about(c.gauges.syncBytes, float64(*s.LastGroupSyncBytes), interval)
	}
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
