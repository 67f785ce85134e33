// SPDX-License-Identifier: Apache-2.0

package credential

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Key is the key of a Secret that holds the kubeconfig. The label exchange.LabelCluster of the Secret names the cluster.
const Key = "kubeconfig"

// Connect reads a kubeconfig from a Secret. A user who may write the Secret must not get more than a connection by it.
func Connect(kubeconfig []byte) (*rest.Config, error) {
	raw, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, errors.New("read kubeconfig: it is not a kubeconfig") // the cause may quote what is secret
	}
	for name, user := range raw.AuthInfos {
		if user.Exec != nil || user.AuthProvider != nil || user.TokenFile != "" || user.ClientCertificate != "" || user.ClientKey != "" {
			return nil, fmt.Errorf("read kubeconfig: user %q names a program or a file; only a token or certificate inside the kubeconfig is taken", name)
		}
	}
	for name, cluster := range raw.Clusters {
		if cluster.CertificateAuthority != "" {
			return nil, fmt.Errorf("read kubeconfig: cluster %q names a file; only a certificate authority inside the kubeconfig is taken", name)
		}
	}
	cfg, err := clientcmd.NewDefaultClientConfig(*raw, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	return cfg, nil
}

// WithToken is kubeconfig with another token for the user of its current context.
func WithToken(kubeconfig []byte, token string) ([]byte, error) {
	raw, user, err := userOf(kubeconfig)
	if err != nil {
		return nil, err
	}
	user.Token = token
	return clientcmd.Write(*raw)
}

// Split parts kubeconfig into the token of the user of its current context, empty if it has none, and the rest.
func Split(kubeconfig []byte) (token string, rest []byte, err error) {
	_, user, err := userOf(kubeconfig)
	if err != nil {
		return "", nil, err
	}
	rest, err = WithToken(kubeconfig, "")
	return user.Token, rest, err
}

// userOf reads kubeconfig, and finds in it the user of its current context.
func userOf(kubeconfig []byte) (*clientcmdapi.Config, *clientcmdapi.AuthInfo, error) {
	raw, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, nil, errors.New("read kubeconfig: it is not a kubeconfig")
	}
	at, ok := raw.Contexts[raw.CurrentContext]
	if !ok || raw.AuthInfos[at.AuthInfo] == nil {
		return nil, nil, errors.New("read kubeconfig: its current context names no user")
	}
	return raw, raw.AuthInfos[at.AuthInfo], nil
}

// Secret is the Secret that gives a mirror access to the API server at cfg with token. cluster is the name of the
// DRCluster that the link is for.
func Secret(namespace, cluster string, cfg *rest.Config, token string) (*corev1.Secret, error) {
	if len(cfg.CAData) == 0 && cfg.CAFile != "" {
		cfg = rest.CopyConfig(cfg)
		if err := rest.LoadTLSFiles(cfg); err != nil {
			return nil, fmt.Errorf("read certificate authority: %w", err)
		}
	}
	const name = "mirror"
	raw := clientcmdapi.NewConfig()
	raw.Clusters[name] = &clientcmdapi.Cluster{Server: cfg.Host, CertificateAuthorityData: cfg.CAData, TLSServerName: cfg.ServerName, InsecureSkipTLSVerify: cfg.Insecure}
	raw.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	raw.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	raw.CurrentContext = name
	text, err := clientcmd.Write(*raw)
	if err != nil {
		return nil, fmt.Errorf("write kubeconfig: %w", err)
	}
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mirror-" + cluster, Labels: map[string]string{exchange.LabelCluster: cluster}},
		Data:       map[string][]byte{Key: text},
	}, nil
}
