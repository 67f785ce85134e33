// SPDX-License-Identifier: Apache-2.0

// Package actors has the applications of tests, each with somebody who deploys it and with a witness. It promises that an actor
// leaves with its test and takes its objects along, that the witness notices each wait that a user could not have understood (I7),
// and that a question that is answered too late says what it waited for.
package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
	"github.com/ramendr/ramen-direct/tests/lab/journal"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
	"github.com/ramendr/ramen-direct/tests/lab/story"
)

// Patience is how long a test waits for something that takes seconds. Machines are noisy.
const Patience = 2 * time.Minute

// Tick is how often a test looks.
const Tick = 100 * time.Millisecond

// Actor is one application of a story, with the deployer and the witness who watches that it never waits silently.
type Actor struct {
	*story.Story
	T       *testing.T
	Lab     *lab.Lab
	Witness *Witness
	Leave   func() // ends its deployer

	said said
}

// shown are the tests that showed how things stand when they had failed.
var shown sync.Map

// saidLines is how much a test that fails shows of what each deployer said.
const saidLines = 12

// said keeps the last that a deployer said, so that all of it does not hide what failed.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) logf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, time.Now().UTC().Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
	s.lines = s.lines[max(0, len(s.lines)-saidLines):]
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// Enter brings an application on, in a lab whose scheduling interval lasts that long. It leaves with the test, and takes
// its objects along.
func Enter(t *testing.T, l *lab.Lab, name string, interval time.Duration) *Actor {
	t.Helper()
	return Bring(t, l, app.New(l, name, name), interval)
}

// Bring is Enter for an application that is not just one of its name.
func Bring(t *testing.T, l *lab.Lab, of *app.App, interval time.Duration) *Actor {
	t.Helper()
	a := &Actor{Story: story.New(l, of, interval), T: t, Lab: l, Leave: func() {}}
	a.Witness = newWitness(t, l, a.App)
	a.Follow()
	t.Cleanup(func() {
		a.T = t // it may have played in a test within this one
		a.exit()
	})
	return a
}

// Follow starts a deployer that follows the decisions.
func (a *Actor) Follow() {
	ctx, stop := context.WithCancel(a.T.Context())
	var gone sync.WaitGroup
	gone.Go(func() { a.App.Deploy(ctx, a.said.logf) })
	a.Leave = func() { stop(); gone.Wait() }
}

// exit heals what a story that failed left broken, so that the next one starts well.
func (a *Actor) exit() {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	a.Leave()
	Heal(a.T, a.Lab)
	if a.T.Failed() {
		if _, before := shown.LoadOrStore(a.T, true); !before {
			out, _ := labtest.Kubectl(ctx, a.Lab, lab.Hub, "", "get", "drpc,vrg", "-A", "-o", "wide")
			a.T.Logf("how things stand:\n%s", out)
		}
		a.T.Logf("what the deployer of %s said last:\n%s", a.App.Key(), &a.said)
		if text := a.trouble(ctx); text != "" {
			a.T.Logf("what %s waits for:\n%s", a.App.Key(), text)
		}
	}
	if err := a.App.Unprotect(ctx); err != nil && !apierrors.IsNotFound(err) {
		a.T.Logf("unprotect: %v", err)
	}
	assert.Eventually(a.T, func() bool {
		_, err := a.App.Control(ctx)
		return apierrors.IsNotFound(err)
	}, Patience, Tick, "%s is let go", a.App.DRPC())
	for _, cluster := range lab.Spokes() {
		assert.EventuallyWithT(a.T, func(c *assert.CollectT) {
			left := &corev1.SecretList{}
			require.NoError(c, a.Lab.Cluster(cluster).Client.List(ctx, left, client.InNamespace(a.App.Key().Namespace), client.HasLabels{v1alpha1.LabelCreatedByRamen}))
			assert.Empty(c, left.Items)
		}, Patience, Tick, "the Secrets that %s was given leave %s", a.App.DRPC(), cluster)
	}
	assert.NoError(a.T, a.App.Remove(ctx, a.T.Logf))
}

// Heal ends all faults of links.
func Heal(t *testing.T, l *lab.Lab) {
	t.Helper()
	broken, err := l.LinkStates()
	require.NoError(t, err)
	for link, kind := range broken {
		if kind != "" {
			require.NoError(t, l.Heal(link))
		}
	}
}

// Control waits until the DRPlacementControl is as want says.
func (a *Actor) Control(want string, is func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl)) *v1alpha1.DRPlacementControl {
	a.T.Helper()
	var found *v1alpha1.DRPlacementControl
	read, ctx := a.App.Awaited(), a.T.Context()
	require.EventuallyWithT(a.T, func(c *assert.CollectT) {
		drpc, err := read(ctx)
		require.NoError(c, err)
		is(c, drpc)
		found = drpc
	}, Patience, Tick, want)
	return found
}

// Settled waits until the application runs on cluster, its peer stands by and nothing is left to do.
func (a *Actor) Settled(phase v1alpha1.DRState, cluster string) *v1alpha1.DRPlacementControl {
	a.T.Helper()
	return a.Control(fmt.Sprintf("it is %s on %s", phase, cluster), func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, drpc.Generation, drpc.Status.ObservedGeneration)
		assert.Equal(c, phase, drpc.Status.Phase)
		assert.Equal(c, v1alpha1.ProgressionCompleted, drpc.Status.Progression)
		assert.Equal(c, cluster, drpc.Status.PreferredDecision.ClusterName)
		assert.Equal(c, "True", Says(drpc, v1alpha1.ConditionReady))
		assert.Nil(c, drpc.Status.Waiting)
	})
}

// Waits waits until the operation waits for a fact on a cluster.
func (a *Actor) Waits(fact, cluster string) *v1alpha1.Waiting {
	a.T.Helper()
	drpc := a.Control(fmt.Sprintf("it waits for %s on %q", fact, cluster), func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, drpc.Generation, drpc.Status.ObservedGeneration)
		if assert.NotNil(c, drpc.Status.Waiting) {
			assert.Equal(c, fact, drpc.Status.Waiting.Fact)
			assert.Equal(c, cluster, drpc.Status.Waiting.Cluster)
		}
	})
	return drpc.Status.Waiting
}

// Ask changes the spec.
func (a *Actor) Ask(edit func(*v1alpha1.DRPlacementControlSpec)) {
	a.T.Helper()
	require.NoError(a.T, a.App.Ask(a.T.Context(), edit))
}

// Says is the status of a condition, with what it says unless it is True.
func Says(drpc *v1alpha1.DRPlacementControl, kind string) string {
	c := meta.FindStatusCondition(drpc.Status.Conditions, kind)
	switch {
	case c == nil:
		return "absent"
	case c.Status == "True":
		return "True"
	}
	return fmt.Sprintf("%s/%s: %s", c.Status, c.Reason, c.Message)
}

// RunsOnlyOn requires that the workload runs on cluster, and that exactly this cluster is told Primary.
func (a *Actor) RunsOnlyOn(cluster string) {
	a.T.Helper()
	assert.NotEqual(a.T, types.UID(""), a.Pod(cluster))
	for _, c := range lab.Spokes() {
		role := v1alpha1.Secondary
		if c == cluster {
			role = v1alpha1.Primary
		}
		assert.Equal(a.T, role, a.Group(c).Spec.ReplicationState, "the role of %s", c)
	}
}

// Group is the VolumeReplicationGroup on a cluster.
func (a *Actor) Group(cluster string) *v1alpha1.VolumeReplicationGroup {
	a.T.Helper()
	vrg := &v1alpha1.VolumeReplicationGroup{}
	require.NoError(a.T, a.Lab.Cluster(cluster).Client.Get(a.T.Context(), a.App.DRPC(), vrg))
	return vrg
}

// WishKey is where the wish for a cluster lies.
func (a *Actor) WishKey(cluster string) client.ObjectKey {
	return client.ObjectKey{Namespace: exchange.Outbox(cluster), Name: exchange.ObjectName(a.App.Namespace, a.App.Name)}
}

// Obeyed fails if a cluster does not obey what is wished now. If it is to run the application, it has to be Primary, with all
// volumes. After the hub or a cluster was restored from a backup the deployer has to wait for that: they could not know what
// the group makes of a claim that they delete, or create, before.
func (a *Actor) Obeyed(ctx context.Context, cluster string) error {
	drpc, err := a.App.Control(ctx)
	if err != nil {
		return err
	}
	wish, group := &v1alpha1.VolumeReplicationGroup{}, &v1alpha1.VolumeReplicationGroup{}
	if err := errors.Join(a.Lab.Cluster(lab.Hub).Client.Get(ctx, a.WishKey(cluster), wish), a.Lab.Cluster(cluster).Client.Get(ctx, a.App.Key(), group)); err != nil {
		return err
	}
	of := fmt.Sprintf("%s %s of epoch %s", group.Annotations[exchange.AnnotationWishUID], group.Annotations[exchange.AnnotationWishGeneration], group.Annotations[exchange.AnnotationEpoch])
	if want := fmt.Sprintf("%s %d of epoch %s", wish.UID, wish.Generation, wish.Annotations[exchange.AnnotationEpoch]); of != want || group.Status.ObservedGeneration != group.Generation {
		return fmt.Errorf("it obeys wish %s, not %s, and its status is of generation %d, not %d", of, want, group.Status.ObservedGeneration, group.Generation)
	}
	runs := slices.ContainsFunc(drpc.Status.Decisions, func(d v1alpha1.ClusterDecision) bool {
		return d.ClusterName == cluster && d.Reason == v1alpha1.DecisionRun
	})
	s := group.Status
	if runs && (s.State != v1alpha1.PrimaryState || !meta.IsStatusConditionTrue(s.Conditions, v1alpha1.VRGClusterDataReady) || !meta.IsStatusConditionTrue(s.Conditions, v1alpha1.VRGDataReady)) {
		return fmt.Errorf("it is %s: %+v", s.State, s.Conditions)
	}
	return nil
}

// Pod is the Pod of the application on a cluster.
func (a *Actor) Pod(cluster string) types.UID {
	a.T.Helper()
	pods := &corev1.PodList{}
	require.NoError(a.T, a.Lab.Cluster(cluster).Client.List(a.T.Context(), pods, client.InNamespace(a.App.Namespace)))
	require.Len(a.T, pods.Items, 1)
	return pods.Items[0].UID
}

// DRPC is the DRPlacementControl.
func (a *Actor) DRPC() *v1alpha1.DRPlacementControl {
	a.T.Helper()
	drpc, err := a.App.Control(a.T.Context())
	require.NoError(a.T, err)
	return drpc
}

// NothingLost requires that what was acknowledged last on either cluster is there.
func (a *Actor) NothingLost() {
	a.T.Helper()
	a.Keeps(nil)
}

// Keeps is NothingLost, but that of what was acknowledged on some clusters only that up to a record has to be there.
func (a *Actor) Keeps(limits map[string]journal.Record) {
	a.T.Helper()
	home, handle := a.where() // first: the application remembers its volume there by it
	a.keeps(home, handle, limits)
}

// NothingLostOn is NothingLost of an application that is not protected any more, and runs on a cluster.
func (a *Actor) NothingLostOn(home string) {
	a.T.Helper()
	handle, err := a.App.Volume(a.T.Context(), home)
	require.NoError(a.T, err)
	a.keeps(home, handle, nil)
}

func (a *Actor) keeps(home, handle string, limits map[string]journal.Record) {
	a.T.Helper()
	for _, cluster := range lab.Spokes() {
		last, limited := limits[cluster]
		if !limited {
			last = a.Acknowledged(cluster)
		}
		now, err := a.App.Journal(home, handle)
		require.NoError(a.T, err)
		lost, err := app.LostSince(last, journal.Report{}, now)
		require.NoError(a.T, err)
		require.Zero(a.T, lost.Records, "%s, of what %s had acknowledged", lost, cluster)
	}
}

// Acknowledged is the record that the application saw written last on a cluster.
func (a *Actor) Acknowledged(cluster string) journal.Record {
	a.T.Helper()
	handle := a.App.Ran(cluster)
	if handle == "" {
		_, handle = a.where()
	}
	last, err := a.App.Acknowledged(cluster, handle)
	require.NoError(a.T, err)
	return last
}

// where is the cluster that the application runs on, and its volume there.
func (a *Actor) where() (cluster, handle string) {
	a.T.Helper()
	drpc, err := a.App.Control(a.T.Context())
	require.NoError(a.T, err)
	cluster = drpc.Status.PreferredDecision.ClusterName
	handle, err = a.App.Volume(a.T.Context(), cluster)
	require.NoError(a.T, err)
	return cluster, handle
}
