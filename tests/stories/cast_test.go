// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
)

// actor is one application of a story.
type actor = actors.Actor

// calm lets a story run beside others: it breaks no link, kills nothing and changes nothing that others share. Such stories
// begin when those that do have ended.
func calm(t *testing.T) { t.Helper(); t.Parallel() }

// enter brings an application on.
func enter(t *testing.T, l *lab.Lab, name string) *actor {
	t.Helper()
	return actors.Enter(t, l, name, interval)
}

// protected brings on an application that is protected, on a cluster.
func protected(t *testing.T, l *lab.Lab, name, cluster string) *actor {
	t.Helper()
	a := enter(t, l, name)
	require.NoError(t, a.Protect(t.Context(), cluster))
	return a
}

// protectedOn is protected for several applications at once.
func protectedOn(t *testing.T, l *lab.Lab, cluster string, names ...string) []*actor {
	t.Helper()
	var actors []*actor
	for _, name := range names {
		actors = append(actors, enter(t, l, name))
	}
	all(t, actors, "protect on "+cluster, func(ctx context.Context, a *actor) error { return a.Protect(ctx, cluster) })
	return actors
}

// all lets several applications do the same at once.
func all(t *testing.T, actors []*actor, what string, do func(ctx context.Context, a *actor) error) {
	t.Helper()
	began := time.Now()
	group, ctx := errgroup.WithContext(t.Context())
	for _, a := range actors {
		group.Go(func() error {
			if err := do(ctx, a); err != nil {
				return fmt.Errorf("%s: %w", a.App.Key(), err)
			}
			return nil
		})
	}
	require.NoError(t, group.Wait(), what)
	t.Logf("%s: %s", what, time.Since(began).Round(100*time.Millisecond))
}

// cleanupContext is for what a test does after its end.
func cleanupContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	time.AfterFunc(patience, cancel)
	return ctx
}
