// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Keeper knows the credential that a link shows, and renews it if it is a token of a ServiceAccount.
type Keeper struct {
	of     string // the end that accepts it
	clock  clock.Clock
	config *rest.Config
	bearer *Bearer
	fixed  exchange.Credential // what another token does not change
	store  func(ctx context.Context, token string) error

	mu      sync.Mutex
	trouble string
}

// NewKeeper returns a Keeper of the credential in cfg and bearer, which the end of accepts, an exchange.CredentialFor*. store
// puts a renewed token to where the credential came from; the reader sets bearer.
func NewKeeper(of string, cfg *rest.Config, bearer *Bearer, c clock.Clock, store func(ctx context.Context, token string) error) *Keeper {
	k := &Keeper{of: of, clock: c, config: cfg, bearer: bearer, store: store}
	k.fixed = exchange.Credential{For: of, Authorities: authorities(cfg.CAData)}
	if own := certificates(cfg.CertData); len(own) > 0 {
		k.fixed.Issued, k.fixed.Expires = own[0].NotBefore, own[0].NotAfter
	}
	return k
}

// Tell is what the lease says of the credential.
func (k *Keeper) Tell() exchange.Credential {
	told := k.fixed
	if shown := k.bearer.Get(); shown != "" {
		told.Issued, told.Expires = time.Time{}, time.Time{}
		if token, err := Read(shown); err == nil {
			told.Issued, told.Expires, told.BoundTo = token.Issued.UTC(), token.Expires.UTC(), token.BoundTo
			told.Renewed = token.renewable()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	told.Trouble = k.trouble
	return told
}

// renewable reports whether the mirror renews the token: it expires, and is one of a ServiceAccount.
func (t Token) renewable() bool { return !t.Expires.IsZero() && t.Account.Name != "" }

// Run renews the token until ctx ends. A failure is told, and the renewal tried again.
func (k *Keeper) Run(ctx context.Context) {
	var renewed time.Time // by this keeper, last
	for ctx.Err() == nil {
		exchanged := k.bearer.changed()
		token, err := Read(k.bearer.Get())
		var due <-chan time.Time // never: a certificate, or a token that does not expire, or of no ServiceAccount
		if err == nil && token.renewable() {
			now := k.clock.Now()
			wait := max(token.RenewAt().Sub(now), 0)
			// A token that was just granted and is due already: the clock here is ahead of the one that it was granted by.
			ahead := wait == 0 && !renewed.IsZero() && now.Sub(renewed) < Retry
			if ahead {
				wait = Retry
			}
			due = k.clock.After(wait)
			if ahead {
				k.note(fmt.Sprintf("a token that was just granted is to be renewed again at once: the clock of this mirror is about %s ahead of the API server's: correct it", now.Sub(token.Issued).Round(time.Second)))
			}
		}
		for current := true; current; {
			select {
			case <-ctx.Done():
				return
			case <-exchanged:
				k.note("")
				current = false
			case <-due:
				log.FromContext(ctx).Info("Renewing token", "expires", token.Expires)
				renewed = k.clock.Now()
				if err := k.renew(ctx, token); err != nil && ctx.Err() == nil {
					log.FromContext(ctx).Error(err, "Cannot renew token", "expires", token.Expires)
					k.note("cannot renew it: " + causeOf(err))
				}
				due = k.clock.After(Retry)
			}
		}
	}
}

func (k *Keeper) renew(ctx context.Context, token Token) error {
	fresh, err := Request(ctx, k.config, token.Account, Lifetime)
	if err != nil {
		return err
	}
	return k.store(ctx, fresh)
}

func (k *Keeper) note(trouble string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.trouble = trouble
}

// causeOf is an error of a renewal as the lease tells it: without what differs each time, and without what is secret.
func causeOf(err error) string {
	var unstored *unstoredError
	switch {
	case errors.As(err, &unstored):
		return unstored.Error()
	case apierrors.IsNotFound(err):
		return "there is no Secret " + exchange.SecretCredential + " beside its ServiceAccount, or no ServiceAccount"
	case apierrors.IsForbidden(err):
		return "the permission to request a token is missing"
	case apierrors.IsUnauthorized(err):
		return "the present one is refused"
	}
	return "no answer"
}

// unstoredError says where a new token could not be put.
type unstoredError struct{ where, cause string }

func (e *unstoredError) Error() string { return "write " + e.where + ": " + e.cause }

// Unstored is the error of a store that can't put a token to where, because of cause, neither of which may quote it.
func Unstored(where, cause string) error { return &unstoredError{where, cause} }

// authorities are the fingerprints of the certificates in a bundle.
func authorities(bundle []byte) []string {
	var out []string
	for _, c := range certificates(bundle) {
		out = append(out, fingerprint(c))
	}
	return out
}

func fingerprint(c *x509.Certificate) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(c.Raw)), " ", ":")
}

func certificates(bundle []byte) []*x509.Certificate {
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, bundle = pem.Decode(bundle); block == nil {
			return out
		}
		if c, err := x509.ParseCertificate(block.Bytes); block.Type == "CERTIFICATE" && err == nil {
			out = append(out, c)
		}
	}
}
