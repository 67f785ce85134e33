// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Namespace is where the operators of the project and their configuration are, on every cluster.
const Namespace = "ramen-system"

// OpsNamespace is where applications of several namespaces have their objects: the default of ramenOpsNamespace.
const OpsNamespace = "ramen-ops"

// tokenLifetime is how long the tokens in kubeconfigs of the lab are valid: longer than any lab lives.
const tokenLifetime = 7 * 24 * time.Hour

// Identity is a ServiceAccount that a process of the lab acts as.
type Identity struct {
	Cluster        string // whose API server knows it
	Namespace      string
	ServiceAccount string
	// From is the site that it connects from: if it is not Cluster, the connection takes the link between the two.
	From string
}

// HubController is the identity of hubctrl.
func HubController() Identity {
	return Identity{Cluster: Hub, Namespace: Namespace, ServiceAccount: "hubctrl", From: Hub}
}

// SpokeController is the identity of a spoke's spokectrl.
func SpokeController(cluster string) Identity {
	return Identity{Cluster: cluster, Namespace: Namespace, ServiceAccount: "spokectrl", From: cluster}
}

// MirrorOnSpoke is the identity of a spoke's mirror on its own cluster.
func MirrorOnSpoke(cluster string) Identity {
	return Identity{Cluster: cluster, Namespace: Namespace, ServiceAccount: "mirror", From: cluster}
}

// MirrorOnHub is the identity of a spoke's mirror on the hub. It exists when the hub knows the spoke.
func MirrorOnHub(cluster string) Identity {
	return Identity{Cluster: Hub, Namespace: exchange.Inbox(cluster), ServiceAccount: exchange.ServiceAccount, From: cluster}
}

// Kubeconfig makes a kubeconfig for an identity, with a new token, and returns its path. It fails while the
// ServiceAccount does not exist.
func (l *Lab) Kubeconfig(ctx context.Context, id Identity) (string, error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: id.Namespace, Name: id.ServiceAccount}}
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenLifetime.Seconds()))},
	}
	if _, inbox := exchange.ClusterOf(id.Namespace); inbox { // as mirror credentials does
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Secret", Name: exchange.SecretCredential}
	}
	cluster := l.Cluster(id.Cluster)
	if err := cluster.Client.SubResource("token").Create(ctx, account, request); err != nil {
		return "", fmt.Errorf("get token of ServiceAccount %s/%s on %s: %w", id.Namespace, id.ServiceAccount, id.Cluster, err)
	}
	server := l.address(on(serviceAPIServer, id.Cluster))
	if id.From != id.Cluster {
		server = l.linkAddress(link{id.From, id.Cluster})
	}
	file := l.KubeconfigFile(id)
	return file, writeKubeconfig(file, kubeconfig{
		cluster: id.Cluster,
		server:  "https://" + server,
		ca:      cluster.Config.CAData,
		user:    id.Namespace + "/" + id.ServiceAccount,
		token:   request.Status.Token,
	})
}

// KubeconfigFile is where the kubeconfig of an identity is.
func (l *Lab) KubeconfigFile(id Identity) string {
	return l.kubeconfigFile(id.Cluster, id.Namespace+"-"+id.ServiceAccount)
}

// kubeconfig is a file for one user of one cluster, who shows a certificate or a token.
type kubeconfig struct {
	cluster, server string
	ca              []byte
	user            string
	cert, key       []byte
	token           string
}

func writeKubeconfig(file string, k kubeconfig) error {
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters[k.cluster] = &clientcmdapi.Cluster{Server: k.server, CertificateAuthorityData: k.ca}
	user := k.user + "@" + k.cluster // a name of its own, so that files of several clusters can be joined
	cfg.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: k.cert, ClientKeyData: k.key, Token: k.token}
	cfg.Contexts[k.cluster] = &clientcmdapi.Context{Cluster: k.cluster, AuthInfo: user}
	cfg.CurrentContext = k.cluster
	if err := clientcmd.WriteToFile(*cfg, file); err != nil {
		return fmt.Errorf("write kubeconfig %s: %w", file, err)
	}
	return nil
}
