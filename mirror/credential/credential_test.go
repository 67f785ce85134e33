// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/mirror/credential"
)

func TestASecretLeadsBackToWhatItWasMadeFrom(t *testing.T) {
	s, err := credential.Secret("ramen-system", "dr1", &rest.Config{Host: "https://hub:6443", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("ca")}}, "one")
	require.NoError(t, err)
	assert.Equal(t, "mirror-dr1", s.Name)
	assert.Equal(t, map[string]string{"ramendr.openshift.io/cluster": "dr1"}, s.Labels)
	cfg, err := credential.Connect(s.Data["kubeconfig"])
	require.NoError(t, err)
	assert.Equal(t, "https://hub:6443", cfg.Host)
	assert.Equal(t, "ca", string(cfg.CAData))
	assert.Equal(t, "one", cfg.BearerToken)

	again, err := credential.WithToken(s.Data["kubeconfig"], "two")
	require.NoError(t, err)
	cfg, err = credential.Connect(again)
	require.NoError(t, err)
	assert.Equal(t, "two", cfg.BearerToken)
	assert.Equal(t, "https://hub:6443", cfg.Host)
}

func TestAKubeconfigMayOnlyConnect(t *testing.T) {
	const shape = `
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", CLUSTER}}]
users: [{name: u, user: {USER}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`
	for name, tc := range map[string]struct{ cluster, user, want string }{
		"a token":                             {"", "token: t", ""},
		"a program":                           {"", `exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, interactiveMode: Never}`, `user "u" names a program or a file`},
		"a plug-in":                           {"", `auth-provider: {name: oidc}`, `user "u" names a program or a file`},
		"a file with a token":                 {"", "tokenFile: /etc/shadow", `user "u" names a program or a file`},
		"a file with a certificate":           {"", "client-certificate: /a, client-key: /b", `user "u" names a program or a file`},
		"a file with a certificate authority": {"certificate-authority: /a", "token: t", `cluster "c" names a file`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer("CLUSTER", tc.cluster, "USER", tc.user).Replace(shape)
			_, err := credential.Connect([]byte(text))
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, tc.want)
		})
	}
	for _, text := range []string{"", "no kubeconfig: secret-word", "users: [{name: u, user: {token: secret-word}}"} {
		_, err := credential.Connect([]byte(text))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "secret-word")
	}
	_, err := credential.WithToken([]byte(`{"apiVersion":"v1","kind":"Config"}`), "t")
	assert.ErrorContains(t, err, "names no user")
}

func TestATokenSaysWhoseItIsAndWhenToRenewIt(t *testing.T) {
	token := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
	}
	got, err := credential.Read(token(`{"sub":"system:serviceaccount:inbox-dr1:mirror","iat":1000,"exp":3400,"kubernetes.io":{"secret":{"name":"mirror-credential","uid":"abc"}}}`) + "\n")
	require.NoError(t, err)
	assert.Equal(t, credential.Token{
		Account: types.NamespacedName{Namespace: "inbox-dr1", Name: "mirror"}, Issued: time.Unix(1000, 0), Expires: time.Unix(3400, 0), BoundTo: "abc",
	}, got)
	assert.Equal(t, time.Unix(1200, 0), got.RenewAt())

	got, err = credential.Read(token(`{"sub":"alice"}`))
	require.NoError(t, err)
	assert.Equal(t, credential.Token{}, got)
	assert.Zero(t, got.RenewAt(), "it does not expire")
	for _, broken := range []string{"", "opaque-word", "a.!opaque-word.c", token("opaque-word")} {
		_, err := credential.Read(broken)
		require.ErrorContains(t, err, "not a JSON Web Token")
		assert.NotContains(t, err.Error(), "opaque-word")
	}
}

// TestARenewalLeavesMostOfWhatWasGranted, whatever an API server grants: an outage may begin at any moment.
func TestARenewalLeavesMostOfWhatWasGranted(t *testing.T) {
	issued := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for granted, wantAfter := range map[time.Duration]time.Duration{
		30 * 24 * time.Hour: 24 * time.Hour,
		24 * time.Hour:      2 * time.Hour,
		time.Hour:           5 * time.Minute,
		10 * time.Minute:    50 * time.Second,
	} {
		token := credential.Token{Issued: issued, Expires: issued.Add(granted)}
		assert.Equal(t, wantAfter, token.RenewAt().Sub(issued), granted)
	}
}
