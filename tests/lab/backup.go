// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

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
// meanwhile, and start anew: what they remember is not what is.
func (l *Lab) Restore(ctx context.Context, cluster, folder string) error {
	return l.exchangeState(ctx, cluster, func(dir string) error { return os.CopyFS(dir, os.DirFS(folder)) })
}

// exchangeState stops a cluster, lets put make a new folder for its etcd, and starts it again.
func (l *Lab) exchangeState(ctx context.Context, cluster string, put func(dir string) error) error {
	services := []string{on(serviceEtcd, cluster), on(serviceAPIServer, cluster), on(serviceControllers, cluster)}
	if cluster != Hub {
		services = append(services, on(serviceStorage, cluster), on(serviceNode, cluster))
	}
	for _, s := range services {
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
	for _, s := range services {
		if err := l.StartProcess(ctx, s); err != nil {
			return fmt.Errorf("start %s: %w", cluster, err)
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
	if err := l.exchangeState(ctx, Hub, func(dir string) error { return os.Mkdir(dir, 0o700) }); err != nil {
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
