// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

const prefix = "ramen_"

// kind is the label obj_type of all series about an application.
const kind = "DRPlacementControl"

// gauges are the series that a scrape computes.
type gauges struct {
	all []*prometheus.Desc

	leading, linkAge, linkState              *prometheus.Desc
	interval, policies, applications         *prometheus.Desc
	syncTime, syncDuration, syncBytes        *prometheus.Desc
	captureTime                              *prometheus.Desc
	protected, grouping, progress, waitingOn *prometheus.Desc
}

func newGauges() *gauges {
	g := &gauges{}
	object := []string{"obj_type", "obj_name", "obj_namespace"}
	of := func(labels ...string) []string { return append(slices.Clip(object), labels...) }

	g.leading = g.add("hub_leading", "1 if this process is the one that works; the others wait to take over.", nil)
	g.linkAge = g.add("link_age_seconds", "How old the newest news from a cluster is. Absent if there never was any.", []string{"cluster"})
	g.linkState = g.add("link_state", "1 for the state that the link to a cluster is in: never, connecting, live or lost; 0 for the others.", []string{"cluster", "state"})
	g.interval = g.add("policy_schedule_interval_seconds", "The scheduling interval of a DRPolicy.", []string{"policyname"})
	g.policies = g.add("dr_policy_type", "DRPolicies.", []string{"dr_type"})
	g.applications = g.add("dr_protected_apps", "DRPlacementControls.", []string{"management_method"})
	g.syncTime = g.add("last_sync_timestamp_seconds", "The moment that all volumes can be brought back to, in Unix time. Absent before the first synchronization.", of("policyname", "scheduling_interval"))
	g.syncDuration = g.add("last_sync_duration_seconds", "How long the last synchronization took. Absent before the first.", of("scheduling_interval"))
	g.syncBytes = g.add("last_sync_data_bytes", "What the last synchronization transferred. Absent before the first.", of("scheduling_interval"))
	g.captureTime = g.add("last_kube_object_protection_timestamp_seconds", "The moment that the Kubernetes objects can be brought back to, in Unix time. Absent before the first capture.", of("policyname"))
	g.protected = g.add("workload_protection_status", "1 if the condition Protected is True, else 0.", object)
	g.grouping = g.add("unsupported_consistency_grouping_enabled", "1 if an annotation asks for consistency groups, which are not supported.", object)
	g.progress = g.add("progression_state", "1 while the progression is the one that the label names: WaitOnUserToCleanUp. Else absent.", of("state"))
	g.waitingOn = g.add("waiting_seconds", "How long an application has been waiting for a fact. Absent if it waits for nothing.", of("cluster", "fact", "needs_user"))
	return g
}

func (g *gauges) add(name, help string, labels []string) *prometheus.Desc {
	d := prometheus.NewDesc(prefix+name, help, labels, nil)
	g.all = append(g.all, d)
	return d
}
