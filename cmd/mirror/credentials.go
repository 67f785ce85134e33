// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/internal/boot"
	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// believed is more than how long an API server believes a token whose Secret was deleted: 10 seconds.
const believed = 20 * time.Second

const credentialsUsage = `usage: mirror credentials --cluster NAME [flags]

Prints a Secret with a kubeconfig by which a mirror reaches the other end of its link. It is made with the rights of an
administrator of that end, and applied at the end where the mirror runs:

  mirror credentials --cluster dr1 --context hub | kubectl --context dr1 apply -f -
  mirror credentials --cluster dr1 --context dr1 --mode push | kubectl --context hub apply -f -

The mirror renews its token by itself from then on. To take its access back at once, delete the Secret that its tokens are
bound to:

  kubectl --context hub -n inbox-dr1 delete secret mirror-credential
  kubectl --context dr1 -n ramen-system delete secret mirror-credential      (--mode push)

`

// credentials prints new credentials of a mirror. It returns the exit code of the process.
func credentials(ctx context.Context, args []string, out, problems io.Writer, wall clock.Clock) int {
	fs := flag.NewFlagSet("mirror credentials", flag.ContinueOnError)
	fs.SetOutput(problems)
	cluster := fs.String("cluster", "", "name of the DRCluster; required")
	mode := fs.String("mode", "pull", "pull: access to the hub, for the cluster; push: access to the cluster, for the hub")
	kubeconfig := fs.String("kubeconfig", os.Getenv("KUBECONFIG"), "path of an administrator's kubeconfig; empty: the usual place")
	at := fs.String("context", "", "context in the kubeconfig; empty: the current one")
	server := fs.String("server", "", "URL by which the mirror reaches the API server; empty: that of the context")
	authority := fs.String("certificate-authority", "", "path of a file with the certificates of the authorities that the mirror is to trust; empty: that of the context")
	namespace := fs.String("namespace", boot.OperatorNamespace(), "namespace of the mirror")
	fs.Usage = func() {
		_, _ = io.WriteString(problems, credentialsUsage)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return 2
	}
	tell := func(format string, args ...any) { _, _ = fmt.Fprintf(problems, format+"\n", args...) }
	text, err := newSecret(ctx, *cluster, *mode, *kubeconfig, *at, *server, *authority, *namespace, wall, tell)
	if err != nil {
		_, _ = fmt.Fprintln(problems, "error:", err)
		return 1
	}
	_, _ = out.Write(text)
	return 0
}

func newSecret(ctx context.Context, cluster, mode, kubeconfig, at, server, authority, namespace string, wall clock.Clock, tell func(string, ...any)) ([]byte, error) {
	if cluster == "" {
		return nil, errors.New("flag --cluster is required: the name of the DRCluster")
	}
	var account types.NamespacedName
	switch mode {
	case "pull":
		account = types.NamespacedName{Namespace: exchange.Inbox(cluster), Name: exchange.ServiceAccount}
	case "push":
		account = types.NamespacedName{Namespace: namespace, Name: exchange.ServiceAccount}
	default:
		return nil, fmt.Errorf("flag --mode is %q, want pull or push", mode)
	}
	trusted, err := certificates(authority)
	if err != nil {
		return nil, err
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: at}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	if err := bindable(ctx, cfg, account, wall, tell); err != nil {
		return nil, err
	}
	token, err := credential.Request(ctx, cfg, account, credential.Lifetime)
	if err != nil {
		return nil, err
	}
	if granted, err := credential.Read(token); err == nil && !granted.Expires.IsZero() {
		tell("The token expires at %s. The mirror renews it; an outage that lasts %s or longer ends it, and needs this command again.",
			granted.Expires.UTC().Format(time.RFC3339), granted.Expires.Sub(granted.RenewAt()).Round(time.Minute))
	}
	if server != "" {
		cfg.Host = server
	}
	if trusted != nil {
		cfg.CAData, cfg.CAFile = trusted, ""
	}
	secret, err := credential.Secret(namespace, cluster, cfg, token)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(secret)
}

// certificates reads the certificates of authorities from a file; nil: no file.
func certificates(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file) //nolint:gosec // the file that the user of the program names
	if err != nil {
		return nil, fmt.Errorf("flag --certificate-authority: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("flag --certificate-authority: file %s holds no certificate in PEM", file)
	}
	return text, nil
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
