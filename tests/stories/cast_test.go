// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
	"github.com/ramendr/ramen-direct/tests/lab/story"
)

// actor is one application of a story, with whoever deploys it and whoever watches that it never waits silently.
type actor struct {
	*story.Story
	t       *testing.T
	lab     *lab.Lab
	witness *witness
	leave   func() // ends its deployer
}

// enter brings an application on. It leaves with the test, and takes its objects along.
func enter(t *testing.T, l *lab.Lab, name string) *actor {
	t.Helper()
	a := &actor{Story: story.New(l, app.New(l, name, name), interval), t: t, lab: l, leave: func() {}}
	a.witness = newWitness(t, l, a.App)
	a.follow()
	t.Cleanup(a.exit)
	return a
}

// follow starts a deployer that follows the decisions.
func (a *actor) follow() {
	ctx, stop := context.WithCancel(a.t.Context())
	var gone sync.WaitGroup
	gone.Go(func() { a.App.Deploy(ctx, a.t.Logf) })
	a.leave = func() { stop(); gone.Wait() }
}

// exit heals what a story that failed left broken, so that the next one starts well.
func (a *actor) exit() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a.leave()
	heal(a.t, a.lab)
	if a.t.Failed() {
		out, _ := kubectl(ctx, a.lab, lab.Hub, "", "get", "drpc,vrg", "-A", "-o", "wide")
		a.t.Logf("how things stand:\n%s", out)
	}
	if err := a.App.Unprotect(ctx); err != nil && !apierrors.IsNotFound(err) {
		a.t.Logf("unprotect: %v", err)
	}
	assert.Eventually(a.t, func() bool {
		_, err := a.App.Control(ctx)
		return apierrors.IsNotFound(err)
	}, patience, tick, "%s is let go", a.App.Key())
	assert.NoError(a.t, a.App.Remove(ctx, a.t.Logf))
}

func heal(t *testing.T, l *lab.Lab) {
	t.Helper()
	broken, err := l.LinkStates()
	require.NoError(t, err)
	for link, kind := range broken {
		if kind != "" {
			require.NoError(t, l.Heal(link))
		}
	}
}

// protected brings on an application that is protected, on a cluster.
func protected(t *testing.T, l *lab.Lab, name, cluster string) *actor {
	t.Helper()
	a := enter(t, l, name)
	require.NoError(t, a.Protect(t.Context(), cluster))
	return a
}

// control waits until the DRPlacementControl is as want says.
func (a *actor) control(want string, is func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl)) *v1alpha1.DRPlacementControl {
	a.t.Helper()
	var found *v1alpha1.DRPlacementControl
	require.EventuallyWithT(a.t, func(c *assert.CollectT) {
		drpc, err := a.App.Control(a.t.Context())
		require.NoError(c, err)
		is(c, drpc)
		found = drpc
	}, patience, tick, want)
	return found
}

// settled waits until the application runs on cluster, its peer stands by and nothing is left to do.
func (a *actor) settled(phase v1alpha1.DRState, cluster string) *v1alpha1.DRPlacementControl {
	a.t.Helper()
	return a.control(fmt.Sprintf("it is %s on %s", phase, cluster), func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, drpc.Generation, drpc.Status.ObservedGeneration)
		assert.Equal(c, phase, drpc.Status.Phase)
		assert.Equal(c, v1alpha1.ProgressionCompleted, drpc.Status.Progression)
		assert.Equal(c, cluster, drpc.Status.PreferredDecision.ClusterName)
		assert.Equal(c, "True", saysControl(drpc, v1alpha1.ConditionReady))
		assert.Nil(c, drpc.Status.Waiting)
	})
}

// waits waits until the operation waits for a fact on a cluster.
func (a *actor) waits(fact, cluster string) *v1alpha1.Waiting {
	a.t.Helper()
	drpc := a.control(fmt.Sprintf("it waits for %s on %q", fact, cluster), func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, drpc.Generation, drpc.Status.ObservedGeneration)
		if assert.NotNil(c, drpc.Status.Waiting) {
			assert.Equal(c, fact, drpc.Status.Waiting.Fact)
			assert.Equal(c, cluster, drpc.Status.Waiting.Cluster)
		}
	})
	return drpc.Status.Waiting
}

// ask changes the spec.
func (a *actor) ask(edit func(*v1alpha1.DRPlacementControlSpec)) {
	a.t.Helper()
	require.NoError(a.t, a.App.Ask(a.t.Context(), edit))
}

// saysControl is the status of a condition, with what it says unless it is True.
func saysControl(drpc *v1alpha1.DRPlacementControl, kind string) string {
	c := meta.FindStatusCondition(drpc.Status.Conditions, kind)
	switch {
	case c == nil:
		return "absent"
	case c.Status == "True":
		return "True"
	}
	return fmt.Sprintf("%s/%s: %s", c.Status, c.Reason, c.Message)
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
