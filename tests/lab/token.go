// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// issuer is who issues tokens of ServiceAccounts, and whom they are for.
const issuer = "https://kubernetes.default.svc"

// ShortToken is a token of the mirror of a spoke for the hub, bound to its Secret, that lasts less than an API server issues
// any: it requires ten minutes at least.
func (l *Lab) ShortToken(ctx context.Context, spoke string, lifetime time.Duration) (string, error) {
	id := MirrorOnHub(spoke)
	account, bound := &corev1.ServiceAccount{}, &corev1.Secret{}
	hub := l.Cluster(Hub).Client
	err := errors.Join(
		hub.Get(ctx, client.ObjectKey{Namespace: id.Namespace, Name: id.ServiceAccount}, account),
		hub.Get(ctx, client.ObjectKey{Namespace: id.Namespace, Name: exchange.SecretCredential}, bound),
	)
	if err != nil {
		return "", fmt.Errorf("issue token: %w", err)
	}
	now := clock.RealClock{}.Now()
	ref := func(o client.Object) map[string]any { return map[string]any{"name": o.GetName(), "uid": o.GetUID()} }
	return l.signToken(Hub, map[string]any{
		"iss": issuer, "aud": []string{issuer}, "sub": "system:serviceaccount:" + id.Namespace + ":" + id.ServiceAccount,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(lifetime).Unix(),
		"kubernetes.io": map[string]any{"namespace": id.Namespace, "serviceaccount": ref(account), "secret": ref(bound)},
	})
}

// signToken signs claims as the API server of a cluster does.
func (l *Lab) signToken(cluster string, claims map[string]any) (string, error) {
	text, err := os.ReadFile(filepath.Join(l.dir, cluster, "pki", "tokens.key"))
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", errors.New("sign token: the key is no PEM")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + encode(body)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	const half = 32 // bytes of a number of P-256
	return signed + "." + encode(append(r.FillBytes(make([]byte, half)), s.FillBytes(make([]byte, half))...)), nil
}
