// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/internal/boot"
	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// firstLifetime is how long the first token lasts: until then the Secret must have been applied. From then on the mirror
// renews its token itself.
const firstLifetime = 24 * time.Hour

const credentialsUsage = `usage: mirror credentials --cluster NAME [flags]

Prints a Secret with a kubeconfig by which a mirror reaches the other end of its link. It is made with the rights of an
administrator of that end, and applied at the end where the mirror runs:

  mirror credentials --cluster dr1 --context hub | kubectl --context dr1 apply -f -
  mirror credentials --cluster dr1 --context dr1 --mode push | kubectl --context hub apply -f -

`

// credentials prints the first credentials of a mirror. It returns the exit code of the process.
func credentials(ctx context.Context, args []string, out, problems io.Writer) int {
	fs := flag.NewFlagSet("mirror credentials", flag.ContinueOnError)
	fs.SetOutput(problems)
	cluster := fs.String("cluster", "", "name of the DRCluster; required")
	mode := fs.String("mode", "pull", "pull: access to the hub, for the cluster; push: access to the cluster, for the hub")
	kubeconfig := fs.String("kubeconfig", os.Getenv("KUBECONFIG"), "path of an administrator's kubeconfig; empty: the usual place")
	at := fs.String("context", "", "context in the kubeconfig; empty: the current one")
	server := fs.String("server", "", "URL by which the mirror reaches the API server; empty: that of the context")
	namespace := fs.String("namespace", boot.OperatorNamespace(), "namespace of the mirror")
	fs.Usage = func() {
		_, _ = io.WriteString(problems, credentialsUsage)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return 2
	}
	text, err := firstSecret(ctx, *cluster, *mode, *kubeconfig, *at, *server, *namespace)
	if err != nil {
		_, _ = fmt.Fprintln(problems, "error:", err)
		return 1
	}
	_, _ = out.Write(text)
	return 0
}

func firstSecret(ctx context.Context, cluster, mode, kubeconfig, at, server, namespace string) ([]byte, error) {
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
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: at}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	token, err := credential.Request(ctx, cfg, account, firstLifetime)
	if err != nil {
		return nil, err
	}
	if server != "" {
		cfg.Host = server
	}
	secret, err := credential.Secret(namespace, cluster, cfg, token)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(secret)
}
