// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"sync/atomic"

	"golang.org/x/oauth2"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// Bearer is a token that may be exchanged while clients use it.
type Bearer struct{ token atomic.Pointer[string] }

// Exchangeable takes the token out of cfg and puts a Bearer in its place. A cfg without a token stays without one.
func Exchangeable(cfg *rest.Config) *Bearer {
	b := &Bearer{}
	b.Set(cfg.BearerToken)
	if cfg.BearerToken != "" {
		cfg.BearerToken = ""
		cfg.Wrap(transport.TokenSourceWrapTransport(b))
	}
	return b
}

// Set exchanges the token: each request that is made from now on shows it.
func (b *Bearer) Set(token string) { b.token.Store(&token) }

// Get is the token.
func (b *Bearer) Get() string { return *b.token.Load() }

// Token is the token as clients take it.
func (b *Bearer) Token() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: b.Get()}, nil }
