// SPDX-License-Identifier: Apache-2.0

package cycle_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
)

// scaling has a worker that is scaled down while it is captured.
const scaling = `
groups: [{name: all, type: resource}]
hooks:
- {name: worker, namespace: shop, type: scale, selectResource: deployment, nameSelector: worker}
- name: guard
  namespace: shop
  type: exec
  nameSelector: worker
  ops: [{name: begin, command: "true", inverseOp: worker/up}]
- {name: other, namespace: shop, type: job, jobs: [{name: begin, inverseOp: end}, {name: end}]}
jobs:
- {begin: "{apiVersion: batch/v1, kind: Job}"}
- {end: "{apiVersion: batch/v1, kind: Job}"}
workflows:
- {name: backup, sequence: [{hook: guard/begin}, {hook: worker/down}, {group: all}, {hook: worker/up}]}
- {name: restore, sequence: [{group: all}, {hook: other/begin}]}
`

// downs is a cluster whose application is scaled down, and captured, when it is told to leave.
func downs(t *testing.T, w *world) (*cluster, cycle.Want) {
	t.Helper()
	c := w.cluster(t, 0, "one")
	want := by(t, c.want(cycle.Capture, 1), scaling)
	c.store(want)
	c.engine.Rule(enginetest.Rules{Block: make(chan struct{})})
	c.worker.Tend(t.Context(), want)
	synctest.Wait()
	require.Equal(t, "guard/begin worker/down", c.hooks.Ran())
	c.place.Store(uint32(cycle.Elsewhere))
	want.Mode = cycle.Off
	c.worker.Tend(t.Context(), want)
	synctest.Wait()
	return c, want
}

// On a cluster that the application left, nothing starts it. It is started when it comes back, and before it is captured again.
func TestNothingIsScaledUpWhereTheApplicationIsNotToRun(t *testing.T) {
	for _, killed := range []bool{false, true} {
		in(t, func(t *testing.T, w *world) {
			c, want := downs(t, w)
			assert.Equal(t, "guard/begin worker/down", c.hooks.Ran())
			if killed {
				c.kill()
			}
			<-time.After(time.Hour)
			is := c.worker.Tend(t.Context(), want)
			assert.Equal(t, "guard/begin worker/down", c.hooks.Ran())
			f := hooksSay(t, want, is)
			assert.Equal(t, "False/HookFailed", short(f))
			assert.Contains(t, f.Message, "hook worker/up, which undoes guard/begin: it would start Pods, and the application is not to run on this cluster now")

			c.engine.Rule(enginetest.Rules{})
			want.Mode = cycle.Capture
			c.worker.Tend(t.Context(), want) // the volumes are not promoted yet
			synctest.Wait()
			c.place.Store(uint32(cycle.Here))
			<-time.After(15 * time.Second)
			is = c.tend(want)
			assert.Equal(t, "guard/begin worker/down worker/up guard/begin worker/down worker/up", c.hooks.Ran())
			assert.NotNil(t, is.Last)
			c.nothingIsOwed()
		})
	}
}

// When DR is disabled, the application stays where it runs, and is not started where it was not to run. That is known by a later
// process, too.
func TestWhatIsScaledUpWhenTheGroupIsGone(t *testing.T) {
	for _, killed := range []bool{false, true} {
		for _, left := range []bool{false, true} {
			in(t, func(t *testing.T, w *world) {
				c, _ := downs(t, w)
				if !left {
					c = w.cluster(t, 1, "one")
					want := by(t, c.want(cycle.Capture, 1), scaling)
					c.store(want)
					c.hooks.Rule("worker/up", enginetest.HookRule{Err: errors.New("there is no API server")})
					c.tend(want)
				}
				c.hooks.Rule("worker/up", enginetest.HookRule{})
				before := c.hooks.Ran()
				c.place.Store(uint32(cycle.Unprotected))
				if killed {
					<-time.After(time.Second)
					c.kill()
				}
				<-time.After(5 * time.Minute)
				synctest.Wait()
				if left {
					assert.Equal(t, before, c.hooks.Ran())
				} else {
					assert.Equal(t, before+" worker/up", c.hooks.Ran())
				}
				c.nothingIsOwed()
			})
		}
	}
}

// A Job starts Pods, too.
func TestNoJobIsRunWhereTheApplicationIsNotToRun(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c := w.cluster(t, 0, "one")
		want := by(t, c.want(cycle.Capture, 1), scaling)
		c.store(want)
		require.NotNil(t, c.tend(want).Last)
		peer := w.cluster(t, 1)
		there := by(t, peer.want(cycle.Restore, 2), scaling)
		peer.store(there)
		peer.hooks.Rule("other/begin", enginetest.HookRule{Block: make(chan struct{})})
		peer.worker.Tend(t.Context(), there)
		synctest.Wait()
		require.Equal(t, "other/begin", peer.hooks.Ran())
		peer.place.Store(uint32(cycle.Elsewhere))
		there.Mode = cycle.Off
		peer.worker.Tend(t.Context(), there)
		<-time.After(time.Hour)
		assert.Equal(t, "other/begin", peer.hooks.Ran())
	})
}

// The group may be gone, and with it the place for annotations: then a key of the Secret is removed.
func TestUndoingEndsWhenAPersonRemovesTheRecord(t *testing.T) {
	for _, killed := range []bool{false, true} {
		in(t, func(t *testing.T, w *world) {
			c, want := quiesced(t, w)
			c.hooks.Rule("db/unquiesce", enginetest.HookRule{Err: errors.New("the right is missing")})
			require.NotNil(t, c.tend(want).Undo)
			want.Mode = cycle.Off
			c.worker.Tend(t.Context(), want)
			if killed {
				<-time.After(time.Second)
				c.kill()
				synctest.Wait()
			}
			c.hooks.Remove(shop)
			before := c.hooks.Ran()
			<-time.After(5 * time.Minute)
			synctest.Wait()
			assert.Nil(t, c.worker.Look(want).Undo)
			assert.Equal(t, before, c.hooks.Ran(), "without another try")
			c.nothingIsOwed()
			want.Mode = cycle.Capture
			c.hooks.Rule("db/unquiesce", enginetest.HookRule{Block: make(chan struct{})})
			c.worker.Tend(t.Context(), want)
			assert.Contains(t, hooksSay(t, want, c.worker.Look(want)).Message, "what db/quiesce did was not undone: a person removed its key from Secret ramen-hooks. If it lies on a volume, undo it by hand")
		})
	}
}

// A record that can't be read is none that somebody removed.
func TestUndoingGoesOnWhileTheRecordCanNotBeRead(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		c.hooks.Rule("db/unquiesce", enginetest.HookRule{Err: errors.New("it is locked")})
		require.NotNil(t, c.tend(want).Undo)
		c.hooks.Lose(errors.New("there is no API server"))
		before := c.hooks.Ran()
		<-time.After(20 * time.Second)
		assert.Equal(t, before+" db/unquiesce", c.hooks.Ran())
	})
}

func TestOfWhatIsGoneForGoodNothingIsUndone(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		c.hooks.Rule("db/unquiesce", enginetest.HookRule{Err: &hooks.GoneError{What: "namespace shop does not exist any more"}})
		c.engine.Rule(enginetest.Rules{Refuses: map[string]bool{"group/all": true}})
		is := c.tend(want)
		assert.Nil(t, is.Undo, "at once")
		assert.Contains(t, hooksSay(t, want, is).Message, "what db/quiesce did was not undone: namespace shop does not exist any more")
		c.nothingIsOwed()
		c.hooks.Rule("db/unquiesce", enginetest.HookRule{})
		<-time.After(time.Until(is.Next))
		is = c.tend(want)
		assert.NotContains(t, hooksSay(t, want, is).Message, "was not undone", "it is told until hooks run again")
	})
}
