// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/credential"
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

// File keeps one link in pull mode. The kubeconfig, and what files it names, may be replaced at any time; a token in them is
// renewed there.
type File struct {
	options FileOptions

	mu   sync.Mutex
	link *link.Link // nil: not started yet
}

// NewFile returns a File that keeps nothing yet. It fails if the kubeconfig can't be used.
func NewFile(o FileOptions) (*File, error) {
	_, err := loadWay(o.Kubeconfig)
	return &File{options: o}, err
}

// Run keeps the link until ctx ends.
func (f *File) Run(ctx context.Context) error {
	now, err := loadWay(f.options.Kubeconfig)
	for err == nil && ctx.Err() == nil {
		now, err = f.keep(ctx, now)
	}
	return err
}

// keep runs the link until ctx ends or the files say another way; then it returns that.
func (f *File) keep(ctx context.Context, now way) (next way, err error) {
	o := f.options
	hub := rest.CopyConfig(now.config)
	bearer := credential.Exchangeable(hub)
	keeper := credential.NewKeeper(exchange.CredentialForHub, hub, bearer, o.Clock, func(_ context.Context, token string) error { return now.store(token) })
	l, err := link.New(link.Options{Cluster: o.Cluster, Hub: hub, Spoke: o.Home, Holder: o.Holder, Clock: o.Clock, Timing: o.Timing, Metrics: o.Metrics, Credential: keeper.Tell})
	if err != nil {
		return now, err
	}
	f.mu.Lock()
	f.link = l
	f.mu.Unlock()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.Run(ctx) })
	group.Go(func() error { keeper.Run(ctx); return nil })
	group.Go(func() error {
		defer stop()
		next = f.follow(ctx, now, bearer)
		return nil
	})
	return next, group.Wait()
}

// follow looks at the files whenever they change. Another token is shown from then on; of another way it returns. When ctx
// ends, it returns the last one.
func (f *File) follow(ctx context.Context, now way, bearer *credential.Bearer) way {
	news := watchFiles(ctx, f.options.Clock, f.options.Timing.Renew)
	defer news.close()
	for {
		news.of(now.files)
		next, err := loadWay(f.options.Kubeconfig)
		switch {
		case err != nil:
			log.FromContext(ctx).Error(err, "Cannot read the kubeconfig; the one that was read before stays in use")
		case next.sum != now.sum:
			log.FromContext(ctx).Info("Restarting link: its kubeconfig has changed")
			return next
		case next.config.BearerToken != bearer.Get():
			log.FromContext(ctx).Info("Exchanging token")
			bearer.Set(next.config.BearerToken)
		}
		if !news.wait(ctx) {
			return now
		}
	}
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
