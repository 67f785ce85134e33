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

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/internal/boot"
	"github.com/ramendr/ramen-direct/mirror/grant"
)

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
	kubeconfig := fs.String("kubeconfig", "", "path of an administrator's kubeconfig; empty: the files that KUBECONFIG lists, or the usual place")
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
	var g grant.Grant
	switch mode {
	case "pull":
		g = grant.Pull(cluster, namespace)
	case "push":
		g = grant.Push(cluster, namespace)
	default:
		return nil, fmt.Errorf("flag --mode is %q, want pull or push", mode)
	}
	g.Server = server
	var err error
	if g.Authorities, err = certificates(authority); err != nil {
		return nil, err
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: at}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	given, err := g.Give(ctx, cfg, wall, tell)
	if err != nil {
		return nil, err
	}
	if !given.Expires.IsZero() {
		tell("The token expires at %s. The mirror renews it; an outage that lasts %s or longer ends it, and needs this command again.",
			given.Expires.UTC().Format(time.RFC3339), given.Outage)
	}
	return yaml.Marshal(given.Secret)
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
	if err := grant.Authorities(text); err != nil {
		return nil, fmt.Errorf("flag --certificate-authority: file %s: %w", file, err)
	}
	return text, nil
}
