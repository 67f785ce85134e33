// SPDX-License-Identifier: Apache-2.0

package kindlab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// install does what docs/kind.md says.
func (l *Lab) install(ctx context.Context) error {
	for _, spoke := range lab.Spokes() {
		if err := l.installSpoke(ctx, spoke); err != nil {
			return err
		}
	}
	if err := l.installHub(ctx); err != nil {
		return err
	}
	if err := l.kubectl(ctx, lab.Hub, "apply", "--server-side", "-f", "tests/e2e/config/hub/clusters.yaml"); err != nil {
		return err
	}
	for _, spoke := range lab.Spokes() {
		if err := l.connectMirror(ctx, spoke); err != nil {
			return err
		}
	}
	return l.works(ctx)
}

func (l *Lab) installSpoke(ctx context.Context, spoke string) error {
	csiAddons, err := source.Module(ctx, "github.com/csi-addons/kubernetes-csi-addons")
	if err != nil {
		return err
	}
	definitions := filepath.Join(csiAddons, "config", "crd", "bases")
	l.log("cluster %s: install", spoke)
	for _, args := range [][]string{
		{"apply", "--server-side",
			"-f", filepath.Join(definitions, "replication.storage.openshift.io_volumereplications.yaml"),
			"-f", filepath.Join(definitions, "replication.storage.openshift.io_volumereplicationclasses.yaml")},
		{"wait", "--for=condition=Established", "--timeout=2m", "crd/volumereplications.replication.storage.openshift.io", "crd/volumereplicationclasses.replication.storage.openshift.io"},
		{"apply", "--server-side", "-f", "dist/install-spoke.yaml"},
		{"apply", "--server-side", "-k", "tests/e2e/config/" + spoke},
	} {
		if err := l.kubectl(ctx, spoke, args...); err != nil {
			return err
		}
	}
	return l.refresh(ctx, spoke)
}

// installHub makes a hub that knows no cluster yet.
func (l *Lab) installHub(ctx context.Context) error {
	l.log("cluster hub: install")
	for _, args := range [][]string{
		{"apply", "--server-side", "-f", "dist/install-hub.yaml"},
		{"wait", "--for=condition=Established", "--timeout=2m", "crd/drclusters.ramendr.openshift.io", "crd/drpolicies.ramendr.openshift.io", "crd/drplacementcontrols.ramendr.openshift.io"},
		{"apply", "--server-side", "-f", "tests/e2e/config/hub/config.yaml"},
	} {
		if err := l.kubectl(ctx, lab.Hub, args...); err != nil {
			return err
		}
	}
	if err := l.refresh(ctx, lab.Hub); err != nil {
		return err
	}
	return l.kubectl(ctx, lab.Hub, "-n", lab.Namespace, "rollout", "status", "deploy/hubctrl", "--timeout=5m")
}

// works waits until everything that is installed does its work.
func (l *Lab) works(ctx context.Context) error {
	for _, spoke := range lab.Spokes() {
		for _, args := range [][]string{
			{"-n", "lab", "rollout", "status", "ds/storage", "--timeout=5m"},
			{"-n", "lab", "rollout", "status", "deploy/s3", "--timeout=5m"},
			{"-n", lab.Namespace, "rollout", "status", "deploy/spokectrl", "--timeout=5m"},
			{"-n", lab.Namespace, "rollout", "status", "deploy/mirror", "--timeout=5m"},
		} {
			if err := l.kubectl(ctx, spoke, args...); err != nil {
				return err
			}
		}
		if err := l.kubectl(ctx, lab.Hub, "wait", "--for=condition=Validated", "--timeout=5m", "drcluster/"+spoke); err != nil {
			return err
		}
	}
	return l.kubectl(ctx, lab.Hub, "wait", "--for=condition=Validated", "--timeout=5m", "drpolicy/"+lab.Policy)
}

// ReplaceHub implements story.Place: the cluster is deleted as a whole, and another one is made by the commands that made
// the first.
func (l *Lab) ReplaceHub(ctx context.Context, manifests ...client.Object) error {
	image, err := l.inspect(lab.Hub, "{{.Config.Image}}")
	if err != nil {
		return fmt.Errorf("replace hub: %w", err)
	}
	l.log("cluster hub: delete")
	if err := l.provider.Delete(lab.Hub, ""); err != nil {
		return fmt.Errorf("replace hub: %w", err)
	}
	if err := l.createCluster(lab.Hub, image); err != nil {
		return fmt.Errorf("replace hub: %w", err)
	}
	if err := errors.Join(l.connectTo(lab.Hub), l.load(lab.Hub)); err != nil {
		return fmt.Errorf("replace hub: %w", err)
	}
	if err := l.installHub(ctx); err != nil {
		return fmt.Errorf("replace hub: %w", err)
	}
	for _, o := range manifests {
		if err := l.Cluster(lab.Hub).Client.Create(ctx, o); err != nil {
			return fmt.Errorf("replace hub: create %T %s: %w", o, o.GetName(), err)
		}
	}
	for _, spoke := range lab.Spokes() {
		if err := l.connectMirror(ctx, spoke); err != nil {
			return fmt.Errorf("replace hub: %w", err)
		}
	}
	return l.works(ctx)
}

// connectMirror gives the mirror of a cluster its way to the hub. Within the docker network the hub has another address
// than on this machine.
func (l *Lab) connectMirror(ctx context.Context, spoke string) error {
	l.log("cluster %s: connect", spoke)
	if err := l.kubectl(ctx, lab.Hub, "wait", "--for=create", "--timeout=2m", "-n", "inbox-"+spoke, "serviceaccount/mirror"); err != nil {
		return err
	}
	secret, err := l.run(ctx, "", "go", "run", "./cmd/mirror", "credentials",
		"--cluster", spoke, "--context", contextOf(lab.Hub), "--server", "https://hub-control-plane:6443")
	if err != nil {
		return fmt.Errorf("connect %s: %w", spoke, err)
	}
	_, err = l.run(ctx, secret, "kubectl", "--context", contextOf(spoke), "apply", "-f", "-")
	return err
}

func (l *Lab) kubectl(ctx context.Context, name string, args ...string) error {
	_, err := l.run(ctx, "", "kubectl", append([]string{"--context", contextOf(name)}, args...)...)
	return err
}

// contextOf is the context of a cluster of kind in the user's kubeconfig.
func contextOf(name string) string { return "kind-" + name }
