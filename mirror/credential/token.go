// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const (
	// Lifetime is what is asked for when a token is requested: an outage that lasts less does not end a link. An API server
	// may grant less.
	Lifetime = 30 * 24 * time.Hour
	// Retry is when a renewal that failed is tried again.
	Retry = time.Minute

	// renewEvery is when a token is renewed at the latest, so that nearly all of its life is left whenever an outage begins.
	renewEvery = 24 * time.Hour
	// renewParts is in how many parts a shorter life is divided: the token is renewed after the first.
	renewParts = 12

	requestTimeout = 40 * time.Second
)

// Token is what a token of a ServiceAccount says of itself. It is not verified: that is for API servers to do.
type Token struct {
	Account types.NamespacedName
	// Issued and Expires are the bounds of its life as it was granted; both zero: it does not expire.
	Issued, Expires time.Time
	// BoundTo is the UID of the Secret whose deletion ends it; empty: there is none.
	BoundTo types.UID
}

// RenewAt is when the token is to be renewed; zero: it does not expire.
func (t Token) RenewAt() time.Time {
	if t.Expires.IsZero() {
		return time.Time{}
	}
	return t.Issued.Add(min(t.Expires.Sub(t.Issued)/renewParts, renewEvery))
}

// Read reads a token.
func Read(token string) (Token, error) {
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return Token{}, errors.New("it is not a JSON Web Token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Token{}, errors.New("it is not a JSON Web Token: its payload can't be decoded")
	}
	var claims struct {
		Subject  string `json:"sub"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
		Of       struct {
			Secret struct {
				UID types.UID `json:"uid"`
			} `json:"secret"`
		} `json:"kubernetes.io"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Token{}, errors.New("it is not a JSON Web Token: its payload is not JSON")
	}
	t := Token{BoundTo: claims.Of.Secret.UID}
	if account, ok := strings.CutPrefix(claims.Subject, "system:serviceaccount:"); ok {
		t.Account.Namespace, t.Account.Name, _ = strings.Cut(account, ":")
	}
	if claims.Expires != 0 {
		t.Issued, t.Expires = time.Unix(claims.IssuedAt, 0), time.Unix(claims.Expires, 0)
	}
	return t, nil
}

// Request asks the API server at cfg for a token of account that is bound to the Secret exchange.SecretCredential beside
// it. The API server may grant less than lifetime: the token tells.
func Request(ctx context.Context, cfg *rest.Config, account types.NamespacedName, lifetime time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return "", fmt.Errorf("connect to %s: %w", cfg.Host, err)
	}
	seconds := int64(lifetime / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: &seconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Secret", Name: exchange.SecretCredential},
	}}
	got, err := client.CoreV1().ServiceAccounts(account.Namespace).CreateToken(ctx, account.Name, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("request token of ServiceAccount %s, bound to Secret %s: %w", account, exchange.SecretCredential, err)
	}
	return got.Status.Token, nil
}
