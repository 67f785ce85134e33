// SPDX-License-Identifier: Apache-2.0

package cycle_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
)

// attempts has a cluster make attempts for a while.
func (c *cluster) attempts(want cycle.Want, during time.Duration, each func(cycle.Standing)) cycle.Standing {
	c.t.Helper()
	until := time.Now().Add(during)
	for {
		is := c.tend(want)
		wait := min(time.Until(is.Next), time.Until(until))
		if wait <= 0 {
			return is
		}
		each(is)
		<-time.After(wait)
	}
}

// TestWhatCanNotBeReadNeverVanishes : the capture that has all stays in place while that may pass. Then captures go on with what the last
// one has of it, the cluster says so, also after a restart, and the peer restores it with the same words.
func TestWhatCanNotBeReadNeverVanishes(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := primary(t, w)
		whole := c.tend(want).Last.Pointer
		<-time.After(interval)
		c.engine.Rule(enginetest.Rules{Unread: map[string]bool{"two": true}})
		c.attempts(want, cycle.Patience-time.Second, func(is cycle.Standing) {
			require.ErrorContains(t, is.Failure, "could not be read: two: 503")
			assert.Equal(t, whole, is.Last.Pointer)
			f := cycle.OfCaptures(&want, &is, time.Now())
			assert.Contains(t, f.Message, "two: 503")
			assert.NotContains(t, f.Message, "a part of the application")
		})
		is := c.attempts(want, interval, func(cycle.Standing) {})
		require.NoError(t, is.Failure)
		assert.NotEqual(t, whole, is.Last.Pointer)
		assert.Equal(t, 2, is.Objects, "with what the capture before has")
		f := cycle.OfCaptures(&want, &is, time.Now())
		assert.Equal(t, "False/CaptureIncomplete", short(f))
		assert.Contains(t, f.Message, "a part of the application could not be read: two: 503")

		c.restart()
		is = c.tend(want)
		assert.Equal(t, "False/CaptureIncomplete", short(cycle.OfCaptures(&want, &is, time.Now())), "a process that starts knows")
		pause := want
		pause.Mode = cycle.Pause
		assert.Equal(t, "False/CaptureIncomplete", short(cycle.OfPause(&pause, &is)))
		before := is.Last.Pointer
		<-time.After(interval)
		is = c.tend(want)
		require.NoError(t, is.Failure, "what the last capture could not read either is not waited for")
		assert.NotEqual(t, before, is.Last.Pointer)

		peer := w.cluster(t, 1)
		restoring := peer.want(cycle.Restore, 2)
		peer.store(restoring)
		back := peer.tend(restoring)
		require.NotNil(t, back.Restored)
		assert.Equal(t, []string{"one", "two"}, peer.engine.Has())
		assert.True(t, back.Restored.Lacks())
		assert.Contains(t, back.Restored.String(), "when it was captured, 1 could not be read: two: 503")
	})
}

// TestWhatCanBeReadAgainIsNotHeldAgainstACapture : what fails later may pass as well.
func TestWhatCanBeReadAgainIsNotHeldAgainstACapture(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := primary(t, w)
		for range 3 {
			<-time.After(interval)
			c.engine.Rule(enginetest.Rules{Unread: map[string]bool{"two": true}})
			is := c.attempts(want, cycle.Patience-2*time.Second, func(is cycle.Standing) { require.Error(t, is.Failure) })
			c.engine.Rule(enginetest.Rules{})
			<-time.After(time.Until(is.Next))
			is = c.tend(want)
			require.NoError(t, is.Failure)
			assert.Equal(t, "True/Captured", short(cycle.OfCaptures(&want, &is, time.Now())))
		}
	})
}

// TestThatSomethingIsUnreadableIsNotHidden by many findings of other kinds.
func TestThatSomethingIsUnreadableIsNotHidden(t *testing.T) {
	var f objects.Findings
	for range 3 * objects.MaxFindings {
		f.Add(objects.LeftOut, "Widget shop/one", "its controller makes it again")
	}
	f.Add(objects.NotRead, "widgets", "503")
	var all objects.Findings
	all.Join(f)
	all.Join(f)
	assert.Len(t, all.Of(objects.NotRead), 2)
	assert.Len(t, all.Of(objects.LeftOut), objects.MaxFindings)
	assert.Equal(t, 6*objects.MaxFindings, all.Count[objects.LeftOut])
}
