// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"os"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ramendr/ramen-direct/mirror/translate"
)

// watch fills a store with the objects of a resource.
type watch struct {
	peer      peer
	resource  schema.GroupVersionResource
	namespace string // empty: all, or not namespaced
	name      string // empty: all
	label     string // selector; empty: all
	into      *store
	troubles  *troubles
}

// run watches until ctx ends, and begins again after each failure, and when the store is distrusted. It pauses in between,
// unless the watch has lived for some time.
func (w watch) run(ctx context.Context, clock clock.Clock) {
	where := w.resource.Resource
	if w.namespace != "" {
		where += " in " + w.namespace
	}
	p := newPauses(clock, w.troubles, task{w.peer.side, "watch " + where}) // by a list and a watch, or by a watch that lists
	for ctx.Err() == nil {
		select {
		case <-w.into.distrusted: // everything is listed now
		default:
		}
		until, end := context.WithCancel(ctx)
		go func() {
			defer end()
			select {
			case <-w.into.distrusted:
			case <-until.Done():
			}
		}()
		last := w.runOnce(until, clock, p)
		end()
		p.wait(ctx, p.after(ctx, last))
	}
}

// runOnce lists and watches until that fails, or until ctx ends.
func (w watch) runOnce(ctx context.Context, clock clock.Clock, p *pauses) (last listed) {
	at := w.peer.at(w.resource, w.namespace)
	// When its context ends, the reflector leaves a list to itself. It is waited for here, and none begins later: it would ask
	// the API server when Run has returned, and pass for a list of the next reflector.
	var asking sync.RWMutex
	defer func() {
		asking.Lock()
		defer asking.Unlock()
	}()
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			asking.RLock()
			defer asking.RUnlock()
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			w.narrow(&o)
			if o.ResourceVersion == "0" {
				o.ResourceVersion = "" // a list from a cache could lack what exists, and absence means something here
			}
			if o.Continue == "" { // a further page is of the list that began with the first
				w.into.begin()
			}
			w.troubles.begin(p.follow)
			items, err := at.List(ctx, o)
			p.answered(ctx, err)
			return items, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
			w.narrow(&o)
			if o.SendInitialEvents != nil && *o.SendInitialEvents {
				w.into.begin()
			}
			w.troubles.begin(p.follow)
			events, err := at.Watch(ctx, o)
			p.began(ctx, err)
			return events, err
		},
	}
	name := w.resource.Resource + " " + w.namespace
	logger := log.FromContext(ctx)
	into := listing{w.into, func() { last = listed{at: clock.Now(), trusted: w.into.trust()} }}
	r := cache.NewReflectorWithOptions(source, &translate.Object{}, into, cache.ReflectorOptions{
		Logger: &logger, Name: name, TypeDescription: w.resource.Resource, Clock: clock, Backoff: new(unlisted()),
	})
	if err := r.ListAndWatchWithContext(ctx); err != nil {
		cache.DefaultWatchErrorHandler(ctx, r, err)
	}
	return last
}

func (w watch) narrow(o *metav1.ListOptions) {
	o.LabelSelector = w.label
	if w.name != "" {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, w.name).String()
	}
}

// Variables by which client-go lets the health check of its HTTP/2 connections be set, in seconds.
const (
	envIdle = "HTTP2_READ_IDLE_TIMEOUT_SECONDS"
	envPing = "HTTP2_PING_TIMEOUT_SECONDS"
)

// NoticeDeadConnections makes each connection of this process that is made after the call end, once nothing comes back,
// no later than a lease of that duration does: a ping after a quarter of it in silence, and another quarter for its answer,
// each in whole seconds, but at least 2 for the answer, since an API server may be busy for a second (X5; the default of
// client-go is 45 seconds). Values that are set already stay.
func NoticeDeadConnections(lease time.Duration) error {
	quarter := max(1, int((lease/4+time.Second/2)/time.Second))
	for name, seconds := range map[string]int{envIdle: quarter, envPing: max(2, quarter)} {
		if _, set := os.LookupEnv(name); set {
			continue
		}
		if err := os.Setenv(name, strconv.Itoa(seconds)); err != nil {
			return err
		}
	}
	return nil
}
