// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab/pki"
	"github.com/ramendr/ramen-direct/tests/lab/supervise"
)

// userAdmin is the administrator of a cluster, in names of files.
const userAdmin = "admin"

// Cluster is one running Kubernetes cluster, seen by its administrator.
type Cluster struct {
	Name       string
	Kubeconfig string // path of the administrator's kubeconfig
	Config     *rest.Config
	Client     client.WithWatch
}

// controllers are those of kube-controller-manager that the lab needs: volumes, garbage collection, namespaces,
// ServiceAccounts and workloads. There is no scheduler: the lab's node takes the Pods itself.
func controllers(cluster string) []string {
	all := []string{
		"namespace-controller",
		"garbage-collector-controller",
		"serviceaccount-controller",
		"root-ca-certificate-publisher-controller",
		"clusterrole-aggregation-controller",
		"persistentvolume-binder-controller",
		"persistentvolume-protection-controller",
		"persistentvolumeclaim-protection-controller",
		"deployment-controller",
		"replicaset-controller",
		"statefulset-controller",
		"job-controller",
	}
	if cluster == Hub {
		all = append(all, "resourcequota-controller") // each inbox has a quota
	}
	return all
}

// startCluster starts etcd, the API server and the controllers of a cluster and returns when all are ready.
func (l *Lab) startCluster(ctx context.Context, name string) (*Cluster, error) {
	authority, err := pki.New(filepath.Join(l.dir, name, "pki"), "ramenlab "+name)
	if err != nil {
		return nil, err
	}
	if err := l.startEtcd(ctx, name); err != nil {
		return nil, err
	}
	if err := l.startAPIServer(ctx, name, authority); err != nil {
		return nil, err
	}
	if err := l.startControllerManager(ctx, name, authority); err != nil {
		return nil, err
	}
	// The storage and the node of the lab stand for parts of a cluster that may do anything in it.
	for _, user := range []string{userAdmin, serviceStorage, serviceNode} {
		if _, err := l.certKubeconfig(name, authority, user, "ramenlab-"+user, "system:masters"); err != nil {
			return nil, err
		}
	}
	return l.openCluster(name)
}

// openCluster is the client side of a cluster that runs.
func (l *Lab) openCluster(name string) (*Cluster, error) {
	file := l.kubeconfigFile(name, userAdmin)
	cfg, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig of %s: %w", name, err)
	}
	cfg.QPS = -1 // priority and fairness of the API server limit enough
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make client of %s: %w", name, err)
	}
	return &Cluster{Name: name, Kubeconfig: file, Config: cfg, Client: c}, nil
}

func (l *Lab) startEtcd(ctx context.Context, cluster string) error {
	service := on(serviceEtcd, cluster)
	client := "http://" + l.address(service)
	peer := "http://" + l.address(portPeer+service)
	return l.supervisor.Start(ctx, supervise.Service{
		Name:    service,
		Address: client,
		Command: l.command(service, l.program("etcd"),
			"--name=default", "--data-dir="+l.etcdDir(cluster),
			"--listen-client-urls="+client, "--advertise-client-urls="+client,
			"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=default="+peer,
			"--log-level=warn",
			// The data has to survive a killed process, not a lost machine.
			"--unsafe-no-fsync",
		),
		Ready: func(ctx context.Context) error { return probe(ctx, client+"/readyz", "") },
	})
}

func (l *Lab) startAPIServer(ctx context.Context, cluster string, authority *pki.Authority) error {
	serverCert, serverKey, err := authority.Server()
	if err != nil {
		return err
	}
	tokenKey, err := authority.Key("tokens")
	if err != nil {
		return err
	}
	further, err := l.auditArgs(cluster)
	if err != nil {
		return err
	}
	if cluster == Hub {
		cert, key, err := makeFront(l.frontDir())
		if err != nil {
			return err
		}
		further = append(further, "--tls-sni-cert-key="+cert+","+key+":"+frontName)
	}
	service := on(serviceAPIServer, cluster)
	return l.supervisor.Start(ctx, supervise.Service{
		Name:    service,
		Address: "https://" + l.address(service),
		Command: l.command(service, l.program("kube-apiserver"), append(further,
			"--etcd-servers=http://"+l.address(on(serviceEtcd, cluster)),
			"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port="+l.port(service),
			"--tls-cert-file="+serverCert, "--tls-private-key-file="+serverKey, "--client-ca-file="+authority.CAFile(),
			"--cert-dir="+filepath.Dir(serverCert),
			"--service-account-issuer="+issuer,
			"--service-account-key-file="+tokenKey, "--service-account-signing-key-file="+tokenKey,
			"--service-cluster-ip-range=10.0.0.0/24",
			"--authorization-mode=RBAC",
			// Nothing reaches the API server by the Service kubernetes.
			"--endpoint-reconciler-type=none",
		)...),
		Ready: func(ctx context.Context) error {
			return probe(ctx, "https://"+l.address(service)+"/readyz", authority.CAFile())
		},
	})
}

func (l *Lab) startControllerManager(ctx context.Context, cluster string, authority *pki.Authority) error {
	kubeconfig, err := l.certKubeconfig(cluster, authority, "controller-manager", "system:kube-controller-manager")
	if err != nil {
		return err
	}
	dir := filepath.Dir(authority.CAFile())
	service := on(serviceControllers, cluster)
	return l.supervisor.Start(ctx, supervise.Service{
		Name:    service,
		Address: "https://" + l.address(service),
		Command: l.command(service, l.program("kube-controller-manager"),
			"--kubeconfig="+kubeconfig, "--use-service-account-credentials", "--leader-elect=false",
			"--bind-address=127.0.0.1", "--secure-port="+l.port(service),
			"--tls-cert-file="+filepath.Join(dir, "server.crt"), "--tls-private-key-file="+filepath.Join(dir, "server.key"),
			"--root-ca-file="+authority.CAFile(), "--service-account-private-key-file="+filepath.Join(dir, "tokens.key"),
			"--controllers="+strings.Join(controllers(cluster), ","),
		),
		Ready: func(ctx context.Context) error {
			return probe(ctx, "https://"+l.address(service)+"/healthz", authority.CAFile())
		},
	})
}

// kubeconfigFile is where the kubeconfig of a user of a cluster is.
func (l *Lab) kubeconfigFile(cluster, user string) string {
	return filepath.Join(l.dir, cluster, user+".kubeconfig")
}

// certKubeconfig makes a kubeconfig for a user who shows a certificate.
func (l *Lab) certKubeconfig(cluster string, authority *pki.Authority, file, user string, groups ...string) (string, error) {
	cert, key, err := authority.Client(file, user, groups...)
	if err != nil {
		return "", err
	}
	var data [3][]byte
	for i, name := range []string{authority.CAFile(), cert, key} {
		if data[i], err = os.ReadFile(name); err != nil {
			return "", fmt.Errorf("make kubeconfig %s of %s: %w", file, cluster, err)
		}
	}
	out := l.kubeconfigFile(cluster, file)
	return out, writeKubeconfig(out, kubeconfig{
		cluster: cluster,
		server:  "https://" + l.address(on(serviceAPIServer, cluster)),
		ca:      data[0],
		user:    user,
		cert:    data[1],
		key:     data[2],
	})
}
