// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"strings"

	"github.com/ramendr/ramen-direct/cli/view"
)

// Right is what somebody needs on a cluster.
type Right struct{ Verb, Group, Resource, Namespace string }

// installed are the kinds that the manifests of a hub and its configuration bring, as users know them.
var installed = []struct {
	kind, group, resource string
	inNamespace           bool
}{
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
	{"DRCluster", "ramendr.openshift.io", "drclusters", false},
	{"DRPolicy", "ramendr.openshift.io", "drpolicies", false},
}

// applying are the verbs of kubectl apply --server-side.
var applying = []string{"get", "create", "patch"}

// Rights are those that an installation needs, with the namespace of the controllers.
func Rights(namespace string) []Right {
	var out []Right
	for _, k := range installed {
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

// rights says whether the user may install what the manifests bring.
func (r *report) rights(h *Hub) {
	if !r.known(pageHub, "you may install a hub", h.Rights.Unknown) {
		return
	}
	for _, k := range installed {
		in := ""
		if k.inNamespace {
			in = h.Namespace
		}
		var missing []string
		for _, verb := range applying {
			if !h.Rights.Value[Right{verb, k.group, k.resource, in}] {
				missing = append(missing, verb)
			}
		}
		why := ""
		if missing != nil {
			where := ""
			if in != "" {
				where = " in namespace " + in
			}
			why = fmt.Sprintf("you may not %s %s%s", strings.Join(missing, ", "), k.resource, where)
		}
		r.is(view.CheckError, pageHub, fmt.Sprintf("you may apply a %s", k.kind), why)
	}
	why := ""
	if !h.Rights.Value[escalating] {
		why = "the API server refuses a ClusterRole or a binding with a right that you do not have yourself: install as an administrator of the cluster, or with all rights of config/hub"
	}
	r.is(view.CheckWarning, pageHub, "you may give the controllers their rights", why)
}
