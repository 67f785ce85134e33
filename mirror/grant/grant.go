// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// believed is more than how long an API server believes a token whose Secret was deleted: 10 seconds.
const believed = 20 * time.Second

// Grant is access that a mirror is to get.
type Grant struct {
	// Cluster is the name of the DRCluster that the link is for.
	Cluster string
	// Account is the mirror's ServiceAccount at the end that accepts the token.
	Account types.NamespacedName
	// Namespace of the mirror: the Secret is for there.
	Namespace string
	// Server is the URL by which the mirror reaches that end; empty: that of the administrator's connection.
	Server string
	// Authorities are the certificates, in PEM, that the mirror is to trust; empty: those of that connection.
	Authorities []byte
}

// Pull is the access to the hub of a mirror that runs in namespace on a cluster.
func Pull(cluster, namespace string) Grant {
	return Grant{Cluster: cluster, Namespace: namespace, Account: types.NamespacedName{Namespace: exchange.Inbox(cluster), Name: exchange.ServiceAccount}}
}

// Push is the access to a cluster of a mirror that runs in namespace on the hub.
func Push(cluster, namespace string) Grant {
	return Grant{Cluster: cluster, Namespace: namespace, Account: types.NamespacedName{Namespace: namespace, Name: exchange.ServiceAccount}}
}

// Given is what a mirror got.
type Given struct {
	// Secret to apply where the mirror runs.
	Secret *corev1.Secret
	// Expires is when the token expires, unless the mirror renews it; zero: never, or the API server does not tell.
	Expires time.Time
	// Outage is the shortest one that ends the access for good; zero: none does.
	Outage time.Duration
}

// Give makes the Secret, with the rights of cfg. What takes long is told.
func (g Grant) Give(ctx context.Context, cfg *rest.Config, wall clock.Clock, tell func(format string, args ...any)) (*Given, error) {
	if err := bindable(ctx, cfg, g.Account, wall, tell); err != nil {
		return nil, err
	}
	token, err := credential.Request(ctx, cfg, g.Account, credential.Lifetime)
	if err != nil {
		return nil, err
	}
	out := &Given{}
	if granted, err := credential.Read(token); err == nil && !granted.Expires.IsZero() {
		out.Expires, out.Outage = granted.Expires, granted.Expires.Sub(granted.RenewAt()).Round(time.Minute)
	}
	out.Secret, err = credential.Secret(g.Namespace, g.Cluster, g.connection(cfg), token)
	return out, err
}

// connection is how the mirror connects.
func (g Grant) connection(cfg *rest.Config) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	if g.Server != "" {
		cfg.Host = g.Server
	}
	if len(g.Authorities) > 0 {
		cfg.CAData, cfg.CAFile = g.Authorities, ""
	}
	return cfg
}

// Holds reports whether secret, as it lies where the mirror runs, is what Give would make with the rights of cfg at now, but for
// the token, and whether its token still counts: it is one of the account, has not expired, and is bound to bound.
func (g Grant) Holds(secret *corev1.Secret, cfg *rest.Config, bound types.UID, now time.Time) (bool, error) {
	token, held, err := credential.Split(secret.Data[credential.Key])
	if err != nil {
		return false, nil //nolint:nilerr // what is no kubeconfig gives no access
	}
	of, err := credential.Read(token)
	if err != nil {
		return false, nil //nolint:nilerr // what is no token gives no access
	}
	want, err := credential.Secret(g.Namespace, g.Cluster, g.connection(cfg), "")
	if err != nil {
		return false, err
	}
	lives := of.Expires.IsZero() || now.Before(of.Expires)
	same := secret.Labels[exchange.LabelCluster] == g.Cluster && bytes.Equal(held, want.Data[credential.Key])
	return same && lives && of.Account == g.Account && bound != "" && of.BoundTo == bound, nil
}

// Gives reports whether secret, as it lies where a mirror runs, has a token of the account of the grant, whether or not that still
// counts. A Secret of the same name gives the other end of the link in the other mode.
func (g Grant) Gives(secret *corev1.Secret) bool {
	token, _, err := credential.Split(secret.Data[credential.Key])
	if err != nil {
		return false
	}
	of, err := credential.Read(token)
	return err == nil && of.Account == g.Account
}

// SecretName is the name of the Secret of a cluster, where its mirror runs.
func SecretName(cluster string) string { return "mirror-" + cluster }

// Authorities checks certificates of authorities in PEM.
func Authorities(text []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return errors.New("it holds no certificate in PEM")
	}
	return nil
}

// bindable makes sure that there is the Secret that the tokens of account are bound to. One that is missing was deleted to take
// access back: it is made again only when no token of before is accepted, for that could ask for another one.
func bindable(ctx context.Context, cfg *rest.Config, account types.NamespacedName, wall clock.Clock, tell func(string, ...any)) error {
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", cfg.Host, err)
	}
	if _, err := client.CoreV1().ServiceAccounts(account.Namespace).Get(ctx, account.Name, metav1.GetOptions{}); err != nil {
		return fmt.Errorf("read ServiceAccount %s: %w", account, err)
	}
	secrets := client.CoreV1().Secrets(account.Namespace)
	_, err = secrets.Get(ctx, exchange.SecretCredential, metav1.GetOptions{})
	switch {
	case err == nil:
		return nil
	case !apierrors.IsNotFound(err):
		return fmt.Errorf("read Secret %s/%s: %w", account.Namespace, exchange.SecretCredential, err)
	}
	tell("Secret %s/%s was deleted: making it again in %s, when no token that was bound to it is accepted any more.", account.Namespace, exchange.SecretCredential, believed)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wall.After(believed):
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: account.Namespace, Name: exchange.SecretCredential},
		Type:       corev1.SecretTypeOpaque,
		Immutable:  new(true),
	}
	if _, err := secrets.Create(ctx, secret, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make Secret %s/%s: %w", account.Namespace, exchange.SecretCredential, err)
	}
	return nil
}

// Address is the way to the end that accepts a Secret that Give made, without what the Secret gives access by.
func Address(secret *corev1.Secret) (*rest.Config, error) {
	cfg, err := credential.Connect(secret.Data[credential.Key])
	if err != nil {
		return nil, err
	}
	return rest.AnonymousClientConfig(cfg), nil
}
