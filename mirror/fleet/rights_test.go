// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/ramendr/ramen-direct/tests/apiserver"
)

// rights asks what the ServiceAccount of a mirror may do: "<namespace> <resource>: <verb>"; a * is the whole cluster.
func (w *world) rights(at *apiserver.Server, account string) []string {
	w.Helper()
	var out []string
	for _, namespace := range []string{"", home, "default", "kube-system", "outbox-dr1", "inbox-dr1"} {
		for group, resources := range map[string][]string{
			"":                          {"secrets", "configmaps", "serviceaccounts", "namespaces", "pods", "events"},
			"ramendr.openshift.io":      {"volumereplicationgroups", "drclusters", "drclusterconfigs", "drplacementcontrols", "drpolicies"},
			"coordination.k8s.io":       {"leases"},
			"rbac.authorization.k8s.io": {"roles", "clusterroles", "rolebindings", "clusterrolebindings"},
		} {
			for _, resource := range resources {
				for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "bind", "escalate"} {
					for _, name := range []string{"", "mirror"} {
						review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
							User:               "system:serviceaccount:" + home + ":" + account,
							Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + home, "system:authenticated"},
							ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: verb, Group: group, Resource: resource, Name: name},
						}}
						require.NoError(w, at.Client.Create(w.Context(), review))
						if !review.Status.Allowed {
							continue
						}
						where := namespace
						if where == "" {
							where = "*"
						}
						if line := where + " " + resource + ": " + verb; name == "" || !slices.Contains(out, line) {
							out = append(out, map[bool]string{true: line, false: line + " " + name}[name == ""])
						}
					}
				}
			}
		}
	}
	// What is allowed everywhere is not repeated for each namespace.
	wide := func(line string) bool {
		for _, namespace := range []string{home, "default", "kube-system", "outbox-dr1", "inbox-dr1"} {
			if rest, ok := cutNamespace(line, namespace); ok && slices.Contains(out, "* "+rest) {
				return true
			}
		}
		return false
	}
	out = slices.DeleteFunc(slices.Clone(out), wide)
	slices.Sort(out)
	return out
}

func cutNamespace(line, namespace string) (string, bool) {
	if len(line) > len(namespace) && line[:len(namespace)+1] == namespace+" " {
		return line[len(namespace)+1:], true
	}
	return "", false
}

// leastRights are the rights of a mirror at home: nothing in outboxes and inboxes but to act as the agent of a cluster, and no
// Secret of another namespace.
func (w *world) leastRights() {
	w.introduce("dr1")
	defer w.forget("dr1")
	assert.Equal(w, []string{
		"* drclusters: get", "* drclusters: list", "* drclusters: watch",
		"inbox-dr1 serviceaccounts: impersonate mirror",
		home + " leases: create", home + " leases: delete", home + " leases: get", home + " leases: list", home + " leases: patch",
		home + " leases: update", home + " leases: watch",
		home + " secrets: get", home + " secrets: list", home + " secrets: update", home + " secrets: watch",
	}, w.rights(w.hub, "mirror-push"))
}
