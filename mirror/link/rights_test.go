// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// TestX1_AnAgentMayTouchItsOwnExchangeOnly asks the hub, verb by verb, what the agent of a cluster may do.
func TestX1_AnAgentMayTouchItsOwnExchangeOnly(t *testing.T) {
	own, other := newWorld(t), newWorld(t)
	const ramen, leases = "ramendr.openshift.io", "coordination.k8s.io"
	all := "get list watch create update patch delete deletecollection"
	resources := []struct{ group, resource, subresource string }{
		{ramen, "volumereplicationgroups", ""}, {ramen, "volumereplicationgroups", "status"}, {"", "secrets", ""}, {"", "configmaps", ""},
		{leases, "leases", ""}, {"", "serviceaccounts", "token"}, {"rbac.authorization.k8s.io", "rolebindings", ""}, {"", "pods", ""},
		{ramen, "drclusterconfigs", ""}, {ramen, "drclusterconfigs", "status"}, {ramen, "drclusters", ""}, {ramen, "drplacementcontrols", ""}, {"", "namespaces", ""},
	}
	allowed := map[string]string{
		"outbox volumereplicationgroups":        "get list watch",
		"outbox volumereplicationgroups/status": "patch",
		"outbox secrets":                        "get list watch",
		"inbox volumereplicationgroups":         "get list watch create update patch delete",
		"inbox volumereplicationgroups/status":  "get list watch create update patch delete",
		"inbox leases":                          "get list watch create update patch",
		"inbox serviceaccounts/token":           "create",
		"wide drclusterconfigs":                 "get list watch",
		"wide drclusterconfigs/status":          "patch",
	}
	for place, at := range map[string]struct {
		namespace, name string
		allowed         bool
	}{
		"outbox": {exchange.Outbox(own.cluster), "mirror", true}, "inbox": {exchange.Inbox(own.cluster), "mirror", true},
		"wide": {"", own.cluster, true}, "wide of another": {"", other.cluster, false}, "all namespaces": {"", "mirror", false},
		"outbox of another": {exchange.Outbox(other.cluster), "mirror", false}, "inbox of another": {exchange.Inbox(other.cluster), "mirror", false},
		"operator's namespace": {"ramen-system", "mirror", false}, "another namespace": {"default", "mirror", false},
	} {
		for _, r := range resources {
			for verb := range strings.FieldsSeq(all) {
				review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
					User:   "system:serviceaccount:" + exchange.Inbox(own.cluster) + ":mirror",
					Groups: []string{"system:serviceaccounts", "system:authenticated"},
					ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: at.namespace, Name: at.name, Verb: verb,
						Group: r.group, Resource: r.resource, Subresource: r.subresource},
				}}
				require.NoError(t, own.hub.Create(t.Context(), review))
				what := place + " " + strings.TrimSuffix(r.resource+"/"+r.subresource, "/")
				want := at.allowed && strings.Contains(" "+allowed[what]+" ", " "+verb+" ")
				assert.Equal(t, want, review.Status.Allowed, "%s %s", verb, what)
			}
		}
	}
}
