// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/binaries"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/proc"
	"github.com/ramendr/ramen-direct/tests/lab/registry"
	"github.com/ramendr/ramen-direct/tests/lab/supervise"
)

const (
	// startTimeout bounds the start of one part of the lab, on a machine that is busy with other things.
	startTimeout = 3 * time.Minute
	// downTimeout bounds how long Down waits for the end of processes that were killed.
	downTimeout = 20 * time.Second
)

// Options of a lab.
type Options struct {
	// Dir is the folder of the lab; it must be empty or absent, and it is removed at the end. Empty: DefaultDir.
	Dir string
	// Log gets progress, a line each. Nil: nobody.
	Log io.Writer
	// Intervals tells how long a scheduling interval really lasts in this lab: {"1m": 2 * time.Second}.
	Intervals map[string]time.Duration
	// Storage is what the storage is like, a flag of the driver: ideal, rbd, array, slow, plain or stub (engine.Kind). Empty: ideal.
	// The last two are for csi-addons only.
	Storage string
	// CSIAddons is who obeys VolumeReplications.
	CSIAddons CSIAddons
	// Sidecars says that volumes are made, deleted, resized and snapshotted by the sidecars of Kubernetes' CSI project, and not by the
	// storage driver in their place. It needs CSIAddons, whose Secret they use.
	Sidecars bool
	// Restart starts controllers again that died, as their Deployments would.
	Restart bool
	// LeaseDuration is how long the hub calls a link live after a renewal. Zero: 3 seconds, the least that mirrors take, so
	// that a lost link is told soon.
	LeaseDuration time.Duration
}

// Lab is a running lab. Its methods may be called from several goroutines.
type Lab struct {
	dir      string
	basePort int
	options  Options
	programs string // folder of the programs of others
	clusters map[string]*Cluster

	// Of the owner only: a lab that was opened cannot start services.
	supervisor *supervise.Supervisor
	registry   registry.Registry
	entry      registry.Lab

	mu    sync.Mutex
	state State
}

// DefaultDir is the folder of the lab that people use by hand.
func DefaultDir() (string, error) {
	cache, err := binaries.CacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "run"), nil
}

// Start starts the clusters, the S3 server and the links. The lab ends with Down or with this process. Labs that crashed
// are cleaned up first. If it fails, nothing is left.
func Start(ctx context.Context, o Options) (*Lab, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Dir == "" {
		dir, err := DefaultDir()
		if err != nil {
			return nil, err
		}
		o.Dir = dir
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("start lab: %w", err)
	}
	programs, err := binaries.Ensure(ctx, o.Log)
	if err != nil {
		return nil, fmt.Errorf("start lab: %w", err)
	}
	reg, err := registry.Default()
	if err != nil {
		return nil, err
	}
	entry, err := reg.Add(ctx, dir)
	if err != nil {
		return nil, err
	}
	l := &Lab{
		dir:      dir,
		basePort: entry.BasePort,
		options:  o,
		programs: programs,
		registry: reg,
		entry:    entry,
		clusters: map[string]*Cluster{},
	}
	l.supervisor = supervise.New(dir, func(services []supervise.State) error {
		return l.save(func(s *State) { s.Services = services })
	})
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(err, l.Down())
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	wall := clock.RealClock{}
	began := wall.Now()
	if err := errors.Join(os.MkdirAll(l.dir, 0o755), os.MkdirAll(l.LogDir(), 0o755)); err != nil {
		return fmt.Errorf("start lab: %w", err)
	}
	if err := l.save(func(s *State) { s.Owner, s.BasePort = l.entry.Owner, l.basePort }); err != nil {
		return err
	}
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	for _, name := range Clusters() {
		group.Go(func() error {
			c, err := l.startCluster(groupCtx, name)
			if err != nil {
				return fmt.Errorf("start cluster %s: %w", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			l.clusters[name] = c
			return nil
		})
	}
	group.Go(func() error { return l.startS3(groupCtx) })
	group.Go(func() error { return l.startProxy(groupCtx) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("start lab: %w", err)
	}
	l.log("clusters, object stores and links are ready after %s", wall.Since(began).Round(time.Millisecond))
	return nil
}

// startProxy starts the process that serves the links.
func (l *Lab) startProxy(ctx context.Context) error {
	if err := binaries.Project(ctx, l.binDir(), programLab); err != nil {
		return err
	}
	return l.supervisor.Start(ctx, supervise.Service{
		Name:    serviceProxy,
		Address: "http://" + l.address(serviceProxy),
		Command: l.command(serviceProxy, filepath.Join(l.binDir(), programLab), l.proxyArgs()...),
		Ready:   faultproxy.NewClient(l.address(serviceProxy)).Ready,
	})
}

// Open returns the running lab in a folder, for a process that did not start it: it can use the clusters, break links
// and end the lab, but not start services. It fails with ErrNotRunning if there is none.
func Open(dir string) (*Lab, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	state, err := readState(dir)
	if err != nil {
		return nil, err
	}
	l := &Lab{
		dir:      dir,
		basePort: state.BasePort,
		state:    state,
		clusters: map[string]*Cluster{},
		options:  Options{Log: io.Discard},
	}
	for _, name := range Clusters() {
		// A lab that is still starting has no kubeconfig for some clusters yet.
		if c, err := l.openCluster(name); err == nil {
			l.clusters[name] = c
		}
	}
	return l, nil
}

// Down ends the lab and removes its folder: nothing is left. To end it twice is no error.
func (l *Lab) Down() error {
	if l.supervisor == nil {
		_, err := Down(l.dir)
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), downTimeout)
	defer cancel()
	return errors.Join(l.supervisor.Close(), l.registry.Remove(ctx, l.entry))
}

// Dir is the folder of the lab.
func (l *Lab) Dir() string { return l.dir }

// DataDir is the folder below which the storage driver has its volumes: <cluster>/volumes/<handle>.
func (l *Lab) DataDir() string { return filepath.Join(l.dir, "data") }

// LogDir is the folder of the logs: <service>.log.
func (l *Lab) LogDir() string { return filepath.Join(l.dir, "log") }

// Cluster is one of Clusters; nil if it does not run yet.
func (l *Lab) Cluster(name string) *Cluster { return l.clusters[name] }

// State tells what runs.
func (l *Lab) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *Lab) log(format string, args ...any) { fmt.Fprintf(l.options.Log, format+"\n", args...) }

// binDir is the folder of the programs of this project.
func (l *Lab) binDir() string { return filepath.Join(l.dir, "bin") }

// program is the path of a program of others.
func (l *Lab) program(name string) string { return filepath.Join(l.programs, name) }

// command runs a program with its output in the log of a service.
func (l *Lab) command(service, program string, args ...string) proc.Command {
	return proc.Command{Path: program, Args: args, Dir: l.dir, Log: filepath.Join(l.LogDir(), service+".log")}
}
