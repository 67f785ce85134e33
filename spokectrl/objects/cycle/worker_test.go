// SPDX-License-Identifier: Apache-2.0

package cycle_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
)

// in runs a test in a bubble, where time passes at once.
func in(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

// primary is a cluster with the application, whose objects are captured once.
func primary(t *testing.T, w *world) (*cluster, cycle.Want) {
	t.Helper()
	c := w.cluster(t, 0, "one", "two")
	want := c.want(cycle.Capture, 1)
	c.store(want)
	require.Equal(t, 2, c.tend(want).Objects)
	return c, want
}

func TestACaptureIsMadeEachInterval(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := primary(t, w)
		first := c.tend(want)
		assert.Equal(t, first.Last.Pointer.Start.Add(interval), first.Next)
		assert.Equal(t, int64(1), first.Last.Pointer.Slot, "the first one has number 1")
		<-time.After(interval - time.Second)
		c.tend(want)
		assert.Equal(t, 1, c.engine.Seen().Captures, "not before it is due")
		<-time.After(time.Second)
		second := c.tend(want)
		assert.Equal(t, 2, c.engine.Seen().Captures)
		assert.Equal(t, int64(0), second.Last.Pointer.Slot)
		assert.Equal(t, "True/Captured", short(cycle.OfCaptures(&want, &second, time.Now())))
	})
}

func TestAProcessThatStartsFindsTheLastCapture(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := primary(t, w)
		before := c.tend(want)
		c.restart()
		after := c.tend(want)
		assert.Equal(t, 1, c.engine.Seen().Captures, "it is not due")
		assert.Equal(t, before.Last.Pointer, after.Last.Pointer)
		assert.Equal(t, before.Next, after.Next)
		<-time.After(interval)
		c.restart()
		c.tend(want)
		assert.Equal(t, 2, c.engine.Seen().Captures)
	})
}

func TestAClusterThatIsToReadCapturesHasOneAtOnce(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c := w.cluster(t, 0, "one")
		want := c.want(cycle.Capture, 1)
		both := want.Readers
		want.Readers = both[:1]
		c.store(want)
		is := c.tend(want)
		f := cycle.OfCaptures(&want, &is, time.Now())
		assert.Equal(t, "False/NotCaptured", short(f))
		assert.Contains(t, f.Message, "only this cluster could read a capture")
		want.Readers = both
		is = c.tend(want)
		assert.Equal(t, 2, c.engine.Seen().Captures)
		assert.Equal(t, "True/Captured", short(cycle.OfCaptures(&want, &is, time.Now())))
	})
}

func TestThePeerRestoresOnce(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		primary(t, w)
		peer := w.cluster(t, 1)
		want := peer.want(cycle.Restore, 2)
		peer.store(want)
		is := peer.tend(want)
		require.NotNil(t, is.Restored)
		assert.Equal(t, 2, is.Restored.Objects)
		assert.False(t, is.Restored.Lacks())
		assert.Equal(t, []string{"one", "two"}, peer.engine.Has())
		peer.tend(want)
		assert.Equal(t, 1, peer.engine.Seen().Restores)

		want.Mode = cycle.Capture
		is = peer.tend(want)
		assert.Equal(t, 1, peer.engine.Seen().Captures, "a capture of an earlier epoch is none of this one")
		epoch, _, _ := is.Last.Pointer.Term()
		assert.Equal(t, int64(2), epoch)
	})
}

func TestAnEarlierTermNeitherCapturesNorDeletes(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := primary(t, w)
		peer := w.cluster(t, 1)
		promoted := peer.want(cycle.Restore, 2)
		peer.store(promoted)
		before := c.captured("a")
		<-time.After(3 * interval)
		is := c.tend(want)
		require.Error(t, is.Failure)
		f := cycle.OfCaptures(&want, &is, time.Now())
		assert.Equal(t, "False/CaptureOverdue", short(f))
		assert.Contains(t, f.Message, "it holds epoch 2 of this group")
		assert.Contains(t, f.Message, "15m0s ago")
		assert.Equal(t, before, c.captured("a"))
	})
}

func TestARoleThatEndsEndsWhatRuns(t *testing.T) {
	for _, mode := range []cycle.Mode{cycle.Off, cycle.Pause} {
		in(t, func(t *testing.T, w *world) {
			c, want := primary(t, w)
			before := c.captured("a")
			c.engine.Rule(enginetest.Rules{Block: make(chan struct{})})
			<-time.After(interval)
			is := c.worker.Tend(t.Context(), want)
			assert.Equal(t, cycle.Capturing, is.Doing)
			synctest.Wait()
			assert.Equal(t, 1, c.engine.Seen().Running)

			want.Mode = mode
			c.worker.Tend(t.Context(), want)
			assert.Zero(t, c.engine.Seen().Running, "when the pass goes on, nothing runs")
			synctest.Wait()
			assert.Empty(t, c.woken, "nobody waits for it")
			assert.Equal(t, before, c.captured("a"))
		})
	}
}

func TestARestoreIsTriedAgainAndTellsWhatIsMissing(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		primary(t, w)
		peer := w.cluster(t, 1)
		peer.engine.Rule(enginetest.Rules{Refuses: map[string]bool{"two": true}})
		want := peer.want(cycle.Restore, 2)
		peer.store(want)
		is := peer.tend(want)
		f := cycle.OfRestore(&want, &is)
		assert.Equal(t, "False/Error", short(f))
		assert.Contains(t, f.Message, "two: \"two\" is forbidden: exceeded quota: small")
		assert.Contains(t, f.Message, "kubectl -n shop annotate vrg g objects.ramendr.openshift.io/skip-missing=2")
		assert.Equal(t, []string{"one"}, peer.engine.Has(), "the rest is made")
		var waits []time.Duration
		for range 7 {
			wait := time.Until(is.Next)
			waits = append(waits, wait.Round(time.Second))
			<-time.After(wait)
			is = peer.tend(want)
		}
		assert.Equal(t, []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute}, waits)

		other := want
		other.Skip = true
		is = peer.tend(other)
		require.NotNil(t, is.Restored)
		assert.True(t, is.Restored.Skipped)
	})
}

func TestARestoreThatSucceedsAtLastIsDone(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		primary(t, w)
		peer := w.cluster(t, 1)
		peer.engine.Rule(enginetest.Rules{Refuses: map[string]bool{"two": true}})
		want := peer.want(cycle.Restore, 2)
		peer.store(want)
		is := peer.tend(want)
		peer.engine.Rule(enginetest.Rules{})
		<-time.After(time.Until(is.Next))
		is = peer.tend(want)
		require.NotNil(t, is.Restored)
		require.NoError(t, is.Failure)
		assert.Equal(t, []string{"one", "two"}, peer.engine.Has())
	})
}

func TestADamagedCaptureIsNotRestored(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		primary(t, w)
		for _, profile := range profiles {
			s, err := w.server.Open(config(profile))
			require.NoError(t, err)
			keys, err := s.List(t.Context(), shop.Captures())
			require.NoError(t, err)
			require.NoError(t, s.Delete(t.Context(), keys[0]))
		}
		peer := w.cluster(t, 1)
		want := peer.want(cycle.Restore, 2)
		peer.store(want)
		is := peer.tend(want)
		f := cycle.OfRestore(&want, &is)
		assert.Equal(t, "False/Error", short(f))
		assert.Contains(t, f.Message, "object shop/g/kube-objects/1/")
		assert.Contains(t, f.Message, "is missing")
		assert.Empty(t, peer.engine.Has())
	})
}

func TestAStoreThatDoesNotAnswerIsNeverTakenForOneWithoutCaptures(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c := w.cluster(t, 0)
		want := c.want(cycle.Restore, 1)
		w.cut("b", true)
		is := c.tend(want)
		assert.Nil(t, is.Restored)
		require.ErrorContains(t, is.Failure, "it is down")
		w.cut("b", false)
		<-time.After(time.Minute)
		is = c.tend(want)
		require.NotNil(t, is.Restored)
		assert.Nil(t, is.Restored.From, "there is nothing")
		assert.False(t, is.Restored.Lacks())
	})
}

func TestAStoreThatIsDownHoldsNoOtherBack(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := primary(t, w)
		w.cut("b", true)
		<-time.After(interval)
		is := c.tend(want)
		require.NoError(t, is.Failure)
		assert.Equal(t, []string{"a"}, is.Last.Profiles)
		f := cycle.OfCaptures(&want, &is, time.Now())
		assert.Equal(t, "True/Captured", short(f))
		assert.Contains(t, f.Message, "not stored everywhere: read shop/g/manifest.json: S3 profile b")
		assert.Equal(t, is.Last.Pointer.Start.Add(interval), is.Next, "the other store is asked again with the next one")
	})
}

func TestACaptureWithoutARightDoesNotReplaceAWholeOne(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := primary(t, w)
		whole := c.tend(want).Last.Pointer
		c.engine.Rule(enginetest.Rules{Findings: []objects.Finding{{Reason: objects.NotAllowed, Object: "secrets in namespace shop", What: "the right to list it is missing"}}})
		<-time.After(interval)
		is := c.tend(want)
		f := cycle.OfCaptures(&want, &is, time.Now())
		assert.Equal(t, "False/NotSupported", short(f))
		assert.Contains(t, f.Message, "secrets in namespace shop: the right to list it is missing. Apply config/spoke/objects")
		assert.Equal(t, whole, is.Last.Pointer)
		c.engine.Rule(enginetest.Rules{})
		<-time.After(time.Until(is.Next))
		is = c.tend(want)
		assert.Equal(t, "True/Captured", short(cycle.OfCaptures(&want, &is, time.Now())))
	})
}

func TestACaptureThatTakesTooLongIsTold(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := primary(t, w)
		c.engine.Rule(enginetest.Rules{Block: make(chan struct{})})
		<-time.After(interval)
		is := c.tend(want)
		assert.Equal(t, cycle.Capturing, is.Doing)
		assert.Equal(t, is.Last.Pointer.Start.Add(2*interval), is.Next.UTC(), "then it is told")
		assert.Equal(t, "True/Captured", short(cycle.OfCaptures(&want, &is, time.Now())))
		<-time.After(interval)
		is = c.tend(want)
		assert.Equal(t, "False/CaptureOverdue", short(cycle.OfCaptures(&want, &is, time.Now())))
	})
}

func TestFewCapturesRunAtTheSameTime(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c := w.cluster(t, 0, "one")
		block := make(chan struct{})
		c.engine.Rule(enginetest.Rules{Block: block})
		for i := range 20 {
			want := c.want(cycle.Capture, 1)
			want.Group = capsule.Group{Namespace: "shop", Name: fmt.Sprint("g", i)}
			c.store(want)
			c.worker.Tend(t.Context(), want)
		}
		synctest.Wait()
		assert.Equal(t, 4, c.engine.Seen().Running)
		peer := c.want(cycle.Restore, 1)
		c.tend(peer)
		assert.Equal(t, 4, c.engine.Seen().Running, "it has nothing to restore, and did not wait")
		assert.NotNil(t, c.tend(peer).Restored)
		close(block)
		synctest.Wait()
		assert.Equal(t, 20, c.engine.Seen().Captures)
		assert.Equal(t, 4, c.engine.Seen().Most)
	})
}

func short(f cycle.Finding) string { return string(f.Status) + "/" + f.Reason }
