// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/internal/testlayer"
)

// agentRights are all rights of the agent of dr1 on the hub, of all verbs on all resources that the hub serves: "<namespace>
// <resource>[<name>]: <verbs>". A * is the whole cluster. Kubernetes lets each ServiceAccount read clustertrustbundles.
var agentRights = []string{
	"* clustertrustbundles: get list watch",
	"* customresourcedefinitions[volumereplicationgroups.ramendr.openshift.io]: get",
	"* drclusterconfigs/status[dr1]: patch",
	"* drclusterconfigs[dr1]: get list watch",
	"inbox-dr1 leases: create",
	"inbox-dr1 leases[mirror]: get list watch update patch",
	"inbox-dr1 leases[stranger]: get list watch update patch",
	"inbox-dr1 serviceaccounts/token[mirror]: create",
	"inbox-dr1 volumereplicationgroups/status: get list watch create update patch delete",
	"inbox-dr1 volumereplicationgroups: get list watch create update patch delete",
	"outbox-dr1 secrets: get list watch",
	"outbox-dr1 volumereplicationgroups/status: patch",
	"outbox-dr1 volumereplicationgroups: get list watch",
}

// hubRights are all rights of hubctrl, likewise, while there are the clusters dr1 and dr2.
var hubRights = []string{
	"* clusterrolebindings: get create patch delete",
	"* clusterroles: get create patch delete",
	"* clustertrustbundles: get list watch",
	"* customresourcedefinitions[drplacementcontrols.ramendr.openshift.io]: get",
	"* customresourcedefinitions[volumereplicationgroups.ramendr.openshift.io]: get",
	"* drclusterconfigs/status: patch",
	"* drclusterconfigs: get list watch create patch delete",
	"* drclusters/status: update patch",
	"* drclusters: get list watch update patch",
	"* drplacementcontrols/status: update patch",
	"* drplacementcontrols: get list watch update patch",
	"* drpolicies/status: update patch",
	"* drpolicies: get list watch update patch",
	"* events: create patch", // of both groups that have them
	"* events: create patch",
	"* leases: get list watch",
	"* namespaces: get list watch create patch delete",
	"* resourcequotas: get list watch create patch delete",
	"* rolebindings: get create patch",
	"* serviceaccounts: get create patch",
	"* volumereplicationgroups: get list watch",
	"inbox-dr1 secrets: create",
	"inbox-dr1 secrets[mirror-credential]: get",
	"inbox-dr2 secrets: create",
	"inbox-dr2 secrets[mirror-credential]: get",
	"outbox-dr1 secrets: get list watch create update patch delete",
	"outbox-dr1 volumereplicationgroups: create update patch delete",
	"outbox-dr2 secrets: get list watch create update patch delete",
	"outbox-dr2 volumereplicationgroups: create update patch delete",
	"ramen-system configmaps: get list watch",
	"ramen-system leases: create update patch",
	"ramen-system secrets: get list watch",
}

var (
	verbs      = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
	names      = []string{"mirror", "stranger", "dr1", "dr2"}
	namespaces = []string{"", "outbox-dr1", "inbox-dr1", "outbox-dr2", "inbox-dr2", "ramen-system", "default", "kube-system"}
)

// specialNames are names that mean something for these resources only.
var specialNames = map[string][]string{
	"/secrets": {"mirror-credential"},
	"apiextensions.k8s.io/customresourcedefinitions": {"drplacementcontrols.ramendr.openshift.io", "volumereplicationgroups.ramendr.openshift.io"},
}

// specialVerbs are verbs that mean something for these resources only.
var specialVerbs = map[string][]string{
	"rbac.authorization.k8s.io/roles":        {"bind", "escalate"},
	"rbac.authorization.k8s.io/clusterroles": {"bind", "escalate"},
	"/serviceaccounts":                       {"impersonate"},
	"/users":                                 {"impersonate"},
	"/groups":                                {"impersonate"},
	"certificates.k8s.io/signers":            {"approve", "sign", "attest"},
}

// unserved are resources that only rights know.
var unserved = []string{"/users", "/groups", "certificates.k8s.io/signers"}

// everyone are the rights that an API server gives to all who log in: to ask who they are and what they may.
var everyone = []string{
	"selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews",
}

// resources are all that the API server serves, with their subresources, as <group>/<resource>: those in no namespace and
// those in one.
func (h *hub) resources(t *testing.T) (clusterful, namespaced []string) {
	t.Helper()
	_, lists, err := discovery.NewDiscoveryClientForConfigOrDie(h.Admin).ServerGroupsAndResources()
	require.NoError(t, err)
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		require.NoError(t, err)
		for _, r := range list.APIResources {
			if slices.Contains(everyone, r.Name) {
				continue
			}
			if name := version.Group + "/" + r.Name; r.Namespaced {
				namespaced = append(namespaced, name)
			} else {
				clusterful = append(clusterful, name)
			}
		}
	}
	clusterful = append(clusterful, unserved...)
	for _, list := range []*[]string{&clusterful, &namespaced} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	require.Greater(t, len(clusterful)+len(namespaced), 100, "not all resources are known")
	return clusterful, namespaced
}

// rights are what a ServiceAccount may do. What it may do under any name is not repeated for single names, and what it may
// do in the whole cluster not for single namespaces.
//
// The gate asks the API server for the rules of the account in each namespace, and applies them here as RBAC does; it asks
// outright only about Secrets. All tests ask the API server about each verb on each resource, which is a hundred thousand
// requests.
func (h *hub) rights(t *testing.T, namespace, account string) []string {
	t.Helper()
	outright := func(in, resource, name string) ([]string, error) {
		return h.allowed(t, namespace, account, in, resource, name)
	}
	if testlayer.All() {
		return h.survey(t, outright)
	}
	rules := h.rules(t, namespace, account)
	return h.survey(t, func(in, resource, name string) ([]string, error) {
		if resource == "/secrets" {
			return outright(in, resource, name)
		}
		return rules.allow(in, resource, name), nil
	})
}

// survey asks about each resource of the API server, in each namespace, under each name.
func (h *hub) survey(t *testing.T, allowed func(in, resource, name string) ([]string, error)) []string {
	t.Helper()
	var mu sync.Mutex
	var out []string
	var group errgroup.Group
	group.SetLimit(16)
	ask := func(in, resource string) {
		group.Go(func() error {
			var wide []string
			if in != "" {
				var err error
				if wide, err = allowed("", resource, ""); err != nil {
					return err
				}
			}
			any, err := allowed(in, resource, "")
			if err != nil {
				return err
			}
			if in != "" {
				any = without(any, wide)
			}
			mu.Lock()
			out = add(out, in, resource, "", any)
			mu.Unlock()
			for _, name := range slices.Concat(names, specialNames[resource]) {
				one, err := allowed(in, resource, name)
				if err != nil {
					return err
				}
				mu.Lock()
				out = add(out, in, resource, name, without(without(one, any), wide))
				mu.Unlock()
			}
			return nil
		})
	}
	clusterful, namespaced := h.resources(t)
	for _, r := range clusterful {
		ask("", r)
	}
	for _, r := range namespaced {
		for _, n := range namespaces {
			ask(n, r)
		}
	}
	require.NoError(t, group.Wait())
	slices.Sort(out)
	return out
}

// rules are those that bind an account, by namespace. Those of "" hold in all namespaces.
type rules map[string][]authorizationv1.ResourceRule

func (h *hub) rules(t *testing.T, namespace, account string) rules {
	t.Helper()
	asAccount, err := client.New(h.as(namespace, account), client.Options{Scheme: h.Scheme})
	require.NoError(t, err)
	out := rules{}
	for _, in := range namespaces {
		review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: in}}
		if in == "" {
			review.Spec.Namespace = "where-nothing-is-bound"
		}
		require.NoError(t, asAccount.Create(t.Context(), review))
		require.False(t, review.Status.Incomplete, review.Status.EvaluationError)
		out[in] = review.Status.ResourceRules
	}
	return out
}

// allow are the verbs that the rules allow on a resource of a namespace, as RBAC reads them: a rule with names says nothing
// of other names, nor of requests that name nothing.
func (r rules) allow(in, resource, name string) []string {
	group, kind, _ := strings.Cut(resource, "/")
	_, sub, isSub := strings.Cut(kind, "/")
	one := func(list []string, s string) bool { return slices.Contains(list, "*") || slices.Contains(list, s) }
	var out []string
	for _, verb := range slices.Concat(verbs, specialVerbs[resource]) {
		if slices.ContainsFunc(r[in], func(rule authorizationv1.ResourceRule) bool {
			return one(rule.Verbs, verb) && one(rule.APIGroups, group) &&
				(one(rule.Resources, kind) || isSub && slices.Contains(rule.Resources, "*/"+sub)) &&
				(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, name))
		}) {
			out = append(out, verb)
		}
	}
	return out
}

// allowed asks the API server outright, verb by verb.
func (h *hub) allowed(t *testing.T, namespace, account, in, resource, name string) ([]string, error) {
	apiGroup, rest, _ := strings.Cut(resource, "/")
	kind, sub, _ := strings.Cut(rest, "/")
	var out []string
	for _, verb := range slices.Concat(verbs, specialVerbs[resource]) {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:   "system:serviceaccount:" + namespace + ":" + account,
			Groups: groupsOf(namespace),
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: in, Verb: verb, Group: apiGroup, Resource: kind, Subresource: sub, Name: name,
			},
		}}
		if err := h.Client.Create(t.Context(), review); err != nil {
			return nil, err
		}
		if review.Status.Allowed {
			out = append(out, verb)
		}
	}
	return out, nil
}

func add(lines []string, in, resource, name string, verbs []string) []string {
	if len(verbs) == 0 {
		return lines
	}
	_, line, _ := strings.Cut(resource, "/")
	if in == "" {
		in = "*"
	}
	if name != "" {
		line += "[" + name + "]"
	}
	return append(lines, in+" "+line+": "+strings.Join(verbs, " "))
}

func without(list, drop []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(drop, s) })
}
