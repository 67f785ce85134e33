// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/tests/lab/supervise"
)

// StartStorage starts the storage driver and the node of each spoke, and csi-addons and the sidecars if the lab has them.
func (l *Lab) StartStorage(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	group, groupCtx := errgroup.WithContext(ctx)
	for i, spoke := range Spokes() {
		peer := Spokes()[1-i]
		group.Go(func() error { return l.startDriver(groupCtx, spoke, peer) })
		group.Go(func() error { return l.startNode(groupCtx, spoke) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("start storage: %w", err)
	}
	group, groupCtx = errgroup.WithContext(ctx)
	for _, spoke := range Spokes() {
		group.Go(func() error { return l.startAddons(groupCtx, spoke) })
		group.Go(func() error { return l.startSidecars(groupCtx, spoke) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("start the sidecars of storage: %w", err)
	}
	return nil
}

func (l *Lab) startDriver(ctx context.Context, spoke, peer string) error {
	service := on(serviceStorage, spoke)
	listen := l.address(service)
	args := append(l.partArgs(serviceStorage, spoke), "--listen="+listen, "--peer=http://"+l.linkAddress(link{spoke, peer}))
	if l.options.Storage != "" {
		args = append(args, "--kind="+l.options.Storage)
	}
	if len(l.addonsServices(spoke)) > 0 {
		args = append(args, "--csi-addons="+l.socket(spoke), "--calls="+l.callsFile(spoke))
	}
	if l.options.Sidecars {
		args = append(args, "--csi="+l.csiSocket(spoke))
	}
	for _, interval := range slices.Sorted(maps.Keys(l.options.Intervals)) {
		args = append(args, fmt.Sprintf("--interval=%s=%s", interval, l.options.Intervals[interval]))
	}
	return l.supervisor.Start(ctx, supervise.Service{
		Name:    service,
		Address: "http://" + listen,
		Command: l.command(service, filepath.Join(l.binDir(), programLab), args...),
		Ready:   func(ctx context.Context) error { return dial(ctx, listen) },
		Restart: l.options.Restart,
	})
}

func (l *Lab) startNode(ctx context.Context, spoke string) error {
	service := on(serviceNode, spoke)
	return l.supervisor.Start(ctx, supervise.Service{
		Name:    service,
		Command: l.command(service, filepath.Join(l.binDir(), programLab), l.partArgs(serviceNode, spoke)...),
		Ready: func(ctx context.Context) error {
			return l.Cluster(spoke).Client.Get(ctx, client.ObjectKey{Name: spoke + "-node"}, &corev1.Node{})
		},
		Restart: l.options.Restart,
	})
}

// partArgs run a part of the lab for a spoke.
func (l *Lab) partArgs(part, spoke string) []string {
	return []string{part, "--cluster=" + spoke, "--kubeconfig=" + l.kubeconfigFile(spoke, part), "--data=" + l.DataDir()}
}

// dial fails unless somebody listens at the address.
func dial(ctx context.Context, address string) error {
	c, err := (&net.Dialer{Timeout: probeTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}
