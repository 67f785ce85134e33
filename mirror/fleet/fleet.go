// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/link"
)

// Mode tells where the mirror runs.
type Mode uint8

// Modes.
const (
	// Pull : on the cluster. Home is the cluster, the Secret leads to the hub.
	Pull Mode = iota
	// Push : on the hub. Home is the hub, the Secrets lead to the clusters.
	Push
)

// Options of a Fleet. All are required.
type Options struct {
	Mode Mode
	// Home is the connection to the API server of the cluster that the mirror runs on.
	Home *rest.Config
	// Namespace at home holds the Secrets with kubeconfigs and the Leases of the election.
	Namespace string
	// Replica is the name of this process, as no other has it: letters, digits, dots and dashes.
	Replica string
	// Connect reads a kubeconfig.
	Connect func(kubeconfig []byte) (*rest.Config, error)
	Clock   clock.Clock
	// Timing of the leases of links, and of those by which replicas see each other.
	Timing  exchange.Timing
	Metrics *link.Metrics
}

// Fleet keeps links.
type Fleet struct {
	options Options
	home    kubernetes.Interface
	changed chan struct{} // something that decides about links did

	kept *kept

	mu      sync.Mutex
	listed  bool
	members []string // replicas that are alive, as this one sees it
}

// New returns a Fleet that keeps nothing yet.
func New(o Options) (*Fleet, error) {
	home, err := kubernetes.NewForConfig(o.Home)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", o.Home.Host, err)
	}
	f := &Fleet{options: o, home: home, changed: make(chan struct{}, 1)}
	f.kept = &kept{
		keep: func(ctx context.Context, cluster string, r *running) error {
			return f.elected(ctx, cluster, func(ctx context.Context) error { return f.keep(ctx, cluster, r) })
		},
		clock: o.Clock, pause: o.Timing.Duration, gone: o.Metrics.Forget,
		running: map[string]*running{}, ending: map[string]*running{},
	}
	return f, nil
}

// Run keeps links until ctx ends. It never gives up by itself.
func (f *Fleet) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	known, err := f.watch(ctx, group)
	if err != nil {
		return err
	}
	group.Go(func() error { f.keepMembership(ctx); return nil })
	group.Go(func() error {
		defer f.kept.stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-f.changed:
				f.settle(ctx, known)
			}
		}
	})
	return group.Wait()
}

func (f *Fleet) wake() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// settle starts and stops links, so that this replica keeps those that are its part.
func (f *Fleet) settle(ctx context.Context, known *known) {
	if !known.complete() {
		return
	}
	wanted := known.credentials(ctx)
	f.mu.Lock()
	f.listed = true
	members := f.members
	f.mu.Unlock()
	for cluster := range wanted {
		if preferred(cluster, members) != f.options.Replica {
			delete(wanted, cluster)
		}
	}
	f.kept.settle(ctx, wanted)
}

// keep runs the link, and renews its credentials, until ctx ends.
func (f *Fleet) keep(ctx context.Context, cluster string, r *running) error {
	remote, err := r.connect(f.options.Connect)
	if err != nil {
		return err
	}
	o := link.Options{Cluster: cluster, Hub: remote, Spoke: f.options.Home, Holder: f.options.Replica, Clock: f.options.Clock, Timing: f.options.Timing, Metrics: f.options.Metrics}
	accepts := exchange.CredentialForHub
	if f.options.Mode == Push {
		accepts = exchange.CredentialForCluster
		o.Hub, o.Spoke = rest.CopyConfig(f.options.Home), remote
		o.Hub.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + exchange.Inbox(cluster) + ":" + exchange.ServiceAccount}
	}
	keeper := credential.NewKeeper(accepts, remote, r.bearer, f.options.Clock, func(ctx context.Context, token string) error { return f.store(ctx, r.holds(), token) })
	o.Credential = keeper.Tell
	l, err := link.New(o)
	if err != nil {
		return err
	}
	r.set(l)
	defer r.set(nil)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.Run(ctx) })
	group.Go(func() error {
		keeper.Run(log.IntoContext(ctx, log.FromContext(ctx).WithValues("Secret", r.holds().secret)))
		return nil
	})
	return group.Wait()
}

// connect is the way to the other end, with a token that may be exchanged.
func (r *running) connect(by func([]byte) (*rest.Config, error)) (*rest.Config, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	remote, err := by(r.credential.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("credentials in Secret %s: %w", r.credential.secret, err)
	}
	r.bearer = credential.Exchangeable(remote)
	return remote, nil
}

// States are the states of the links that this replica keeps, by cluster.
func (f *Fleet) States() map[string]link.State {
	out := map[string]link.State{}
	for cluster, r := range f.kept.all() {
		if l := r.get(); l != nil {
			out[cluster] = l.State()
		}
	}
	return out
}

// Ready fails while the mirror does not do its work. On the hub a cluster that can't be reached is no reason: a mirror
// that is replaced because of it would let go of all the others.
func (f *Fleet) Ready() error {
	f.mu.Lock()
	listed := f.listed
	f.mu.Unlock()
	links := len(f.kept.all())
	if !listed {
		return errors.New("the Secrets with kubeconfigs are not listed yet")
	}
	if f.options.Mode == Push {
		return nil
	}
	if links == 0 && f.alone() {
		return fmt.Errorf("there is no Secret with label %s in namespace %s", exchange.LabelCluster, f.options.Namespace)
	}
	states := f.States()
	for _, cluster := range slices.Sorted(maps.Keys(states)) {
		if s := states[cluster]; s.Phase != link.Live {
			return fmt.Errorf("%w: %s", link.ErrNotLive, s)
		}
	}
	return nil
}

func (f *Fleet) alone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.members) <= 1
}

// leaseName is the name of the Lease by which a link, or a replica, is told; parts that no name may hold are not expected.
func leaseName(kind, name string) string { return "mirror-" + kind + "-" + strings.ToLower(name) }
