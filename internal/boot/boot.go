// SPDX-License-Identifier: Apache-2.0

// Package boot holds what the main packages share: flags, logging, the manager. It promises that a process ends with a
// message that names what is wrong with its flags, and that it stops cleanly on a signal.
package boot

import (
	"flag"
	"fmt"
	"os"

	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/ramendr/ramen-direct/internal/rewind"
)

// Version of the programs; set by the linker.
var Version = "dev"

// Flags are the flags that every controller process has.
type Flags struct {
	Kubeconfig     string // path; empty: the cluster that the process runs in
	HealthAddress  string // host:port; "0": none
	MetricsAddress string // host:port; "0": none
	LeaderElection bool
	Namespace      string // namespace of the operator: leases of leader election, configuration
	LogLevel       string
	ShowVersion    bool
}

// Register adds the flags to fs, with their defaults.
func (f *Flags) Register(fs *flag.FlagSet) {
	fs.StringVar(&f.Kubeconfig, "kubeconfig", os.Getenv("KUBECONFIG"), "path of the kubeconfig; empty: the cluster that the process runs in")
	fs.StringVar(&f.HealthAddress, "health-address", ":8081", `address of /healthz and /readyz; "0": none`)
	fs.StringVar(&f.MetricsAddress, "metrics-address", "0", `address of /metrics; "0": none`)
	fs.BoolVar(&f.LeaderElection, "leader-elect", false, "run only while holding the lease, so that several replicas can run")
	fs.StringVar(&f.Namespace, "namespace", OperatorNamespace(), "namespace of the operator: its configuration and its lease")
	fs.StringVar(&f.LogLevel, "log-level", "info", "debug, info, warn or error")
	fs.BoolVar(&f.ShowVersion, "version", false, "print the version and exit")
}

// OperatorNamespace is the namespace of the operator if no flag names another.
func OperatorNamespace() string {
	if ns := os.Getenv("POD_NAMESPACE"); ns != "" {
		return ns
	}
	return "ramen-system"
}

// Logging sets up the process's logger.
func (f *Flags) Logging() error {
	level, err := zapcore.ParseLevel(f.LogLevel)
	if err != nil {
		return fmt.Errorf("flag --log-level: %w", err)
	}
	cfg := zap.NewProductionConfig()
	cfg.Level = zap.NewAtomicLevelAt(level)
	cfg.EncoderConfig.EncodeTime = zapcore.ISO8601TimeEncoder
	cfg.Sampling = nil
	logger, err := cfg.Build()
	if err != nil {
		return fmt.Errorf("build logger: %w", err)
	}
	log.SetLogger(zapr.NewLogger(logger))
	return nil
}

// RESTConfig is the connection to the API server that the flags name.
func (f *Flags) RESTConfig() (*rest.Config, error) {
	if f.Kubeconfig == "" {
		cfg, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("flag --kubeconfig is empty and this is no Pod: %w", err)
		}
		return cfg, nil
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", f.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("flag --kubeconfig %s: %w", f.Kubeconfig, err)
	}
	return cfg, nil
}

// Run parses the arguments, builds a manager with options, lets setup add controllers to it and runs it until a signal
// arrives. leaderID names the lease of leader election. It returns the exit code of the process.
func Run(leaderID string, fs *flag.FlagSet, options func(Flags) (manager.Options, error), setup func(manager.Manager, Flags) error) int {
	var f Flags
	f.Register(fs)
	if err := fs.Parse(os.Args[1:]); err != nil {
		return 2
	}
	if f.ShowVersion {
		fmt.Println(Version)
		return 0
	}
	if err := run(leaderID, f, options, setup); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return 0
}

func run(leaderID string, f Flags, options func(Flags) (manager.Options, error), setup func(manager.Manager, Flags) error) error {
	if err := f.Logging(); err != nil {
		return err
	}
	cfg, err := f.RESTConfig()
	if err != nil {
		return err
	}
	// The API server's priority and fairness limits clients; a second limit in the client only adds latency.
	cfg.QPS = -1
	rewind.Notice(cfg)
	opts, err := options(f)
	if err != nil {
		return err
	}
	opts.HealthProbeBindAddress = f.HealthAddress
	opts.Metrics.BindAddress = f.MetricsAddress
	opts.LeaderElection = f.LeaderElection
	opts.LeaderElectionID = leaderID
	opts.LeaderElectionNamespace = f.Namespace
	opts.LeaderElectionReleaseOnCancel = true
	mgr, err := ctrl.NewManager(cfg, opts)
	if err != nil {
		return fmt.Errorf("build manager: %w", err)
	}
	if err := setup(mgr, f); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthy); err != nil {
		return fmt.Errorf("add health check: %w", err)
	}
	if err := mgr.AddReadyzCheck("ping", healthy); err != nil {
		return fmt.Errorf("add readiness check: %w", err)
	}
	if err := mgr.Start(ctrl.SetupSignalHandler()); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}
