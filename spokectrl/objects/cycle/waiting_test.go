// SPDX-License-Identifier: Apache-2.0

package cycle_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
)

// woke reports whether the group was woken since it was asked last.
func (c *cluster) woke() bool {
	woken := len(c.woken) > 0
	for len(c.woken) > 0 {
		<-c.woken
	}
	return woken
}

func TestAnUndoThatTakesLongIsTold(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		c.engine.Rule(enginetest.Rules{Refuses: map[string]bool{"group/all": true}})
		held := make(chan struct{})
		c.hooks.Rule("db/unquiesce", enginetest.HookRule{Block: held})
		c.worker.Tend(t.Context(), want)
		synctest.Wait()
		c.woke()
		is := c.worker.Look(want)
		require.NotNil(t, is.Undo)
		assert.NotContains(t, hooksSay(t, want, is).Message, "which undoes", "what is short is not told")
		<-time.After(15 * time.Second)
		assert.True(t, c.woke())
		is = c.worker.Look(want)
		const says = "; now: hook db/unquiesce, which undoes db/quiesce, is under way on this cluster since 2000-01-01T00:00:00Z, and nothing is captured or restored before it has ended"
		assert.Contains(t, hooksSay(t, want, is).Message, says)
		assert.Contains(t, cycle.OfCaptures(&want, &is, time.Now()).Message, says)
		off := want
		off.Mode = cycle.Off
		f := hooksSay(t, off, is)
		assert.Contains(t, f.Message, says, "whatever the role")
		close(held)
		synctest.Wait()
		assert.NotContains(t, hooksSay(t, want, c.worker.Look(want)).Message, "now:")
	})
}

func TestATurnThatDoesNotComeIsTold(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		held := make(chan struct{})
		c.hooks.Rule("db/quiesce", enginetest.HookRule{Block: held})
		for i := range 17 {
			want.Group = capsule.Group{Namespace: "shop", Name: fmt.Sprint("g", i)}
			c.store(want)
			c.worker.Tend(t.Context(), want)
			synctest.Wait()
		}
		c.woke()
		<-time.After(15 * time.Second)
		assert.True(t, c.woke())
		is := c.worker.Look(want)
		const says = "; now: its turn is waited for since 2000-01-01T00:00:00Z: 16 captures like it run at the same time on this cluster, and it begins when one of them has ended"
		assert.Contains(t, hooksSay(t, want, is).Message, says)
		assert.Contains(t, cycle.OfCaptures(&want, &is, time.Now()).Message, says)
		close(held)
		synctest.Wait()
		is = c.worker.Look(want)
		assert.NotContains(t, hooksSay(t, want, is).Message, "now:")
	})
}

// Nothing is begun before it is known what is to be undone, not for groups without hooks either.
func TestRecordsThatCanNotBeReadAreTold(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		c.hooks.Lose(errors.New("read Secret op/ramen-hooks: secrets is forbidden"))
		c.worker.Close()
		c.start()
		recovered := make(chan struct{})
		go func() {
			defer close(recovered)
			assert.NoError(t, c.worker.Recover(t.Context()))
		}()
		synctest.Wait()
		c.worker.Tend(t.Context(), want)
		<-time.After(20 * time.Second)
		assert.True(t, c.woke())
		const says = "; now: what the hooks of an earlier process did could not be read since 2000-01-01T00:00:00Z: read Secret op/ramen-hooks: secrets is forbidden. Nothing is captured or restored on this cluster before that is known; it is tried again, at the latest after 5m0s"
		is := c.worker.Tend(t.Context(), want)
		assert.Contains(t, hooksSay(t, want, is).Message, says)
		plain := c.want(cycle.Capture, 1)
		assert.Contains(t, cycle.OfCaptures(&plain, &is, time.Now()).Message, says)
		plain.Mode = cycle.Restore
		assert.Contains(t, cycle.OfRestore(&plain, &is).Message, says)
		c.hooks.Lose(nil)
		<-recovered
		is = c.tend(want)
		assert.NotNil(t, is.Last)
		assert.NotContains(t, hooksSay(t, want, is).Message, "now:")
	})
}
