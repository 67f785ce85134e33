// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/mirror/link"
)

// kept are the links that this replica keeps, or stands for election to keep. Of one cluster there is never more than one at a
// time, however fast its Secret comes and goes: one that was stopped still writes what it had begun to, and its election would
// take a second one of this replica for itself.
type kept struct {
	// keep keeps a link until its context ends; it is called again when it returns, and after pause when it fails.
	keep  func(ctx context.Context, cluster string, r *running) error
	clock clock.Clock
	pause time.Duration
	// gone is called when a link has ended and no other one was asked for.
	gone func(cluster string)

	mu      sync.Mutex
	running map[string]*running
	ending  map[string]*running // stopped last of its cluster, and not ended yet
}

// running is a link that this replica keeps, or stands for election to keep.
type running struct {
	stop  context.CancelFunc
	ended chan struct{}

	mu         sync.Mutex
	credential credentialOf
	bearer     *credential.Bearer // what the link shows; nil: not elected
	link       *link.Link         // nil: not elected
}

// settle starts and stops links, so that those that are wanted are kept.
func (k *kept) settle(ctx context.Context, wanted map[string]credentialOf) {
	k.mu.Lock()
	defer k.mu.Unlock()
	logger := log.FromContext(ctx)
	for cluster, r := range k.running {
		if c, ok := wanted[cluster]; ok && r.goesOnWith(ctx, c) {
			continue
		}
		logger.Info("Stopping link", "cluster", cluster)
		r.stop()
		delete(k.running, cluster)
		k.ending[cluster] = r
		go k.await(cluster, r)
	}
	for cluster, c := range wanted {
		if k.running[cluster] != nil {
			continue
		}
		logger.Info("Starting link", "cluster", cluster, "Secret", c.secret)
		k.running[cluster] = k.start(ctx, cluster, c, k.ending[cluster])
	}
}

// await forgets a link that was stopped when it has ended.
func (k *kept) await(cluster string, r *running) {
	<-r.ended
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ending[cluster] != r {
		return
	}
	delete(k.ending, cluster)
	if k.running[cluster] == nil {
		k.gone(cluster)
	}
}

// start keeps a link once the one before it has ended. It does not wait for that: another link must not wait for it.
func (k *kept) start(ctx context.Context, cluster string, c credentialOf, before *running) *running {
	ctx, stop := context.WithCancel(ctx)
	r := &running{credential: c, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		if before != nil {
			<-before.ended
		}
		ctx := log.IntoContext(ctx, log.FromContext(ctx).WithValues("cluster", cluster))
		for ctx.Err() == nil {
			err := k.keep(ctx, cluster, r)
			if err == nil || ctx.Err() != nil {
				continue
			}
			log.FromContext(ctx).Error(err, "Cannot keep link")
			select {
			case <-ctx.Done():
			case <-k.clock.After(k.pause):
			}
		}
	}()
	return r
}

// stop ends all links, and returns when they have ended.
func (k *kept) stop() {
	k.mu.Lock()
	all := slices.Collect(maps.Values(k.ending))
	for _, r := range k.running {
		r.stop()
		all = append(all, r)
	}
	k.mu.Unlock()
	for _, r := range all {
		<-r.ended
	}
}

// all are the links by cluster.
func (k *kept) all() map[string]*running {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.running)
}

// goesOnWith reports whether the link may go on now that its credential is c. Another token alone does not end it: nothing
// has to be listed again for it.
func (r *running) goesOnWith(ctx context.Context, c credentialOf) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.same(r.credential) {
		return true
	}
	token, only := c.exchanges(r.credential)
	if !only || r.bearer == nil {
		return false
	}
	log.FromContext(ctx).Info("Exchanging token", "Secret", c.secret)
	r.credential = c
	r.bearer.Set(token)
	return true
}

// holds is the credential.
func (r *running) holds() credentialOf {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.credential
}

func (r *running) set(l *link.Link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.link = l
}

func (r *running) get() *link.Link {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.link
}
