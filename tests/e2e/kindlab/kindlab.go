// SPDX-License-Identifier: Apache-2.0

// Package kindlab is the lab on kind: three clusters of containers, with real kubelets and real Pods. It promises to
// install the project by the commands of docs/kind.md, with the manifests and images of make image and make dist, and that
// the stories of the embedded lab can be told on it. It needs Docker and kubectl.
package kindlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/source"
)

// Interval is how long the scheduling interval of the policy, a minute, lasts here: the storage driver is told so in
// tests/e2e/config.
const Interval = 10 * time.Second

const (
	// ready is how long a cluster may take to start.
	ready = 10 * time.Minute
	// requestTimeout ends requests to a cluster that is paused.
	requestTimeout = 10 * time.Second
)

// Options of the lab.
type Options struct {
	NodeImage    string    // empty: the one that kind chooses
	VolSyncImage string    // empty: VolSync is not installed
	Log          io.Writer // progress, a line each
}

// Lab is three clusters of kind.
type Lab struct {
	root     string // of the project
	options  Options
	provider *cluster.Provider

	mu       sync.Mutex
	clusters map[string]*lab.Cluster // a hub that is replaced has another address
}

func open(ctx context.Context, o Options) (*Lab, error) {
	root, err := source.Root(ctx)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return &Lab{root: root, options: o, provider: cluster.NewProvider(cluster.ProviderWithDocker()), clusters: map[string]*lab.Cluster{}}, nil
}

// Up creates the clusters that do not exist yet, loads the images and installs everything. It may be called again.
func Up(ctx context.Context, o Options) (*Lab, error) {
	l, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.create() })
	group.Go(func() error { return l.buildImages(groupCtx) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, name := range lab.Clusters() {
		if err := l.load(name); err != nil {
			return nil, err
		}
	}
	if err := l.connect(ctx); err != nil {
		return nil, err
	}
	if o.VolSyncImage != "" {
		if err := l.installVolSync(ctx, o.VolSyncImage); err != nil {
			return nil, err
		}
	}
	return l, l.install(ctx)
}

// Open is the lab that Up made.
func Open(ctx context.Context, o Options) (*Lab, error) {
	l, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	return l, l.connect(ctx)
}

// Down deletes the clusters, and what their storage kept.
func Down(ctx context.Context, o Options) error {
	l, err := open(ctx, o)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range lab.Clusters() {
		errs = append(errs, l.provider.Delete(name, ""))
	}
	return errors.Join(append(errs, os.RemoveAll(l.DataDir()))...)
}

func (l *Lab) log(format string, args ...any) {
	_, _ = fmt.Fprintf(l.options.Log, format+"\n", args...)
}

// create makes the clusters one after the other: three at once starve each other on a small machine.
func (l *Lab) create() error {
	there, err := l.provider.List()
	if err != nil {
		return fmt.Errorf("list clusters of kind: %w", err)
	}
	if err := os.MkdirAll(l.DataDir(), 0o755); err != nil {
		return err
	}
	for _, name := range lab.Clusters() {
		if slices.Contains(there, name) {
			l.log("cluster %s exists", name)
			continue
		}
		if err := l.createCluster(name, l.options.NodeImage); err != nil {
			return err
		}
	}
	return nil
}

// createCluster creates a cluster from kind-configs. image may be empty: the one that kind chooses.
func (l *Lab) createCluster(name, image string) error {
	config, err := l.config(name)
	if err != nil {
		return err
	}
	for i := range config.Nodes {
		for j := range config.Nodes[i].ExtraMounts {
			// kind is called in the folder of the project; this process may run anywhere.
			m := &config.Nodes[i].ExtraMounts[j]
			m.HostPath = filepath.Join(l.root, m.HostPath)
		}
	}
	l.log("cluster %s: create", name)
	if err := l.provider.Create(name, cluster.CreateWithV1Alpha4Config(config), cluster.CreateWithNodeImage(image),
		cluster.CreateWithWaitForReady(ready)); err != nil {
		return fmt.Errorf("create cluster %s: %w", name, err)
	}
	return nil
}

// config is what kind-configs say of a cluster.
func (l *Lab) config(name string) (*v1alpha4.Cluster, error) {
	text, err := os.ReadFile(filepath.Join(l.root, "kind-configs", name+".yaml"))
	if err != nil {
		return nil, err
	}
	config := &v1alpha4.Cluster{}
	if err := yaml.UnmarshalStrict(text, config); err != nil {
		return nil, fmt.Errorf("read kind-configs/%s.yaml: %w", name, err)
	}
	return config, nil
}

// run runs a command in the folder of the project and returns what it prints.
func (l *Lab) run(ctx context.Context, stdin string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = l.root
	cmd.Stdin = strings.NewReader(stdin)
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, problems.String())
	}
	return out.String(), nil
}
