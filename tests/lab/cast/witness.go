// SPDX-License-Identifier: Apache-2.0

package cast

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
)

// Silent is how long an operation may be under way without a word on what it waits for (I7): the time between two facts.
const Silent = 5 * time.Second

// sample is a status, and when it was seen.
type sample struct {
	at      time.Time
	deleted bool
	status  v1alpha1.DRPlacementControlStatus
}

// Witness sees every status that a DRPlacementControl has, and says at the end of the test whether each wait explained
// itself.
type Witness struct {
	// Limit is how long an operation may be under way without a word on what it waits for.
	Limit   time.Duration
	mu      sync.Mutex
	samples []sample
}

func newWitness(t *testing.T, l *lab.Lab, a *app.App) *Witness {
	t.Helper()
	w := &Witness{Limit: Silent}
	ctx, stop := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	gone.Go(func() {
		for ctx.Err() == nil {
			w.look(ctx, l.Cluster(lab.Hub).Client, a.DRPC())
		}
	})
	t.Cleanup(func() {
		stop()
		gone.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		assert.Empty(t, complaints(w.samples, w.Limit), "each wait of %s explains itself", a.DRPC())
	})
	return w
}

// look records until the watch ends, as watches do now and then.
func (w *Witness) look(ctx context.Context, c client.WithWatch, key client.ObjectKey) {
	events, err := c.Watch(ctx, &v1alpha1.DRPlacementControlList{}, client.InNamespace(key.Namespace))
	if err != nil {
		return
	}
	defer events.Stop()
	for event := range events.ResultChan() {
		drpc, ok := event.Object.(*v1alpha1.DRPlacementControl)
		if !ok {
			return
		}
		w.mu.Lock()
		w.samples = append(w.samples, sample{at: time.Now(), deleted: event.Type == watch.Deleted, status: drpc.Status})
		w.mu.Unlock()
	}
}

// complaints lists what a user could not have understood.
func complaints(samples []sample, limit time.Duration) []string {
	var out []string
	var quiet time.Time // since when nothing was said; zero: something was
	for _, s := range samples {
		if !quiet.IsZero() && s.at.Sub(quiet) > limit {
			out = append(out, fmt.Sprintf("nothing said for %s before it was %s %s", s.at.Sub(quiet), s.status.Phase, s.status.Progression))
		}
		switch {
		case s.deleted, s.status.Progression == v1alpha1.ProgressionCompleted && s.status.Waiting == nil:
			quiet = time.Time{}
		case s.status.Waiting != nil:
			quiet = time.Time{}
			out = append(out, unclear(s.status.Waiting, s.at)...)
		case quiet.IsZero():
			quiet = s.at
		}
	}
	return out
}

// hubFacts are awaited from the user or on the hub, not on a cluster.
var hubFacts = []string{"TargetNamed", "PolicyValid", "ConflictSolved", "NoSuchPolicy", "Conflict", "SpecConfirmed"}

func unclear(w *v1alpha1.Waiting, at time.Time) []string {
	var out []string
	missing := func(field string) {
		out = append(out, fmt.Sprintf("waiting for %s on %q has no %s", w.Fact, w.Cluster, field))
	}
	if w.Fact == "" {
		missing("fact")
	}
	if (w.Cluster == "") != slices.Contains(hubFacts, w.Fact) {
		missing("right cluster")
	}
	if w.Message == "" {
		missing("message")
	}
	if w.NextStep == "" {
		missing("nextStep")
	}
	if w.Since.IsZero() || w.Since.After(at.Add(time.Second)) || at.Sub(w.Since.Time) > time.Hour {
		missing("believable since")
	}
	return out
}
