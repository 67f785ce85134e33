// SPDX-License-Identifier: Apache-2.0

package kindlab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/story"
)

var _ story.Place = (*Lab)(nil)

// faultTimeout bounds one command of docker.
const faultTimeout = time.Minute

// nodeData is the path of DataDir on the nodes.
const nodeData = "/var/lib/ramen-lab"

// connect makes the clients of the clusters.
func (l *Lab) connect(context.Context) error {
	for _, name := range lab.Clusters() {
		if err := l.connectTo(name); err != nil {
			return err
		}
	}
	return nil
}

// connectTo makes the client of a cluster.
func (l *Lab) connectTo(name string) error {
	scheme, err := lab.Scheme()
	if err != nil {
		return err
	}
	text, err := l.provider.KubeConfig(name, false)
	if err != nil {
		return fmt.Errorf("read kubeconfig of %s: %w", name, err)
	}
	cfg, err := clientcmd.RESTConfigFromKubeConfig([]byte(text))
	if err != nil {
		return fmt.Errorf("read kubeconfig of %s: %w", name, err)
	}
	cfg.QPS, cfg.Timeout = -1, requestTimeout
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("make client of %s: %w", name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clusters[name] = &lab.Cluster{Name: name, Config: cfg, Client: c}
	return nil
}

// App describes an application whose Pods are real.
func (l *Lab) App(namespace, name string) *app.App {
	a := app.New(l, namespace, name)
	witness := filepath.Join("witness", namespace, name)
	a.Witness = func(cluster string) string { return filepath.Join(l.DataDir(), cluster, witness, "acknowledged") }
	a.Dress = func(cluster string, d *appsv1.Deployment) {
		pod := &d.Spec.Template.Spec
		writer := &pod.Containers[0]
		writer.Image = writerImage
		// The folder of the data is a volume within that of the witness.
		writer.VolumeMounts[0].MountPath = "/journal/data"
		writer.VolumeMounts = append(writer.VolumeMounts, corev1.VolumeMount{Name: "witness", MountPath: "/journal"})
		kind := corev1.HostPathDirectoryOrCreate
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "witness", VolumeSource: corev1.VolumeSource{
			HostPath: &corev1.HostPathVolumeSource{Path: filepath.Join(nodeData, cluster, witness), Type: &kind},
		}})
		grace := int64(5)
		pod.TerminationGracePeriodSeconds = &grace
	}
	return a
}

// Cluster implements app.Place.
func (l *Lab) Cluster(name string) *lab.Cluster {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clusters[name]
}

// DataDir implements app.Place: the folder that kind-configs mount.
func (l *Lab) DataDir() string { return filepath.Join(l.root, "bin", "kind", "data") }

// Fault implements story.Place. BlackHole pauses the whole cluster, Cut takes it off the network.
func (l *Lab) Fault(name string, kind faultproxy.Kind) error {
	switch kind {
	case faultproxy.BlackHole:
		return l.docker("pause", nodeOf(name))
	case faultproxy.Cut:
		return l.docker("network", "disconnect", "kind", nodeOf(name))
	case faultproxy.Half, faultproxy.Delay:
	}
	return fmt.Errorf("a cluster of kind can't be broken by %s", kind)
}

// Heal implements story.Place. What is not broken stays as it is.
func (l *Lab) Heal(name string) error {
	paused, err := l.inspect(name, "{{.State.Paused}}")
	if err != nil {
		return err
	}
	networks, err := l.inspect(name, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}")
	if err != nil {
		return err
	}
	var errs []error
	if paused == "true" {
		errs = append(errs, l.docker("unpause", nodeOf(name)))
	}
	if !strings.Contains(networks, "kind") {
		errs = append(errs, l.docker("network", "connect", "kind", nodeOf(name)), l.route())
	}
	return errors.Join(errs...)
}

// Stores implements story.Place: as in tests/e2e/config.
func (l *Lab) Stores() []lab.Store {
	var out []lab.Store
	for _, spoke := range lab.Spokes() {
		out = append(out, lab.Store{Profile: "s3-" + spoke, Bucket: spoke, AccessKey: "key-of-" + spoke, SecretKey: "secret-of-" + spoke})
	}
	return out
}

// StoreCA implements story.Place: there is no TLS.
func (l *Lab) StoreCA() ([]byte, error) { return nil, nil }

// StoreURL implements story.Place, for this machine, which does not know the names of the docker network.
func (l *Lab) StoreURL(_, store string) string {
	address, err := l.inspect(strings.TrimPrefix(store, "s3-"), "{{.NetworkSettings.Networks.kind.IPAddress}}")
	if err != nil {
		return "http://" + store // it says by its failure what is missing
	}
	return "http://" + address + ":9000"
}

func (l *Lab) inspect(name, format string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), faultTimeout)
	defer cancel()
	out, err := l.run(ctx, "", "docker", "inspect", "--format", format, nodeOf(name))
	return strings.TrimSpace(out), err
}

func (l *Lab) docker(args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), faultTimeout)
	defer cancel()
	_, err := l.run(ctx, "", "docker", args...)
	return err
}

func nodeOf(name string) string { return name + "-control-plane" }
