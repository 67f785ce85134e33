// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"sync"

	"golang.org/x/oauth2"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// Bearer is a token that may be exchanged while clients use it.
type Bearer struct {
	mu    sync.Mutex
	token string
	news  chan struct{} // closed when another token is set
}

// Exchangeable takes the token out of cfg and puts a Bearer in its place. A cfg without a token stays without one.
func Exchangeable(cfg *rest.Config) *Bearer {
	b := &Bearer{token: cfg.BearerToken, news: make(chan struct{})}
	if cfg.BearerToken != "" {
		cfg.BearerToken = ""
		cfg.Wrap(transport.TokenSourceWrapTransport(b))
	}
	return b
}

// Set exchanges the token: each request that is made from now on shows it.
func (b *Bearer) Set(token string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if token == b.token {
		return
	}
	b.token = token
	close(b.news)
	b.news = make(chan struct{})
}

// Get is the token.
func (b *Bearer) Get() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.token
}

// changed is closed when the token of this moment is exchanged.
func (b *Bearer) changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.news
}

// Token is the token as clients take it.
func (b *Bearer) Token() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: b.Get()}, nil }
