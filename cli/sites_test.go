// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/internal/testlayer"
)

// siteWorld is a hub whose cluster dr1 is lost, with applications in namespace site, in four waves.
type siteWorld struct {
	*world
	n    int
	apps []*v1alpha1.DRPlacementControl
	// carried is how many failovers the hub has carried out; it carries out no more than allowed.
	carried, allowed atomic.Int64
}

func newSite(w *world, n int) *siteWorld {
	w.t.Helper()
	s := &siteWorld{world: w, n: n}
	w.create(namespace("site"))
	w.clusters()
	w.heard("dr1", "an-hour-ago")
	var wait sync.WaitGroup
	s.apps = make([]*v1alpha1.DRPlacementControl, n)
	for i := range n {
		s.apps[i] = application("site", fmt.Sprintf("app-%03d", i))
		s.apps[i].Annotations = map[string]string{"ramendr.openshift.io/failover-wave": strconv.Itoa(i*4/n - 1)}
	}
	for k := range 8 {
		wait.Go(func() {
			for i := k; i < n; i += 8 {
				assert.NoError(w.t, w.Client.Create(w.t.Context(), s.apps[i]))
				w.protected(s.apps[i], homeLost)
				w.groups(s.apps[i])
			}
		})
	}
	wait.Wait()
	w.heard("dr2", "now")
	return s
}

func homeLost(s *v1alpha1.DRPlacementControlStatus) {
	s.Conditions[0].Status, s.Conditions[0].Reason = "Unknown", "LinkLost"
}

// work carries out what specs ask for, as many as it may, until the test ends. Meanwhile dr2 is heard of: a mirror that is silent
// for a minute counts as lost, and a busy machine takes longer for two hundred applications.
func (s *siteWorld) work(ctx context.Context) {
	for heard := time.Now(); ctx.Err() == nil; {
		if time.Since(heard) > 10*time.Second {
			heard = time.Now()
			s.heard("dr2", "now")
		}
		list := &v1alpha1.DRPlacementControlList{}
		if err := s.Client.List(ctx, list, client.InNamespace("site")); err != nil {
			return
		}
		for i := range list.Items {
			d := &list.Items[i]
			if d.Spec.Action != v1alpha1.ActionFailover || d.Status.ObservedGeneration == d.Generation || s.carried.Load() >= s.allowed.Load() {
				continue
			}
			s.protected(d, func(st *v1alpha1.DRPlacementControlStatus) {
				st.Phase, st.Decisions[0].ClusterName, st.Decisions[0].ClusterNamespace = v1alpha1.FailedOver, "dr2", "dr2"
			})
			s.carried.Add(1)
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *siteWorld) record() *view.Site {
	s.t.Helper()
	held := &corev1.ConfigMap{}
	if err := s.Client.Get(s.t.Context(), client.ObjectKey{Namespace: "ramen-system", Name: "site-failover-dr1"}, held); err != nil {
		require.NoError(s.t, client.IgnoreNotFound(err))
		return &view.Site{}
	}
	out := &view.Site{}
	require.NoError(s.t, json.Unmarshal([]byte(held.Data["siteFailover"]), out))
	return out
}

// waveBegan waits until the record has a wave that begins.
func (s *siteWorld) waveBegan(i int) {
	s.t.Helper()
	require.NoError(s.t, s.until(func() bool {
		r := s.record()
		return len(r.Waves) > i && r.Waves[i].BeganAt != nil && r.Waves[i].Applications[0].State != view.SitePending
	}))
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// assertSiteFailover: a cluster with n applications is lost. One of them can't go. The one who carries the failover out is interrupted
// in the second wave, another one continues, and a third one takes over while that one is at work.
func assertSiteFailover(t *testing.T, w *world, n int) {
	s := newSite(w, n)
	quarter := int64(n / 4)
	never := s.apps[n-1]
	s.protected(never, homeLost, func(st *v1alpha1.DRPlacementControlStatus) { st.LastGroupSyncTime = nil })
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { s.work(ctx) })
	defer wait.Wait()
	defer stop()

	// What is asked of the hub does not grow with the applications.
	before := w.requests.Load()
	got := s.run("plan", "failover", "--from", "dr1", "-o", "json")
	assert.Less(t, w.requests.Load()-before, int64(40))
	assert.Equal(t, 2, got.code, got.err)
	var plan view.Site
	require.NoError(t, json.Unmarshal([]byte(got.out), &plan))
	require.Len(t, plan.Waves, 4)
	assert.EqualValues(t, -1, plan.Waves[0].Number)
	require.Len(t, plan.LeftOut, 1)
	assert.Equal(t, never.Name, plan.LeftOut[0].Name)
	assert.NotEmpty(t, plan.ID)
	shownPlan := s.run("plan", "failover", "--from", "dr1").out
	assert.Contains(t, shownPlan, fmt.Sprintf("%d applications in 4 waves: %d not begun, 1 left out.", n, n-1))
	assert.Contains(t, oneLine(shownPlan), "it is not known that any data ever came to dr2: it would find nothing to restore kubectl ramen-direct failover "+never.Name+" -n site")

	// Nothing begins without a word.
	for _, answer := range []string{"", "yes\n", "dr2\n", "y\n"} {
		assert.Equal(t, 4, s.at(answer, "failover", "--from", "dr1").code)
	}
	assert.Equal(t, 4, s.run("failover", "--from", "dr1").code)
	assert.Equal(t, 4, s.run("failover", "--from", "dr1", "--plan", "00000000", "-y").code)
	assert.Equal(t, 2, s.run("failover", "--from", "dr1", "--dry-run=server").code)
	assert.Equal(t, n-1, strings.Count(s.run("failover", "--from", "dr1", "--dry-run=client").out, "failoverCluster: dr2"))
	assert.Nil(t, s.record().Run, "nothing was begun")
	assert.Zero(t, s.carried.Load())

	// The first one is interrupted in the middle of the second wave.
	s.allowed.Store(quarter + quarter/2)
	ada, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	wait.Go(func() {
		s.waveBegan(1)
		interrupt()
	})
	got = s.runIn(ada, "dr1\n", true, "failover", "--from", "dr1", "--plan", plan.ID)
	assert.Equal(t, 130, got.code, got.err)
	assert.Contains(t, got.err, "Type the name of the cluster to fail over "+strconv.Itoa(n-1)+" applications: ")
	assert.Contains(t, got.out, "Interrupted. What was begun continues; no further application is begun.")
	assert.Contains(t, got.out, "kubectl ramen-direct failover --from dr1 --resume")
	begun := 0
	for _, d := range s.apps {
		if s.spec(d) != "  dr1" {
			begun++
		}
	}
	assert.LessOrEqual(t, begun, int(2*quarter))

	// Somebody takes one of them back: nobody begins it again.
	back := s.apps[quarter]
	require.NotEqual(t, "  dr1", s.spec(back))
	assert.Equal(t, 0, s.run("clear", back.Name, "-n", "site", "-y").code)

	got = s.run("failover", "--from", "dr1", "-y")
	assert.Equal(t, 4, got.code)
	assert.Contains(t, got.err, "a failover of cluster dr1 is under way")
	assert.Contains(t, got.err, "Take it over with --resume")

	// The second one continues, and while they wait the third one takes over.
	session := s.record().Run.Session
	second, third := make(chan said, 1), make(chan said, 1)
	go func() { second <- s.run("failover", "--from", "dr1", "--resume", "-y", "--wait") }()
	require.NoError(t, s.until(func() bool { return s.record().Run.Session != session }))
	session = s.record().Run.Session
	go func() { third <- s.run("failover", "--from", "dr1", "--resume", "-y", "--wait", "-o", "json") }()
	require.NoError(t, s.until(func() bool { return s.record().Run.Session != session }))
	s.allowed.Store(int64(n))
	got = <-second
	assert.Equal(t, 130, got.code, got.err)
	assert.Contains(t, got.out, "Somebody else carries it out now: this command begins nothing more.")
	got = <-third
	assert.Equal(t, 2, got.code, got.err)
	var end view.Site
	require.NoError(t, json.Unmarshal([]byte(got.out), &end))
	assert.Equal(t, map[view.SiteState]int{view.SiteDone: n - 2, view.SiteTakenBack: 1, view.SiteLeftOut: 1}, end.Count())
	assert.NotNil(t, end.Run.EndedAt)
	assert.Equal(t, end.Count(), s.record().Count())

	for i, d := range s.apps {
		spec := s.spec(d)
		switch d {
		case never:
			assert.Equal(t, "  dr1", spec)
		case back:
			assert.EqualValues(t, 3, d.Generation, "begun and taken back, and not begun again")
		default:
			assert.Equal(t, "Failover dr2 dr1", spec)
			assert.EqualValues(t, 2, d.Generation, "%d was begun once", i)
			assert.Equal(t, end.Run.ID, d.Annotations["ramendr.openshift.io/site-failover"])
		}
	}
	for i := 1; i < 4; i++ {
		assert.False(t, end.Waves[i].BeganAt.Before(end.Waves[i-1].EndedAt), "a wave begins after the one before")
	}
	assert.Equal(t, 1, s.run("failover", "--from", "dr1", "--resume").code, "nothing is left to resume")

	// The cluster answers again.
	s.heard("dr1", "now")
	got = s.run("failover", "--from", "dr1", "-y")
	assert.Equal(t, 4, got.code)
	assert.Contains(t, oneLine(got.err), "Refused: cluster dr1 answers")
	assert.Equal(t, 1, s.run("failover", "--from", "dr1", "app-000").code)
	assert.Equal(t, 1, s.run("plan", "relocate", "--from", "dr1").code)
	assert.Equal(t, 1, s.run("failover", "app-000", "--resume").code)
}

// TestASiteOfTwoHundred fails a cluster with two hundred applications over.
func TestASiteOfTwoHundred(t *testing.T) {
	testlayer.Slow(t, "TestCommandsOnAHub")
	w := newWorld(t)
	w.hub()
	assertSiteFailover(t, w, 200)
}
