// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ramendr/ramen-direct/cli/view"
)

// Right is what somebody needs on a cluster.
type Right struct{ Verb, Group, Resource, Namespace string }

// installedKind is a kind that manifests and configurations bring, as users know it.
type installedKind struct {
	kind, group, resource string
	inNamespace           bool
}

// installed are the kinds that a hub and a cluster get.
var installed = []installedKind{
	{"Namespace", "", "namespaces", false},
	{"CustomResourceDefinition", "apiextensions.k8s.io", "customresourcedefinitions", false},
	{"ClusterRole", "rbac.authorization.k8s.io", "clusterroles", false},
	{"ClusterRoleBinding", "rbac.authorization.k8s.io", "clusterrolebindings", false},
	{"Role", "rbac.authorization.k8s.io", "roles", true},
	{"RoleBinding", "rbac.authorization.k8s.io", "rolebindings", true},
	{"ServiceAccount", "", "serviceaccounts", true},
	{"Deployment", "apps", "deployments", true},
	{"PodDisruptionBudget", "policy", "poddisruptionbudgets", true},
	{"NetworkPolicy", "networking.k8s.io", "networkpolicies", true},
	{"ValidatingAdmissionPolicy", "admissionregistration.k8s.io", "validatingadmissionpolicies", false},
	{"ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io", "validatingadmissionpolicybindings", false},
	{"ConfigMap", "", "configmaps", true},
	{"Secret", "", "secrets", true},
}

// created are the kinds that only a hub gets besides.
var created = []installedKind{
	{"DRCluster", "ramendr.openshift.io", "drclusters", false},
	{"DRPolicy", "ramendr.openshift.io", "drpolicies", false},
}

// kindsOn are those that an installation brings.
func kindsOn(hub bool) []installedKind {
	if hub {
		return slices.Concat(installed, created)
	}
	return installed
}

// applying are the verbs of kubectl apply --server-side.
var applying = []string{"get", "create", "patch"}

// Rights are those that the installation of a hub needs, or that of a cluster, with the namespace of the controllers.
func Rights(namespace string, hub bool) []Right {
	var out []Right
	for _, k := range kindsOn(hub) {
		in := ""
		if k.inNamespace {
			in = namespace
		}
		for _, verb := range applying {
			out = append(out, Right{verb, k.group, k.resource, in})
		}
	}
	return append(out, escalating)
}

// escalating is the right to give others rights that one does not have.
var escalating = Right{"escalate", "rbac.authorization.k8s.io", "clusterroles", ""}

// RightsOn says whether the user may install a cluster of that name.
func RightsOn(name, namespace string, has Read[map[Right]bool]) []view.CheckCategory {
	r := &report{}
	r.category("your rights on cluster %s", name)
	r.rights(namespace, has, false)
	return r.out
}

// rights says whether the user may install what the manifests bring.
func (r *report) rights(namespace string, has Read[map[Right]bool], hub bool) {
	help := pageClusters
	if hub {
		help = pageHub
	}
	if !r.known(help, "you may install it", has.Unknown) {
		return
	}
	for _, k := range kindsOn(hub) {
		in, where := "", ""
		if k.inNamespace {
			in, where = namespace, " in namespace "+namespace
		}
		var missing []string
		for _, verb := range applying {
			if !has.Value[Right{verb, k.group, k.resource, in}] {
				missing = append(missing, verb)
			}
		}
		why := ""
		if missing != nil {
			why = fmt.Sprintf("you may not %s %s%s", strings.Join(missing, ", "), k.resource, where)
		}
		r.is(view.CheckError, help, fmt.Sprintf("you may apply a %s", k.kind), why)
	}
	why := ""
	if !has.Value[escalating] {
		why = "the API server refuses a ClusterRole or a binding with a right that you do not have yourself: install as an administrator of the cluster, or with all rights that the manifests give"
	}
	r.is(view.CheckWarning, help, "you may give the controllers their rights", why)
}
