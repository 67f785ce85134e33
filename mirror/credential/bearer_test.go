// SPDX-License-Identifier: Apache-2.0

package credential_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/mirror/credential"
)

// TestEachRequestShowsTheTokenOfTheMoment over one client and one connection.
func TestEachRequestShowsTheTokenOfTheMoment(t *testing.T) {
	var shown, from []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		shown, from = append(shown, r.Header.Get("Authorization")), append(from, r.RemoteAddr)
	}))
	t.Cleanup(server.Close)
	ask := func(c *http.Client) {
		t.Helper()
		res, err := c.Get(server.URL)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
	cfg := &rest.Config{Host: server.URL, BearerToken: "one"}
	bearer := credential.Exchangeable(cfg)
	require.Empty(t, cfg.BearerToken, "else the first token would be shown for good")
	c, err := rest.HTTPClientFor(cfg)
	require.NoError(t, err)
	ask(c)
	bearer.Set("two")
	ask(c)
	assert.Equal(t, []string{"Bearer one", "Bearer two"}, shown)
	assert.Equal(t, from[0], from[1], "the connection stays")
	assert.Equal(t, "two", bearer.Get())

	shown = nil
	cfg = &rest.Config{Host: server.URL}
	credential.Exchangeable(cfg)
	c, err = rest.HTTPClientFor(cfg)
	require.NoError(t, err)
	ask(c)
	assert.Equal(t, []string{""}, shown, "who had no token shows none")
}
