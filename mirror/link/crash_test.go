// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// story is something that happens to a cluster, in steps. A step waits until the mirror did its part, or until crashed.
type story struct {
	*world
	crashed func() bool
	patient bool // a step ends only when all that it leads to is written
	gone    *v1alpha1.VolumeReplicationGroup
	kept    *v1alpha1.VolumeReplicationGroup
}

func (s *story) until(done func() bool, what string) {
	s.t.Helper()
	s.eventually(func() bool { return s.crashed() || done() }, what)
}

// told says, if the story is patient, whether the wish's condition Applied has this reason.
func (s *story) told(wish *v1alpha1.VolumeReplicationGroup, reason string) bool {
	if !s.patient {
		return true
	}
	now := s.get(s.hub, wish.Namespace, wish.Name)
	c := meta.FindStatusCondition(now.Status.Conditions, v1alpha1.WishApplied)
	return c != nil && c.Reason == reason && c.ObservedGeneration == now.Generation
}

// hasSecret says, if the story is patient, whether the Secret is on the cluster.
func (s *story) hasSecret() bool {
	return !s.patient || s.spoke.Get(s.t.Context(), client.ObjectKey{Namespace: s.app, Name: "s3"}, &corev1.Secret{}) == nil
}

func (s *story) done(wish *v1alpha1.VolumeReplicationGroup, name string) bool {
	return s.obey(name) && exchange.Answers(s.get(s.hub, wish.Namespace, wish.Name), s.report(name))
}

func (s *story) steps() []func() {
	return []func(){
		func() {
			s.create(s.hub, s.secretWish(s.app, "s3", "value"))
			s.kept, s.gone = s.wish("kept"), s.wish("gone")
			s.until(func() bool {
				return s.done(s.kept, "kept") && s.done(s.gone, "gone") && s.told(s.kept, "Applied") && s.told(s.gone, "Applied") && s.hasSecret()
			}, "the wishes are not answered")
		},
		func() {
			edit(s.world, s.hub, s.kept, func(wish *v1alpha1.VolumeReplicationGroup) {
				wish.Spec.ReplicationState = v1alpha1.Primary
				wish.Annotations[exchange.AnnotationEpoch] = "2"
			})
			s.until(func() bool { return s.done(s.kept, "kept") && s.told(s.kept, "Applied") }, "the promotion is not answered")
		},
		func() {
			require.NoError(s.t, s.hub.Delete(s.t.Context(), s.gone))
			s.until(func() bool { return s.copy("gone") == nil && s.report("gone") == nil && s.told(s.gone, "Deleted") }, "the copy is not deleted")
		},
	}
}

// end waits for the state that the story leads to, however it was interrupted.
func (s *story) end() {
	s.t.Helper()
	s.carriedOut(s.kept, "kept")
	s.eventually(func() bool { return s.copy("gone") == nil && s.report("gone") == nil }, "the copy is not deleted")
	s.eventually(s.inboxComplete, "the digest does not match the inbox")
	s.applied(s.kept, metav1.ConditionTrue, "Applied")
	s.applied(s.gone, metav1.ConditionTrue, "Deleted")
	s.quiet()
	clone, report := s.copy("kept"), s.report("kept")
	assert.Equal(s.t, s.kept.Spec, clone.Spec)
	assert.Equal(s.t, "2", clone.Annotations[exchange.AnnotationEpoch])
	assert.Equal(s.t, clone.Spec, report.Spec)
	assert.Equal(s.t, v1alpha1.PrimaryState, report.Status.State)
	assert.Equal(s.t, clone.ResourceVersion, report.Status.Exchange.SpokeResourceVersion)
	var secret corev1.Secret
	require.NoError(s.t, s.spoke.Get(s.t.Context(), client.ObjectKey{Namespace: s.app, Name: "s3"}, &secret))
	assert.Equal(s.t, "value", string(secret.Data["key"]))
}

// TestX11_AKillBetweenAnyTwoWritesChangesNothingInTheEnd runs the story once for each write that the mirror makes in it,
// and kills the mirror there: before the write is sent, and after it was carried out but before its answer arrived.
func TestX11_AKillBetweenAnyTwoWritesChangesNothingInTheEnd(t *testing.T) {
	testlayer.Slow(t, "TestX11_AKillAtEachKindOfWriteChangesNothingInTheEnd")
	for name, answerLost := range map[string]bool{"before the write": false, "after the write": true} {
		t.Run(name, func(t *testing.T) {
			for n := int64(1); ; n++ {
				killed := true
				t.Run(fmt.Sprintf("write %d", n), func(t *testing.T) {
					var count atomic.Int64
					killed = killAt(t, false, answerLost, func(int32, *http.Request) bool { return count.Add(1) >= n })
				})
				if !killed || t.Failed() {
					require.Greater(t, n, int64(10), "the story has too few writes")
					return
				}
			}
		})
	}
}

// kindOf tells what kind of write a request is: what is done, to which resource, and where.
func kindOf(req *http.Request) string {
	place, path := "cluster", strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	at := slices.Index(path, "namespaces")
	if at < 0 {
		return req.Method + " " + path[3] + " in cluster" // /apis/<group>/<version>/<resource>
	}
	resource, namespace := path[at+2], path[at+1]
	if len(path) > at+4 {
		resource += "/" + path[at+4]
	}
	if role, _, ok := strings.Cut(namespace, "-"); ok && (role == "outbox" || role == "inbox") {
		place = role
	}
	return req.Method + " " + resource + " in " + place
}

// TestX11_AKillAtEachKindOfWriteChangesNothingInTheEnd kills the mirror once at each kind of write in each step of the story,
// after the write was carried out but before its answer arrived. What the mirror finds afterwards is what it finds after a
// kill before the next write, too.
func TestX11_AKillAtEachKindOfWriteChangesNothingInTheEnd(t *testing.T) {
	kinds := []map[string]bool{
		{ // the wishes are delivered
			"POST secrets in cluster": true, "PATCH volumereplicationgroups in cluster": true,
			"PATCH volumereplicationgroups in inbox": true, "PATCH volumereplicationgroups/status in inbox": true,
			"PATCH volumereplicationgroups/status in outbox": true,
		},
		{ // one changes
			"PATCH volumereplicationgroups in cluster": true, "PATCH volumereplicationgroups in inbox": true,
			"PATCH volumereplicationgroups/status in inbox": true, "PATCH volumereplicationgroups/status in outbox": true,
		},
		{ // one is deleted
			"PATCH drclusterconfigs in cluster": true, "DELETE volumereplicationgroups in cluster": true, "DELETE volumereplicationgroups in inbox": true,
			"PATCH volumereplicationgroups/status in outbox": true,
		},
	}
	for step, of := range kinds {
		for kind := range of {
			t.Run(fmt.Sprintf("%s in step %d", kind, step), func(t *testing.T) {
				killed := killAt(t, true, true, func(now int32, req *http.Request) bool { return int(now) == step && kindOf(req) == kind })
				assert.True(t, killed, "the mirror makes no such write")
			})
		}
	}
	t.Run("there are no other kinds", func(t *testing.T) {
		killAt(t, true, true, func(_ int32, req *http.Request) bool {
			known := slices.ContainsFunc(kinds, func(of map[string]bool) bool { return of[kindOf(req)] })
			assert.True(t, known, "the mirror is killed at no write of the kind %s", kindOf(req))
			return false
		})
	})
}

// killAt runs the story with a mirror that is killed at the first write for which hit says so, given the step of the story. It
// reports whether there was one. If patient, a step ends only when all that it leads to is written.
func killAt(t *testing.T, patient, answerLost bool, hit func(step int32, req *http.Request) bool) (killed bool) {
	w := newWorld(t)
	w.create(w.spoke, &v1alpha1.DRClusterConfig{ObjectMeta: metav1.ObjectMeta{Name: w.cluster}}) // as it is on the hub
	var count atomic.Int64
	var step atomic.Int32
	var crashed atomic.Bool
	s := &story{world: w, crashed: crashed.Load, patient: patient}
	counting := func(req *http.Request) bool {
		if isWrite(req) && !isLease(req) && !crashed.Load() {
			count.Add(1)
			if hit(step.Load(), req) {
				crashed.Store(true)
			}
		}
		return crashed.Load() // after its end a mirror reads nothing either
	}
	for _, wire := range []*wire{w.hubWire, w.spokeWire} {
		if answerLost {
			wire.loseAnswers(counting)
			wire.setFail(func(*http.Request) error { return failIf(s.crashed()) })
		} else {
			wire.setFail(func(req *http.Request) error { return failIf(counting(req)) })
		}
	}
	_, stop := w.startOn(w.hubWire, w.spokeWire, clock.RealClock{})
	steps := s.steps()
	next := 0
	for ; next < len(steps) && !s.crashed(); next++ {
		step.Store(int32(next))
		steps[next]()
	}
	since, last := time.Now(), int64(0)
	s.until(func() bool { // what comes after the last step is written too
		if now := count.Load(); now != last {
			since, last = time.Now(), now
		}
		return time.Since(since) > 500*time.Millisecond
	}, "the mirror does not stop writing")
	killed = s.crashed()
	stop()

	w.hubWire, w.spokeWire = newWire(), newWire()
	s.crashed = func() bool { return false }
	w.start()
	for ; next < len(steps); next++ {
		steps[next]()
	}
	s.end()
	return killed
}

func failIf(broken bool) error {
	if broken {
		return errCut
	}
	return nil
}

func TestX11_ChangesOnBothSidesAtOnceConverge(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	const rounds = 60
	var both sync.WaitGroup
	both.Go(func() {
		for i := range rounds {
			edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.S3Profiles = []string{fmt.Sprint(i)} })
		}
	})
	both.Go(func() {
		for i := range rounds {
			vrg := w.copy("db")
			vrg.Status.ProtectedPVCs = []v1alpha1.ProtectedPVC{{Name: fmt.Sprint(i, rand.N(1000))}}
			_ = w.spoke.Status().Update(t.Context(), vrg)
		}
	})
	both.Wait()
	w.carriedOut(wish, "db")
	w.quiet()
	clone, report := w.copy("db"), w.report("db")
	assert.Equal(t, []string{fmt.Sprint(rounds - 1)}, clone.Spec.S3Profiles)
	assert.Equal(t, clone.Spec, report.Spec)
	report.Status.Exchange = nil
	assert.Equal(t, clone.Status, report.Status)
}

func TestX6_ARecreatedCopyIsAnotherOne(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	stop()

	// While the mirror is away the wish and its copy end, and both are re-created under the same name.
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Finalizers = nil })
	require.NoError(t, w.hub.Delete(t.Context(), wish))
	require.NoError(t, w.spoke.Delete(t.Context(), w.copy("db")))
	again := w.wish("db")
	assert.False(t, exchange.Answers(again, w.report("db")))
	w.start()
	w.carriedOut(again, "db")
	assert.Equal(t, string(w.copy("db").UID), w.report("db").Status.Exchange.SpokeUID)
}

func TestX12_AWipedNamespaceIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	wish := w.newWish(w.app, "db")
	w.create(w.hub, wish)
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")
	stop()
	old := w.copy("db").UID
	require.NoError(t, w.spoke.Delete(t.Context(), w.copy("db")))
	w.start()
	w.carriedOut(wish, "db")
	assert.NotEqual(t, old, w.copy("db").UID)
	assert.Equal(t, map[string]string{v1alpha1.LabelCreatedByRamen: "true"}, maps.Clone(w.copy("db").Labels))
}
