// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// etcdDir is where the state of a cluster lies.
func (l *Lab) etcdDir(cluster string) string { return filepath.Join(l.dir, cluster, "etcd") }

// BackUp copies the state of a cluster to folder, which must not exist. Its etcd pauses for that long.
func (l *Lab) BackUp(ctx context.Context, cluster, folder string) error {
	service := on(serviceEtcd, cluster)
	if err := l.Stop(service); err != nil {
		return fmt.Errorf("back up %s: %w", cluster, err)
	}
	err := os.CopyFS(folder, os.DirFS(l.etcdDir(cluster)))
	if err := errors.Join(err, l.StartProcess(ctx, service)); err != nil {
		return fmt.Errorf("back up %s: %w", cluster, err)
	}
	return nil
}

// Restore gives a cluster the state of a backup. Its API server, its controllers, its storage and its node are down
// meanwhile, and start again: what they remember is not what is.
func (l *Lab) Restore(ctx context.Context, cluster, folder string) error {
	return l.exchangeState(ctx, cluster, func(dir string) error { return os.CopyFS(dir, os.DirFS(folder)) }, nil)
}

// exchangeState stops a cluster, lets put make a new folder for its etcd, and starts it again; its storage and its node after
// furnish, if there is one.
func (l *Lab) exchangeState(ctx context.Context, cluster string, put func(dir string) error, furnish func() error) error {
	plane := []string{on(serviceEtcd, cluster), on(serviceAPIServer, cluster), on(serviceControllers, cluster)}
	var users []string
	if cluster != Hub {
		users = []string{on(serviceStorage, cluster), on(serviceNode, cluster)}
	}
	var addons, sides []string
	if cluster != Hub {
		addons, sides = l.addonsServices(cluster), l.sidecarServices(cluster)
	}
	for _, s := range slices.Concat(plane, users, addons, sides) {
		if err := l.Stop(s); err != nil {
			return fmt.Errorf("stop %s: %w", cluster, err)
		}
	}
	dir := l.etcdDir(cluster)
	if err := errors.Join(os.RemoveAll(dir), put(dir)); err != nil {
		return fmt.Errorf("exchange the state of %s: %w", cluster, err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("exchange the state of %s: %w", cluster, err)
	}
	start := func(services []string) error {
		for _, s := range services {
			if err := l.StartProcess(ctx, s); err != nil {
				return fmt.Errorf("start %s: %w", cluster, err)
			}
		}
		return nil
	}
	if err := start(plane); err != nil {
		return err
	}
	if furnish != nil {
		if err := furnish(); err != nil {
			return err
		}
	}
	if err := start(users); err != nil || len(addons) == 0 {
		return err
	}
	if err := l.prepareAddons(ctx, cluster); err != nil {
		return err
	}
	if err := start(addons); err != nil || len(sides) == 0 {
		return err
	}
	for _, s := range sidecars() {
		if _, err := l.Kubeconfig(ctx, s.on(cluster)); err != nil {
			return err
		}
	}
	return start(sides)
}

// ReplaceCluster puts a new spoke in the place of one that is lost with all that was on it: an empty API server of the same
// name and address, on which the project is installed. Its mirror has the credentials of the old one.
func (l *Lab) ReplaceCluster(ctx context.Context, spoke string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	programs := map[string]Identity{on(serviceSpokectrl, spoke): SpokeController(spoke), on(serviceMirror, spoke): MirrorOnSpoke(spoke)}
	for service := range programs {
		if err := l.Stop(service); err != nil {
			return fmt.Errorf("replace %s: %w", spoke, err)
		}
	}
	empty := func(dir string) error { return os.Mkdir(dir, 0o700) }
	if err := l.exchangeState(ctx, spoke, empty, func() error { return l.installOn(ctx, spoke) }); err != nil {
		return fmt.Errorf("replace %s: %w", spoke, err)
	}
	for service, id := range programs {
		// The files that the processes know, with tokens that this cluster knows.
		if _, err := l.Kubeconfig(ctx, id); err != nil {
			return fmt.Errorf("replace %s: %w", spoke, err)
		}
		if err := l.StartProcess(ctx, service); err != nil {
			return fmt.Errorf("replace %s: %w", spoke, err)
		}
	}
	return nil
}

// ReplaceHub puts a new hub in the place of one that is lost with all its objects: an empty API server, on which the
// project is installed and manifests are applied, in this order. The spokes are connected to it as they were to the first.
// Nothing is done on them.
func (l *Lab) ReplaceHub(ctx context.Context, manifests ...client.Object) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := l.Stop(serviceHubctrl); err != nil {
		return fmt.Errorf("replace hub: %w", err)
	}
	if err := l.exchangeState(ctx, Hub, func(dir string) error { return os.Mkdir(dir, 0o700) }, nil); err != nil {
		return fmt.Errorf("replace hub: %w", err)
	}
	if err := l.installOn(ctx, Hub); err != nil {
		return fmt.Errorf("replace hub: %w", err)
	}
	// The files that the processes know, with tokens that this hub knows.
	if _, err := l.Kubeconfig(ctx, HubController()); err != nil {
		return fmt.Errorf("replace hub: %w", err)
	}
	if err := l.StartProcess(ctx, serviceHubctrl); err != nil {
		return fmt.Errorf("replace hub: %w", err)
	}
	for _, o := range manifests {
		if err := l.Cluster(Hub).Client.Create(ctx, o); err != nil {
			return fmt.Errorf("replace hub: create %T %s: %w", o, o.GetName(), err)
		}
	}
	for _, spoke := range Spokes() {
		if err := l.awaitAccount(ctx, MirrorOnHub(spoke)); err != nil {
			return fmt.Errorf("replace hub: %w", err)
		}
		if _, err := l.Kubeconfig(ctx, MirrorOnHub(spoke)); err != nil {
			return fmt.Errorf("replace hub: %w", err)
		}
		service := on(serviceMirror, spoke)
		if err := errors.Join(l.Stop(service), l.StartProcess(ctx, service)); err != nil {
			return fmt.Errorf("replace hub: %w", err)
		}
	}
	return nil
}
