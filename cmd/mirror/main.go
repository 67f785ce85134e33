// SPDX-License-Identifier: Apache-2.0

// Command mirror keeps the links between the hub and the clusters: wishes become copies, copies become reports.
//
// In pull mode, the default, it runs on a cluster, opens all connections itself, and may touch on the hub only the outbox
// and the inbox of its cluster. In push mode it runs on the hub and keeps the links of all DRClusters. The way to the
// other end of a link is a kubeconfig in a Secret beside the mirror; mirror credentials makes such a Secret.
//
// It serves /healthz, /readyz, and /metrics if asked to.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/internal/boot"
	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/fleet"
	"github.com/ramendr/ramen-direct/mirror/link"
)

// flags of the process. It needs not all of the flags of a manager.
type flags struct {
	boot          boot.Flags
	mode          string
	hubKubeconfig string
	cluster       string
	leaseDuration time.Duration
	renewInterval time.Duration
}

func (f *flags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.mode, "mode", "pull", "pull: run on a cluster and connect to the hub; push: run on the hub and connect to all clusters")
	fs.StringVar(&f.hubKubeconfig, "hub-kubeconfig", "", "pull mode: path of the kubeconfig for the hub, in place of a Secret; it may be replaced at any time, and a tokenFile that it names is renewed")
	fs.StringVar(&f.cluster, "cluster", "", "name of the DRCluster that this cluster is; required with --hub-kubeconfig")
	fs.DurationVar(&f.leaseDuration, "lease-duration", exchange.DefaultLeaseDuration, "how long the hub calls a link live after a renewal of its lease, 3s to 1m, in whole seconds; longer over slow networks; also of the election among replicas")
	fs.DurationVar(&f.renewInterval, "renew-interval", 0, "how often the lease of a link is renewed, at most half of --lease-duration; 0: a third of it")
	fs.StringVar(&f.boot.Kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "path of the kubeconfig for the cluster that the mirror runs on; empty: by its ServiceAccount")
	fs.StringVar(&f.boot.Namespace, "namespace", boot.OperatorNamespace(), "namespace of the mirror: the Secrets with kubeconfigs, labeled ramendr.openshift.io/cluster=<DRCluster>, and the Leases of the election")
	fs.StringVar(&f.boot.HealthAddress, "health-address", ":8081", `address of /healthz and /readyz; "0": none`)
	fs.StringVar(&f.boot.MetricsAddress, "metrics-address", "0", `address of /metrics; "0": none`)
	fs.StringVar(&f.boot.LogLevel, "log-level", "info", "debug, info, warn or error")
	fs.BoolVar(&f.boot.ShowVersion, "version", false, "print the version and exit")
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "credentials" {
		os.Exit(credentials(ctrl.SetupSignalHandler(), os.Args[2:], os.Stdout, os.Stderr, clock.RealClock{}))
	}
	var f flags
	// A set of its own: libraries register flags of the same names in the common one.
	fs := flag.NewFlagSet("mirror", flag.ContinueOnError)
	f.register(fs)
	if err := fs.Parse(os.Args[1:]); err != nil {
		os.Exit(2)
	}
	if f.boot.ShowVersion {
		fmt.Println(boot.Version)
		return
	}
	if err := run(ctrl.SetupSignalHandler(), f); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// keeper keeps links.
type keeper interface {
	Run(ctx context.Context) error
	Ready() error
}

func run(ctx context.Context, f flags) error {
	if err := f.boot.Logging(); err != nil {
		return err
	}
	if err := link.NoticeDeadConnections(f.leaseDuration); err != nil {
		return fmt.Errorf("shorten the health check of connections: %w", err)
	}
	registry := prometheus.NewRegistry()
	keeper, err := f.keeper(registry)
	if err != nil {
		return err
	}
	logger := log.Log.WithName("mirror")
	if f.cluster != "" {
		logger = logger.WithValues("cluster", f.cluster)
	}
	group, ctx := errgroup.WithContext(log.IntoContext(ctx, logger))
	group.Go(func() error { return keeper.Run(ctx) })
	group.Go(func() error { return serveHealth(ctx, f.boot.HealthAddress, keeper.Ready) })
	group.Go(func() error { return serveMetrics(ctx, f.boot.MetricsAddress, registry) })
	return group.Wait()
}

func (f *flags) keeper(registry prometheus.Registerer) (keeper, error) {
	mode, err := f.parsedMode()
	if err != nil {
		return nil, err
	}
	timing, err := f.timing()
	if err != nil {
		return nil, err
	}
	home, err := f.boot.RESTConfig()
	if err != nil {
		return nil, err
	}
	home.QPS = -1 // API servers limit their clients themselves
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find the name of this host: %w", err)
	}
	metrics, err := link.NewMetrics(registry)
	if err != nil {
		return nil, err
	}
	if f.hubKubeconfig != "" {
		return fleet.NewFile(fleet.FileOptions{Cluster: f.cluster, Kubeconfig: f.hubKubeconfig, Home: home,
			Holder: fmt.Sprintf("%s/%d", host, os.Getpid()), Clock: clock.RealClock{}, Timing: timing, Metrics: metrics})
	}
	return fleet.New(fleet.Options{Mode: mode, Home: home, Namespace: f.boot.Namespace, Replica: fmt.Sprintf("%s-%d", host, os.Getpid()),
		Connect: credential.Connect, Clock: clock.RealClock{}, Timing: timing, Metrics: metrics})
}

func (f *flags) timing() (exchange.Timing, error) {
	timing := exchange.TimingOf(f.leaseDuration)
	if f.renewInterval != 0 {
		timing.Renew = f.renewInterval
	}
	if err := timing.Validate(); err != nil {
		return timing, fmt.Errorf("flags --lease-duration and --renew-interval: %w", err)
	}
	return timing, nil
}

func (f *flags) parsedMode() (fleet.Mode, error) {
	switch {
	case f.hubKubeconfig != "" && f.mode != "pull":
		return 0, errors.New("flag --hub-kubeconfig is for --mode=pull")
	case f.hubKubeconfig != "" && f.cluster == "":
		return 0, errors.New("flag --cluster is required with --hub-kubeconfig: the name of the DRCluster that this cluster is")
	case f.hubKubeconfig == "" && f.cluster != "":
		return 0, errors.New("flag --cluster is for --hub-kubeconfig: without it the label of the Secret names the cluster")
	case f.mode == "pull":
		return fleet.Pull, nil
	case f.mode == "push":
		return fleet.Push, nil
	}
	return 0, fmt.Errorf("flag --mode is %q, want pull or push", f.mode)
}
