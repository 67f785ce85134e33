// SPDX-License-Identifier: Apache-2.0

package link

import (
	"context"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

const (
	// steady is how long a watch lives that works: one that ends later is begun again at once.
	steady = 5 * time.Second
	// unsteadyAfter is how many watches in a row end early before users are told: one alone is most often a network that is cut.
	unsteadyAfter = 2
)

// unlisted is the pause before a list that failed is made again: short, so that a link is back soon after its network. Such a
// request costs little.
func unlisted() wait.Backoff {
	return wait.Backoff{Duration: 200 * time.Millisecond, Cap: time.Second, Steps: math.MaxInt32, Factor: 2, Jitter: 0.2}
}

// unwatched is the pause after a watch that ended early though the list before it was complete: each further one costs a whole
// list.
func unwatched() wait.Backoff {
	return wait.Backoff{Duration: 200 * time.Millisecond, Cap: 10 * time.Second, Steps: math.MaxInt32, Factor: 2, Jitter: 0.5}
}

// pauses are those of one watch, between its end and when it is begun again.
type pauses struct {
	clock    clock.Clock
	troubles *troubles
	follow   task

	unlisted, unwatched wait.Backoff
	early               int       // watches in a row that ended early, though nothing was wrong with their lists
	since               time.Time // when the first of them did
	why                 error     // that the last one could not begin; nil: it began
}

func newPauses(clock clock.Clock, troubles *troubles, follow task) *pauses {
	return &pauses{clock: clock, troubles: troubles, follow: follow, unlisted: unlisted(), unwatched: unwatched()}
}

// unsteady reports whether users are told that watches end early. It is over when one has lived for some time: that a list, or
// the beginning of a watch, works proves nothing.
func (p *pauses) unsteady() bool { return p.early >= unsteadyAfter }

// answered notes how a list went.
func (p *pauses) answered(ctx context.Context, err error) {
	if err == nil && p.unsteady() {
		return
	}
	p.troubles.end(ctx, p.follow, err)
}

// began notes whether a watch began.
func (p *pauses) began(ctx context.Context, err error) {
	p.why = err
	switch {
	case !p.unsteady():
		p.troubles.end(ctx, p.follow, err)
	case err == nil:
		p.troubles.fade(p.follow, steady)
	}
}

// listed is a list that was complete.
type listed struct {
	at      time.Time // zero: none was
	trusted bool      // nothing was heard while it was made that makes it doubtful
}

// after is the pause now that a watch has ended, and the last list was that one.
func (p *pauses) after(ctx context.Context, last listed) time.Duration {
	now := p.clock.Now()
	switch {
	case last.at.IsZero():
		return p.unlisted.Step()
	case now.Sub(last.at) >= steady:
		p.unlisted, p.unwatched, p.early = unlisted(), unwatched(), 0
		return 0
	}
	p.unlisted = unlisted()
	if last.trusted { // else it is the list that is made again
		if p.early == 0 {
			p.since = now
		}
		p.early++
	}
	if p.unsteady() {
		p.troubles.end(ctx, p.follow, &unsteadyError{err: p.why, since: p.since})
	}
	return p.unwatched.Step()
}

// wait waits for the pause, or until ctx ends.
func (p *pauses) wait(ctx context.Context, pause time.Duration) {
	if pause == 0 {
		return
	}
	timer := p.clock.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}

// listing is a store that tells when a list is complete.
type listing struct {
	*store
	complete func()
}

var _ cache.TransformingStore = listing{}

// Replace is called by the reflector with each list.
func (l listing) Replace(list []any, version string) error {
	err := l.store.Replace(list, version)
	if err == nil {
		l.complete()
	}
	return err
}
