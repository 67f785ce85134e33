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
)

const (
	// Lifetime is what is asked for when a token is renewed. A token is renewed at half of what it got.
	Lifetime = time.Hour
	// Retry is when a renewal that failed is tried again.
	Retry = time.Minute

	requestTimeout = 40 * time.Second
)

// Token is what a token of a ServiceAccount says of itself. It is not verified: that is for API servers to do.
type Token struct {
	Account types.NamespacedName
	// RenewAt is the middle of its life; zero: it does not expire.
	RenewAt time.Time
}

// Read reads a token.
func Read(token string) (Token, error) {
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return Token{}, errors.New("it is no JSON Web Token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Token{}, errors.New("it is no JSON Web Token: its payload can't be decoded")
	}
	var claims struct {
		Subject  string `json:"sub"`
		IssuedAt int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Token{}, errors.New("it is no JSON Web Token: its payload is no JSON")
	}
	var t Token
	if account, ok := strings.CutPrefix(claims.Subject, "system:serviceaccount:"); ok {
		t.Account.Namespace, t.Account.Name, _ = strings.Cut(account, ":")
	}
	if claims.Expires != 0 {
		t.RenewAt = time.Unix((claims.IssuedAt+claims.Expires)/2, 0)
	}
	return t, nil
}

// Request asks the API server at cfg for a token of account.
func Request(ctx context.Context, cfg *rest.Config, account types.NamespacedName, lifetime time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return "", fmt.Errorf("connect to %s: %w", cfg.Host, err)
	}
	seconds := int64(lifetime / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	got, err := client.CoreV1().ServiceAccounts(account.Namespace).CreateToken(ctx, account.Name, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("request token of ServiceAccount %s: %w", account, err)
	}
	return got.Status.Token, nil
}
