// SPDX-License-Identifier: Apache-2.0

// Package check says whether a hub, and the clusters that it knows, are installed and configured as they have to be. It is pure:
// what was read comes in, with the reason where it could not be read, and out come checks, each with the page of the
// documentation that helps. What could not be read is unknown, never wrong (I3).
package check

import (
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
)

// Read is something that was read, or the reason why it could not be.
type Read[T any] struct {
	Value T
	// Unknown says why it could not be read; empty: it was.
	Unknown string
}

// Cluster is what was read of one Kubernetes cluster.
type Cluster struct {
	// Identity is its own: the UID of its namespace kube-system.
	Identity Read[string]
	// Version of its API server, as v1.37.2.
	Version Read[string]
	// Definitions by name of the CustomResourceDefinition, as JSON has them.
	Definitions Read[map[string]map[string]any]
	// Deployments of the namespace of the controllers, by name.
	Deployments Read[map[string]appsv1.Deployment]
	// Admission policies by name, and the names of those that a binding puts into force.
	Admission Read[map[string]admissionv1.ValidatingAdmissionPolicy]
	Bound     map[string]bool
	// Config is the configuration; Err says what is wrong with it.
	Config Read[*ramenconfig.Config]
	Err    error
}

// Hub is what was read of a hub.
type Hub struct {
	Cluster
	Around *view.Snapshot
	// Namespace of the controller.
	Namespace string
	// SkewSeconds is by how much the clock of the API server is ahead of the one of this machine; nil: not known.
	SkewSeconds *int64
	DRClusters  Read[[]v1alpha1.DRCluster]
	Configs     Read[map[string]v1alpha1.DRClusterConfig]
	Policies    Read[[]v1alpha1.DRPolicy]
	// Secrets are fingerprints of the content of Secrets, by namespace and name; absent: there is none.
	Secrets Read[map[string]string]
	// Sizes of what each cluster reports, by cluster.
	Sizes Read[map[string]Sizes]
	// Rights of the user that an installation needs; only before one.
	Rights Read[map[Right]bool]
}

// report collects checks.
type report struct{ out []view.CheckCategory }

func (r *report) category(name string, args ...any) {
	r.out = append(r.out, view.CheckCategory{CategoryName: fmt.Sprintf(name, args...), Checks: []view.Check{}})
}

func (r *report) add(result view.CheckResult, page page, what, why string) {
	c := view.Check{Description: what, Result: result}
	if result != view.CheckSuccess {
		c.Error, c.Hint = why, page.URL()
	}
	last := &r.out[len(r.out)-1]
	last.Checks = append(last.Checks, c)
}

// is adds a check that is good without a reason why not.
func (r *report) is(bad view.CheckResult, page page, what, whyNot string) {
	if whyNot == "" {
		bad = view.CheckSuccess
	}
	r.add(bad, page, what, whyNot)
}

// known adds an unknown check if something could not be read.
func (r *report) known(page page, what, unknown string) bool {
	if unknown != "" {
		r.add(view.CheckUnknown, page, what, unknown)
	}
	return unknown == ""
}

// condition adds a check by a condition that should have a status.
func (r *report) condition(bad view.CheckResult, page page, what string, conditions []metav1.Condition, kind string, want metav1.ConditionStatus) {
	switch c := meta.FindStatusCondition(conditions, kind); {
	case c == nil:
		r.add(bad, page, what, fmt.Sprintf("the condition %s is not reported: is the controller at work?", kind))
	case c.Status != want:
		r.add(bad, page, what, c.Reason+": "+c.Message)
	default:
		r.add(view.CheckSuccess, page, what, "")
	}
}

// page is a page of the documentation, with the heading.
type page string

// Pages that help.
const (
	pageInstall  page = "install.md#install-it-on-three-clusters"
	pageHub      page = "install.md#the-hub"
	pageClusters page = "install.md#the-dr-clusters"
	pageUpgrade  page = "install.md#upgrade"
	pageMirror   page = "mirror.md"
	pageSecurity page = "security.md"
	pagePolicy   page = "reference/drpolicy.md"
	pageCluster  page = "reference/drcluster.md"
	pageConfig   page = "reference/drclusterconfig.md"
)

// Pages are all that a hint may name.
var Pages = []page{pageInstall, pageHub, pageClusters, pageUpgrade, pageMirror, pageSecurity, pagePolicy, pageCluster, pageConfig}

// URL of a page.
func (p page) URL() string {
	return "https://github.com/ramendr/ramen-direct/blob/main/docs/" + string(p)
}

// of is the validation of what was collected.
func (r *report) of(around *view.Snapshot, clusters []string) *view.Validation {
	out := &view.Validation{Head: around.Heading("Validation", clusters), Success: true, Categories: r.out, Summary: map[view.CheckResult]int{}}
	for _, c := range r.out {
		for _, k := range c.Checks {
			out.Summary[k.Result]++
			out.Success = out.Success && k.Result != view.CheckError
		}
	}
	return out
}
