// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"math"
	"os"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
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

// run watches until ctx ends, and starts again after each failure, and when the store is distrusted.
func (w watch) run(ctx context.Context, clock clock.Clock) {
	for ctx.Err() == nil {
		until, end := context.WithCancel(ctx)
		go func() {
			defer end()
			select {
			case <-w.into.distrusted:
			case <-until.Done():
			}
		}()
		w.runOnce(until, clock)
		end()
	}
}

func (w watch) runOnce(ctx context.Context, clock clock.Clock) {
	at := w.peer.at(w.resource, w.namespace)
	where := w.resource.Resource
	if w.namespace != "" {
		where += " in " + w.namespace
	}
	follow := task{w.peer.side, "watch " + where} // by a list and a watch, or by a watch that lists
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
			w.troubles.begin(follow)
			items, err := at.List(ctx, o)
			w.troubles.end(ctx, follow, err)
			return items, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
			w.narrow(&o)
			if o.SendInitialEvents != nil && *o.SendInitialEvents {
				w.into.begin()
			}
			w.troubles.begin(follow)
			events, err := at.Watch(ctx, o)
			w.troubles.end(ctx, follow, err)
			return events, err
		},
	}
	name := w.resource.Resource + " " + w.namespace
	logger := log.FromContext(ctx)
	cache.NewReflectorWithOptions(source, &translate.Object{}, w.into, cache.ReflectorOptions{
		Logger: &logger, Name: name, TypeDescription: w.resource.Resource, Clock: clock, Backoff: rewatch(),
	}).RunWithContext(ctx)
}

func (w watch) narrow(o *metav1.ListOptions) {
	o.LabelSelector = w.label
	if w.name != "" {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, w.name).String()
	}
}

// rewatch is the pause before a watch that failed is started again: short, so that a link is back soon after its network.
func rewatch() *wait.Backoff {
	return &wait.Backoff{Duration: 200 * time.Millisecond, Cap: time.Second, Steps: math.MaxInt32, Factor: 2, Jitter: 0.2}
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
