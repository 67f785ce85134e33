// SPDX-License-Identifier: Apache-2.0

package actors

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

// lookAgain is how long a witness waits for a hub that is away before it looks again.
const lookAgain = 200 * time.Millisecond

// span is a time from one moment to another.
type span struct{ from, to time.Time }

// Witness sees every status that a DRPlacementControl has, and says at the end whether each wait explained itself.
type Witness struct {
	// Limit is how long an operation may be under way without a word on what it waits for, while somebody could say one.
	Limit time.Duration

	app     *app.App
	of      client.ObjectKey
	end     func() // ends the watch; it may be called again
	judged  sync.Once
	mu      sync.Mutex
	samples []sample
	excused []span
}

func newWitness(t *testing.T, l *lab.Lab, a *app.App) *Witness {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	w := &Witness{Limit: Silent, app: a, of: a.DRPC(), end: func() { stop(); gone.Wait() }}
	gone.Go(func() {
		for ctx.Err() == nil {
			if w.look(ctx, l.Cluster(lab.Hub).Client) {
				continue
			}
			select {
			case <-time.After(lookAgain):
			case <-ctx.Done():
			}
		}
	})
	t.Cleanup(func() { w.Judge(t) })
	return w
}

// Judge ends the watch, and fails t for each wait that did not explain itself. It does so once, at the latest when the test
// ends that the witness was made for: a test in which many applications come and go calls it when one is gone.
func (w *Witness) Judge(t *testing.T) {
	t.Helper()
	w.end()
	w.judged.Do(func() {
		t.Helper()
		w.mu.Lock()
		defer w.mu.Unlock()
		assert.Empty(t, complaints(w.samples, w.excused, w.Limit), "each wait of %s explains itself", w.of)
	})
}

// Excuse says that from then until now nobody could say anything: the controller that would was kept from running.
func (w *Witness) Excuse(from time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.excused = append(w.excused, span{from, time.Now()})
}

// look records until the watch ends, as watches do now and then. It reports whether the hub was there.
func (w *Witness) look(ctx context.Context, c client.WithWatch) bool {
	events, err := c.Watch(ctx, &v1alpha1.DRPlacementControlList{}, client.InNamespace(w.of.Namespace))
	if err != nil {
		return false
	}
	defer events.Stop()
	changed, done := w.app.Watching()
	defer done()
	for event := range events.ResultChan() {
		drpc, ok := event.Object.(*v1alpha1.DRPlacementControl)
		if !ok {
			return false
		}
		w.mu.Lock()
		w.samples = append(w.samples, sample{at: time.Now(), deleted: event.Type == watch.Deleted, status: drpc.Status})
		w.mu.Unlock()
		changed()
	}
	return true
}

// Silence is the longest time in which nothing was said so far, but for what is excused.
func (w *Witness) Silence() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var longest time.Duration
	for _, silent := range silences(w.samples, w.excused) {
		longest = max(longest, silent)
	}
	return longest
}

// complaints lists what a user could not have understood.
func complaints(samples []sample, excused []span, limit time.Duration) []string {
	var out []string
	silent := silences(samples, excused)
	for i, s := range samples {
		if silent[i] > limit {
			out = append(out, fmt.Sprintf("nothing said for %s before it was %s %s", silent[i], s.status.Phase, s.status.Progression))
		}
		if s.status.Waiting != nil && !s.deleted {
			out = append(out, unclear(s.status.Waiting, s.at)...)
		}
	}
	return out
}

// silences are how long nothing had been said before each sample, without what is excused.
func silences(samples []sample, excused []span) []time.Duration {
	out := make([]time.Duration, len(samples))
	var quiet time.Time // since when nothing was said; zero: something was
	for i, s := range samples {
		if !quiet.IsZero() {
			out[i] = (span{quiet, s.at}).without(excused)
		}
		switch {
		case s.deleted, s.status.Waiting != nil, s.status.Progression == v1alpha1.ProgressionCompleted:
			quiet = time.Time{}
		case quiet.IsZero():
			quiet = s.at
		}
	}
	return out
}

// without is how long a time is without what others cover of it. They may overlap.
func (s span) without(others []span) time.Duration {
	left := s.to.Sub(s.from)
	for _, o := range slices.SortedFunc(slices.Values(others), func(a, b span) int { return a.from.Compare(b.from) }) {
		if o.from.Before(s.from) {
			o.from = s.from
		}
		if o.to.After(s.to) {
			o.to = s.to
		}
		if o.to.After(o.from) {
			left -= o.to.Sub(o.from)
			s.from = o.to
		}
	}
	return left
}

// hubFacts are awaited from the user or on the hub, not on a cluster.
var hubFacts = []string{"TargetNamed", "PolicyValid", "NoSuchPolicy", "Conflict", "SpecConfirmed", "InvalidSpec"}

func unclear(w *v1alpha1.Waiting, at time.Time) []string {
	var out []string
	missing := func(field string) {
		out = append(out, fmt.Sprintf("waiting for %s on %q has no %s", w.Fact, w.Cluster, field))
	}
	if w.Fact == "" {
		missing("fact")
	}
	// A conflict is about both clusters, or about what one of them claims; a Primary is missed on a cluster that follows it, or on both.
	if w.Fact != "ConflictSolved" && w.Fact != "PrimaryFound" && (w.Cluster == "") != slices.Contains(hubFacts, w.Fact) {
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
