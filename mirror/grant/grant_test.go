// SPDX-License-Identifier: Apache-2.0

package grant_test

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/grant"
)

var now = time.Unix(2000, 0)

// token is one of an account, which expires, and is bound to a Secret.
func token(account, bound string, expires int64) string {
	payload := fmt.Sprintf(`{"sub":"system:serviceaccount:%s:mirror","iat":1000,"exp":%d,"kubernetes.io":{"secret":{"uid":%q}}}`, account, expires, bound)
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
}

// hub is the connection of an administrator.
func hub() *rest.Config {
	return &rest.Config{Host: "https://hub:6443", BearerToken: "of the administrator", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca")}}
}

func TestAnAccessThatCountsIsKept(t *testing.T) {
	held := func(token string, change ...func(*corev1.Secret)) *corev1.Secret {
		s, err := credential.Secret("ramen-system", "dr1", hub(), token)
		require.NoError(t, err)
		for _, c := range change {
			c(s)
		}
		return s
	}
	good := token("inbox-dr1", "bound", 3000)
	for name, tc := range map[string]struct {
		secret *corev1.Secret
		grant  func(*grant.Grant)
		bound  string
		want   bool
	}{
		"one that was just given":              {held(good), nil, "bound", true},
		"one that has expired":                 {held(token("inbox-dr1", "bound", 1999)), nil, "bound", false},
		"one that was taken back":              {held(good), nil, "another", false},
		"one whose binding is missing":         {held(good), nil, "", false},
		"one of another account":               {held(token("inbox-dr2", "bound", 3000)), nil, "bound", false},
		"one for another address":              {held(good), func(g *grant.Grant) { g.Server = "https://hub.example.com" }, "bound", false},
		"one that trusts another authority":    {held(good), func(g *grant.Grant) { g.Authorities = []byte("new") }, "bound", false},
		"one that names another cluster":       {held(good, func(s *corev1.Secret) { s.Labels["ramendr.openshift.io/cluster"] = "dr2" }), nil, "bound", false},
		"no token":                             {held("opaque"), nil, "bound", false},
		"no kubeconfig":                        {held(good, func(s *corev1.Secret) { s.Data = nil }), nil, "bound", false},
		"a token of the cluster, for the hub":  {held(good), func(g *grant.Grant) { *g = grant.Push("dr1", "ramen-system") }, "bound", false},
		"a token of the cluster, by its right": {held(token("ramen-system", "bound", 3000)), func(g *grant.Grant) { *g = grant.Push("dr1", "ramen-system") }, "bound", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := grant.Pull("dr1", "ramen-system")
			if tc.grant != nil {
				tc.grant(&g)
			}
			counts, err := g.Holds(tc.secret, hub(), "", now)
			require.NoError(t, err)
			assert.False(t, counts, "without what it is bound to")
			counts, err = g.Holds(tc.secret, hub(), types.UID(tc.bound), now)
			require.NoError(t, err)
			assert.Equal(t, tc.want, counts)
		})
	}
}

func TestAnAddressGivesNoAccess(t *testing.T) {
	s, err := credential.Secret("ramen-system", "dr1", hub(), token("inbox-dr1", "bound", 3000))
	require.NoError(t, err)
	at, err := grant.Address(s)
	require.NoError(t, err)
	assert.Equal(t, "https://hub:6443", at.Host)
	assert.Equal(t, "ca", string(at.CAData))
	assert.Empty(t, at.BearerToken)
	_, err = grant.Address(&corev1.Secret{})
	require.Error(t, err)
	require.ErrorContains(t, grant.Authorities([]byte("none")), "no certificate in PEM")
}
