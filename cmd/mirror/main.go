// SPDX-License-Identifier: Apache-2.0

// Command mirror keeps the link between the hub and the cluster that it runs on: wishes become copies, copies become
// reports. It opens all connections itself; on the hub it may touch only the outbox and the inbox of its cluster.
//
// It serves /healthz, and /readyz, which fails while the hub would take the cluster for lost.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/internal/boot"
	"github.com/ramendr/ramen-direct/mirror/link"
)

// flags of the process. It needs none of the flags of a manager.
type flags struct {
	boot          boot.Flags
	hubKubeconfig string
	cluster       string
}

func (f *flags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.cluster, "cluster", "", "name of the DRCluster that this cluster is; required")
	fs.StringVar(&f.hubKubeconfig, "hub-kubeconfig", "", "path of the kubeconfig for the hub; a tokenFile that it names is renewed, and may be replaced at any time; required")
	fs.StringVar(&f.boot.Kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "path of the kubeconfig for the cluster; empty: the cluster that the process runs in")
	fs.StringVar(&f.boot.HealthAddress, "health-address", ":8081", `address of /healthz and /readyz; "0": none`)
	fs.StringVar(&f.boot.LogLevel, "log-level", "info", "debug, info, warn or error")
	fs.BoolVar(&f.boot.ShowVersion, "version", false, "print the version and exit")
}

func main() {
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

func run(ctx context.Context, f flags) error {
	if f.cluster == "" {
		return errors.New("flag --cluster is required: the name of the DRCluster that this cluster is")
	}
	if f.hubKubeconfig == "" {
		return errors.New("flag --hub-kubeconfig is required: the path of the kubeconfig for the hub")
	}
	if err := f.boot.Logging(); err != nil {
		return err
	}
	if err := link.NoticeDeadConnections(); err != nil {
		return fmt.Errorf("shorten the health check of connections: %w", err)
	}
	spoke, err := f.boot.RESTConfig()
	if err != nil {
		return err
	}
	hub, err := (&boot.Flags{Kubeconfig: f.hubKubeconfig}).RESTConfig()
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	holder, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find the name of this host: %w", err)
	}
	l, err := link.New(link.Options{Cluster: f.cluster, Hub: hub, Spoke: spoke, Holder: fmt.Sprintf("%s/%d", holder, os.Getpid()), Clock: clock.RealClock{}})
	if err != nil {
		return err
	}
	logger := log.Log.WithName("mirror").WithValues("cluster", f.cluster)
	group, ctx := errgroup.WithContext(log.IntoContext(ctx, logger))
	group.Go(func() error { return l.Run(ctx) })
	group.Go(func() error { return link.KeepToken(ctx, hub, f.cluster, clock.RealClock{}) })
	group.Go(func() error { return serveHealth(ctx, f.boot.HealthAddress, l.Live) })
	return group.Wait()
}

// serveHealth answers probes until ctx ends.
func serveHealth(ctx context.Context, address string, live func() error) error {
	if address == "0" {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("flag --health-address %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/healthz", http.StripPrefix("/healthz", &healthz.Handler{}))
	mux.Handle("/readyz", http.StripPrefix("/readyz", &healthz.Handler{
		Checks: map[string]healthz.Checker{"link": func(*http.Request) error { return live() }},
	}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve probes: %w", err)
	}
	return nil
}
