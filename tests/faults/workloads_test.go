// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/journal"
	"github.com/ramendr/ramen-direct/tests/lab/story"
)

// faulty takes the place of actors.Silent: a controller that was down takes its time to start, and the machine is busy.
const faulty = 4 * actors.Silent

// company is what a fault strikes: an application for each operation, all under way at once. Those that move run at home
// and go away; afterwards home is there, so that one company bears fault after fault.
type company struct {
	t          *testing.T // what is under way
	stay       *testing.T // what they stay for
	l          *lab.Lab
	name       string
	dir        string // for its files
	home, away string

	relocated, failed *actors.Actor
	deployed, deleted *actors.Actor
	before            story.Before // of failed, when the failover was asked for
	deletedAt         string       // where deleted runs
	made              int
	silence           time.Duration // the longest in which a DRPlacementControl did not say what it waits for
	// acknowledged holds, by cluster, what of relocated has to be kept, if that is not all that was acknowledged there: on a
	// cluster that is restored the workload of the backup runs again, and writes what nobody replicates.
	acknowledged map[string]journal.Record
	rights       map[string][]rbacv1.PolicyRule // of the mirror, by cluster, as installed
}

// assemble brings a company on, at dr1.
func assemble(t *testing.T, l *lab.Lab, name string) *company {
	t.Helper()
	c := &company{t: t, stay: t, l: l, name: name, dir: t.TempDir(), home: lab.DR1, away: lab.DR2, deletedAt: lab.DR1, rights: map[string][]rbacv1.PolicyRule{}}
	c.relocated, c.failed, c.deleted = c.enter("relocated"), c.enter("failed"), c.enter("deleted")
	group, ctx := errgroup.WithContext(t.Context())
	for _, a := range []*actors.Actor{c.relocated, c.failed, c.deleted} {
		group.Go(func() error { return a.Protect(ctx, c.home) })
	}
	require.NoError(t, group.Wait())
	c.expectOneToArrive()
	return c
}

func (c *company) enter(name string) *actors.Actor {
	c.t.Helper()
	a := actors.Enter(c.stay, c.l, c.name+"-"+name, interval)
	a.Witness.Limit, a.T = faulty, c.t
	return a
}

func (c *company) expectOneToArrive() {
	c.t.Helper()
	c.made++
	c.deployed = c.enter(fmt.Sprintf("deployed-%d", c.made))
}

// excuse says that since then the hub could not tell anybody what is waited for.
func (c *company) excuse(since time.Time) {
	for _, a := range c.actors() {
		a.Witness.Excuse(since)
	}
}

// in makes t what is under way: what goes wrong from now on is its failure.
func (c *company) in(t *testing.T) {
	c.t = t
	for _, a := range c.actors() {
		a.T = t
	}
}

// stop ends all deployers; the result starts that of one application again.
func (c *company) stop() (start func(*actors.Actor)) {
	for _, a := range c.actors() {
		a.Leave()
	}
	return func(a *actors.Actor) {
		a.T = c.stay // it outlives what is under way
		a.Follow()
		a.T = c.t
	}
}

// settled are those that are protected before anything is asked.
func (c *company) settled() []*actors.Actor { return []*actors.Actor{c.relocated, c.failed, c.deleted} }

// actors are all.
func (c *company) actors() []*actors.Actor { return append(c.settled(), c.deployed) }

// ask asks for the four operations.
func (c *company) ask() {
	c.t.Helper()
	c.insist("look at the application that fails over", func(ctx context.Context) (err error) {
		c.before, err = c.failed.Before(ctx, c.home)
		return err
	})
	c.request()
}

// request asks as often as it takes for the hub to hear of it: to ask twice changes nothing.
func (c *company) request() {
	c.t.Helper()
	c.insist("deploy", func(ctx context.Context) error {
		if err := c.deployed.App.Protect(ctx, c.home); !apierrors.IsAlreadyExists(err) {
			return err
		}
		return nil
	})
	c.insist("relocate", func(ctx context.Context) error { return c.relocated.App.Ask(ctx, c.relocate) })
	c.insist("fail over", func(ctx context.Context) error { return c.failed.App.Ask(ctx, c.failover) })
	c.insist("delete", func(ctx context.Context) error { return client.IgnoreNotFound(c.deleted.App.Unprotect(ctx)) })
}

func (c *company) relocate(s *v1alpha1.DRPlacementControlSpec) {
	s.Action, s.PreferredCluster = v1alpha1.ActionRelocate, c.away
}

func (c *company) failover(s *v1alpha1.DRPlacementControlSpec) {
	s.Action, s.FailoverCluster = v1alpha1.ActionFailover, c.away
}

// confirm says again what is wanted if the hub asks for that, until the application goes there.
func (c *company) confirm(a *actors.Actor, wanted func(*v1alpha1.DRPlacementControlSpec)) {
	c.t.Helper()
	c.insist("the hub takes the word of the user", func(ctx context.Context) error {
		drpc, err := a.App.Control(ctx)
		if err != nil {
			return err
		}
		if w := drpc.Status.Waiting; w != nil && w.Fact == "SpecConfirmed" && drpc.Status.ObservedGeneration == drpc.Generation {
			return errors.Join(
				a.App.Ask(ctx, func(s *v1alpha1.DRPlacementControlSpec) { s.Action = "" }),
				a.App.Ask(ctx, wanted),
				errors.New("it was said again"))
		}
		if is := drpc.Status.PreferredDecision.ClusterName; is != c.away {
			return fmt.Errorf("it is on %q", is)
		}
		return nil
	})
}

// insist repeats what somebody does until it succeeds.
func (c *company) insist(what string, do func(context.Context) error) {
	c.t.Helper()
	require.EventuallyWithT(c.t, func(collect *assert.CollectT) {
		ctx, cancel := context.WithTimeout(c.t.Context(), answerTime)
		defer cancel()
		assert.NoError(collect, do(ctx))
	}, actors.Patience, actors.Tick, what)
}

// answerTime is how long a client of an API server waits for its answer.
const answerTime = 5 * time.Second

// done waits until all four operations are over, counts, and lets home and away change places.
func (c *company) done() {
	c.t.Helper()
	group, ctx := errgroup.WithContext(c.t.Context())
	group.Go(func() error { return named("deploy", c.deployed.Begin(ctx, c.home)) })
	group.Go(func() error { return named("relocate", c.relocated.Ends(ctx, v1alpha1.Relocated, c.away)) })
	group.Go(func() error {
		if err := c.failed.Ends(ctx, v1alpha1.FailedOver, c.away); err != nil {
			return named("failover", err)
		}
		return named("failover", c.failed.Kept(c.before, c.away))
	})
	group.Go(func() error {
		_, err := c.deleted.Disabled(ctx, c.deletedAt)
		return named("delete", err)
	})
	require.NoError(c.t, group.Wait())
	c.relocated.Keeps(c.acknowledged)
	c.acknowledged = nil
	for a, cluster := range map[*actors.Actor]string{c.relocated: c.away, c.failed: c.away, c.deployed: c.home} {
		a.RunsOnlyOn(cluster)
		c.requireNoPods(a, cluster)
	}
	require.NoError(c.t, c.deleted.App.Remove(c.t.Context(), c.t.Logf))
	c.deleted.Witness.Judge(c.t)
	for _, a := range c.actors() {
		c.silence = max(c.silence, a.Witness.Silence())
	}
	c.deleted, c.deletedAt = c.deployed, c.home
	c.home, c.away = c.away, c.home
	c.expectOneToArrive()
}

func named(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// requireNoPods requires that an application has Pods on no other cluster.
func (c *company) requireNoPods(a *actors.Actor, home string) {
	c.t.Helper()
	for _, cluster := range lab.Spokes() {
		if cluster == home {
			continue
		}
		pods := &corev1.PodList{}
		require.NoError(c.t, c.l.Cluster(cluster).Client.List(c.t.Context(), pods, client.InNamespace(a.App.Namespace)))
		assert.Empty(c.t, pods.Items, "%s runs on %s only", a.App.Key(), home)
	}
}
