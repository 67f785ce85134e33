// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/link"
)

// FileOptions are those of a link whose way to the hub is a kubeconfig in a file. All are required.
type FileOptions struct {
	Cluster    string
	Kubeconfig string // path of the file
	Home       *rest.Config
	Holder     string
	Clock      clock.Clock
	Timing     exchange.Timing // of the lease
	Metrics    *link.Metrics
}

// File keeps one link in pull mode. The kubeconfig, and what files it names, may be replaced at any time.
type File struct {
	options FileOptions

	mu   sync.Mutex
	link *link.Link // nil: not started yet
}

// NewFile returns a File that keeps nothing yet. It fails if the kubeconfig can't be used.
func NewFile(o FileOptions) (*File, error) {
	f := &File{options: o}
	_, _, err := f.load()
	return f, err
}

// Run keeps the link until ctx ends.
func (f *File) Run(ctx context.Context) error {
	hub, sum, err := f.load()
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := f.keep(ctx, hub, sum, func(nextHub *rest.Config, nextSum [sha256.Size]byte) { hub, sum = nextHub, nextSum }); err != nil {
			return err
		}
	}
	return nil
}

// keep runs the link until ctx ends or the files have changed; then it calls changed.
func (f *File) keep(ctx context.Context, hub *rest.Config, sum [sha256.Size]byte, changed func(*rest.Config, [sha256.Size]byte)) error {
	o := f.options
	l, err := link.New(link.Options{Cluster: o.Cluster, Hub: hub, Spoke: o.Home, Holder: o.Holder, Clock: o.Clock, Timing: o.Timing, Metrics: o.Metrics})
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.link = l
	f.mu.Unlock()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.Run(ctx) })
	group.Go(func() error { return link.KeepToken(ctx, hub, o.Cluster, o.Clock) })
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-o.Clock.After(o.Timing.Renew):
			}
			nextHub, nextSum, err := f.load()
			switch {
			case err != nil:
				log.FromContext(ctx).Error(err, "Go on with the kubeconfig that was read before")
			case nextSum != sum:
				log.FromContext(ctx).Info("Start link anew: its kubeconfig has changed")
				changed(nextHub, nextSum)
				stop()
				return nil
			}
		}
	})
	return group.Wait()
}

// load reads the kubeconfig, and a sum of it and of the files that it names; a token file is not among them: that is read
// anew by each connection.
func (f *File) load() (*rest.Config, [sha256.Size]byte, error) {
	none := [sha256.Size]byte{}
	cfg, err := clientcmd.BuildConfigFromFlags("", f.options.Kubeconfig)
	if err != nil {
		return nil, none, fmt.Errorf("read kubeconfig %s: %w", f.options.Kubeconfig, err)
	}
	sum := sha256.New()
	for _, file := range []string{f.options.Kubeconfig, cfg.CAFile, cfg.CertFile, cfg.KeyFile} {
		if file == "" {
			continue
		}
		text, err := os.ReadFile(file) //nolint:gosec // files that the user of the program names
		if err != nil {
			return nil, none, fmt.Errorf("read kubeconfig %s: %w", f.options.Kubeconfig, err)
		}
		each := sha256.Sum256(text)
		sum.Write(each[:])
	}
	return cfg, [sha256.Size]byte(sum.Sum(nil)), nil
}

// Ready fails if the hub does not take the link for live.
func (f *File) Ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.link == nil {
		return fmt.Errorf("%w: it has not started yet", link.ErrNotLive)
	}
	return f.link.Live()
}
