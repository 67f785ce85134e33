// SPDX-License-Identifier: Apache-2.0

package stories

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

// silent is how long an operation may be under way without a word on what it waits for (I7): the time between two facts.
const silent = 5 * time.Second

// sample is a status, and when it was seen.
type sample struct {
	at      time.Time
	deleted bool
	status  v1alpha1.DRPlacementControlStatus
}

// witness sees every status that a DRPlacementControl has, and says at the end of the test whether each wait explained
// itself.
type witness struct {
	limit   time.Duration // in place of silent
	mu      sync.Mutex
	samples []sample
}

func newWitness(t *testing.T, l *lab.Lab, a *app.App) *witness {
	t.Helper()
	w := &witness{limit: silent}
	ctx, stop := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	gone.Go(func() {
		for ctx.Err() == nil {
			w.look(ctx, l.Cluster(lab.Hub).Client, a.Key())
		}
	})
	t.Cleanup(func() {
		stop()
		gone.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		assert.Empty(t, complaints(w.samples, w.limit), "each wait of %s explains itself", a.Key())
	})
	return w
}

// look records until the watch ends, as watches do now and then.
func (w *witness) look(ctx context.Context, c client.WithWatch, key client.ObjectKey) {
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

func TestAWaitThatSaysNothingIsNoticed(t *testing.T) {
	begin := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	after := func(d time.Duration, s v1alpha1.DRPlacementControlStatus) sample {
		return sample{at: begin.Add(d), status: s}
	}
	under := v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.FailingOver, Progression: v1alpha1.ProgressionWaitForReadiness}
	done := v1alpha1.DRPlacementControlStatus{Phase: v1alpha1.FailedOver, Progression: v1alpha1.ProgressionCompleted}
	half := under
	half.Waiting = &v1alpha1.Waiting{Fact: "Answer", Cluster: "dr1"}
	assert.Len(t, complaints([]sample{after(0, under), after(3*time.Second, under), after(6*time.Second, done)}, silent), 1)
	assert.Empty(t, complaints([]sample{after(0, under), after(3*time.Second, done), after(9*time.Second, under)}, silent))
	assert.Len(t, complaints([]sample{after(0, half)}, silent), 3, "no message, no nextStep, no since")
}
