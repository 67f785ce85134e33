// SPDX-License-Identifier: Apache-2.0

package cycle_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/objects/enginetest"
	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
)

const quiescing = `
groups: [{name: all, type: resource}]
hooks:
- name: db
  namespace: shop
  type: exec
  nameSelector: db-0
  timeout: 60
  ops:
  - {name: quiesce, command: quiesce, inverseOp: unquiesce}
  - {name: unquiesce, command: unquiesce}
  - {name: warm, command: warm, inverseOp: cool}
  - {name: cool, command: cool}
workflows:
- {name: backup, sequence: [{hook: db/quiesce}, {group: all}, {hook: db/unquiesce}]}
- {name: restore, sequence: [{group: all}, {hook: db/warm}]}
`

// quiesced is a cluster whose application is captured by a Recipe with hooks.
func quiesced(t *testing.T, w *world) (*cluster, cycle.Want) {
	t.Helper()
	c := w.cluster(t, 0, "one")
	want := by(t, c.want(cycle.Capture, 1), quiescing)
	c.store(want)
	return c, want
}

func hooksSay(t *testing.T, want cycle.Want, is cycle.Standing) cycle.Finding {
	t.Helper()
	f := cycle.OfHooks(&want, &is)
	require.NotNil(t, f)
	return *f
}

func (c *cluster) nothingIsOwed() {
	c.t.Helper()
	_, is := c.hooks.Written(shop)
	assert.False(c.t, is, "nothing is written down")
	assert.Empty(c.t, c.hooks.Twice(), "each run is one of its own")
}

func TestHooksRunAroundWhatTheyProtect(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		is := c.worker.Look(want)
		assert.Equal(t, "Unknown/Initializing", short(hooksSay(t, want, is)))
		c.hooks.Rule("db/quiesce", enginetest.HookRule{Note: "the database rests"})
		is = c.tend(want)
		assert.Equal(t, "db/quiesce db/unquiesce", c.hooks.Ran())
		assert.Contains(t, hooksSay(t, want, is).Message, "executed successfully, at 2000-01-01T00:00:00Z; the database rests", "a note of a hook that succeeded")
		assert.Equal(t, []string{"capture group/all"}, c.engine.Seen().Steps)
		assert.Equal(t, "True/HookExecuted", short(hooksSay(t, want, is)))
		assert.Equal(t, "True/Captured", short(cycle.OfCaptures(&want, &is, time.Now())))
		c.nothingIsOwed()

		peer := w.cluster(t, 1)
		there := by(t, peer.want(cycle.Restore, 2), quiescing)
		peer.store(there)
		is = peer.tend(there)
		require.NotNil(t, is.Restored, "%v", is.Failure)
		assert.Equal(t, "db/warm", peer.hooks.Ran(), "what succeeded stays")
		assert.Contains(t, hooksSay(t, there, is).Message, "Recovery hooks executed successfully")
		peer.nothingIsOwed()
	})
}

func TestWhatHooksDidIsUndoneWhenAStepFails(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		c.engine.Rule(enginetest.Rules{Refuses: map[string]bool{"group/all": true}})
		is := c.tend(want)
		require.ErrorContains(t, is.Failure, "group all: step group/all is refused")
		assert.Equal(t, "db/quiesce db/unquiesce", c.hooks.Ran())
		assert.Equal(t, "True/HookExecuted", short(hooksSay(t, want, is)), "no hook failed")
		c.nothingIsOwed()

		c.engine.Rule(enginetest.Rules{})
		c.hooks.Rule("db/quiesce", enginetest.HookRule{Block: make(chan struct{})}) // it times out
		<-time.After(time.Until(is.Next))
		c.tend(want)
		<-time.After(time.Minute)
		is = c.tend(want)
		assert.Equal(t, "db/quiesce db/unquiesce db/quiesce db/unquiesce", c.hooks.Ran(), "nobody knows what it did before its time ran out")
		f := hooksSay(t, want, is)
		assert.Equal(t, "False/HookFailed", short(f))
		assert.Contains(t, f.Message, "Capture hooks failed at 2000-01-01T00:01:15Z: hook db/quiesce: context deadline exceeded")
		assert.Contains(t, cycle.OfCaptures(&want, &is, time.Now()).Message, "the last attempt failed: hook db/quiesce")
		assert.Equal(t, 1, len(c.engine.Seen().Steps), "nothing is captured that is not quiesced")
		c.nothingIsOwed()
	})
}

// The process is killed in each of the steps.
func TestWhatHooksDidIsUndoneByTheNextProcess(t *testing.T) {
	for step, block := range map[string]func(c *cluster, held chan struct{}){
		"quiesce": func(c *cluster, held chan struct{}) { c.hooks.Rule("db/quiesce", enginetest.HookRule{Block: held}) },
		"group":   func(c *cluster, held chan struct{}) { c.engine.Rule(enginetest.Rules{Block: held}) },
		"unquiesce": func(c *cluster, held chan struct{}) {
			c.hooks.Rule("db/unquiesce", enginetest.HookRule{Block: held})
		},
	} {
		t.Run(step, func(t *testing.T) {
			in(t, func(t *testing.T, w *world) {
				c, want := quiesced(t, w)
				block(c, make(chan struct{}))
				c.worker.Tend(t.Context(), want)
				synctest.Wait()
				before := c.hooks.Ran()
				written, is := c.hooks.Written(shop)
				require.True(t, is)
				require.Len(t, written.Undo, 1)
				c.hooks.Rule("db/quiesce", enginetest.HookRule{})
				c.hooks.Rule("db/unquiesce", enginetest.HookRule{})
				c.engine.Rule(enginetest.Rules{})
				c.kill()
				synctest.Wait()
				assert.Equal(t, before+" db/unquiesce", c.hooks.Ran(), "before anybody asks for anything")
				c.nothingIsOwed()
				assert.NotNil(t, c.tend(want).Last)
				assert.Equal(t, before+" db/unquiesce db/quiesce db/unquiesce", c.hooks.Ran())
			})
		})
	}
}

func TestWhatHooksDidIsUndoneBeforeTheRoleEnds(t *testing.T) {
	for _, mode := range []cycle.Mode{cycle.Off, cycle.Pause} {
		in(t, func(t *testing.T, w *world) {
			c, want := quiesced(t, w)
			c.engine.Rule(enginetest.Rules{Block: make(chan struct{})})
			c.worker.Tend(t.Context(), want)
			synctest.Wait()
			assert.Equal(t, "db/quiesce", c.hooks.Ran())
			want.Mode = mode
			c.worker.Tend(t.Context(), want)
			assert.Equal(t, "db/quiesce db/unquiesce", c.hooks.Ran(), "before anything is done to the volumes")
			c.nothingIsOwed()
		})
	}
}

func TestAProcessThatEndsUndoesWhatItsHooksDid(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		c.engine.Rule(enginetest.Rules{Block: make(chan struct{})})
		c.worker.Tend(t.Context(), want)
		synctest.Wait()
		c.worker.Close()
		assert.Equal(t, "db/quiesce db/unquiesce", c.hooks.Ran())
		c.nothingIsOwed()
	})
}

func TestUndoingIsTriedUntilItSucceeds(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		c.hooks.Rule("db/unquiesce", enginetest.HookRule{Err: errors.New("it is locked")})
		is := c.tend(want)
		require.NotNil(t, is.Undo)
		f := hooksSay(t, want, is)
		assert.Equal(t, "False/HookFailed", short(f))
		assert.Contains(t, f.Message, "what a hook did is not undone yet: hook db/unquiesce, which undoes db/quiesce: it is locked")
		assert.Contains(t, f.Message, "kubectl -n shop annotate vrg g "+cycle.AnnotationSkipUndo+"="+is.Undo.Record.Attempt)
		<-time.After(time.Hour)
		is = c.tend(want)
		assert.Nil(t, is.Last, "nothing is captured meanwhile")
		captured := c.engine.Seen().Captures

		c.kill()
		synctest.Wait()
		require.NotNil(t, c.tend(want).Undo, "the next process continues")
		off := want
		off.Mode = cycle.Off
		is = c.worker.Tend(t.Context(), off)
		assert.NotNil(t, cycle.OfHooks(&off, &is), "it is told whatever the role")
		c.hooks.Rule("db/unquiesce", enginetest.HookRule{})
		<-time.After(5 * time.Minute)
		is = c.tend(want)
		assert.Nil(t, is.Undo)
		assert.Equal(t, captured+1, c.engine.Seen().Captures)
		c.nothingIsOwed()
	})
}

func TestUndoingEndsByTheUsersWord(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		c.hooks.Rule("db/unquiesce", enginetest.HookRule{Err: errors.New("it is locked")})
		is := c.tend(want)
		require.NotNil(t, is.Undo)
		other := want
		other.SkipUndo = "another"
		require.NotNil(t, c.tend(other).Undo)
		c.hooks.Rule("db/unquiesce", enginetest.HookRule{})
		before := c.hooks.Ran()
		want.SkipUndo = is.Undo.Record.Attempt
		want.Mode = cycle.Off
		c.worker.Tend(t.Context(), want)
		synctest.Wait()
		assert.Nil(t, c.worker.Look(want).Undo)
		assert.Equal(t, before, c.hooks.Ran())
		c.nothingIsOwed()
	})
}

func TestWhatIsGoneNeedNotBeUndone(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		c.hooks.Rule("db/unquiesce", enginetest.HookRule{Err: fmt.Errorf("look: %w", &hooks.AbsentError{What: "there is no running Pod"})})
		is := c.tend(want)
		require.NotNil(t, is.Undo)
		want.Mode = cycle.Off
		c.worker.Tend(t.Context(), want)
		<-time.After(15 * time.Second)
		synctest.Wait()
		require.NotNil(t, c.worker.Look(want).Undo, "Pods that are replaced come back")
		<-time.After(30 * time.Second)
		synctest.Wait()
		assert.Nil(t, c.worker.Look(want).Undo)
		c.nothingIsOwed()
	})
}

func TestNothingIsBegunThatCanNotBeWrittenDown(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		c.hooks.Lose(errors.New("there is no API server"))
		is := c.tend(want)
		require.ErrorContains(t, is.Failure, "hook db/quiesce was not begun")
		assert.Empty(t, c.hooks.Ran())
		c.hooks.Lose(nil)
		<-time.After(time.Minute)
		assert.NotNil(t, c.tend(want).Last)
	})
}

func TestALongHookIsTold(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		held := make(chan struct{})
		time.AfterFunc(50*time.Second, func() { close(held) })
		c.hooks.Rule("db/quiesce", enginetest.HookRule{Block: held})
		c.worker.Tend(t.Context(), want)
		<-time.After(15 * time.Second)
		assert.Len(t, c.woken, 1)
		is := c.worker.Look(want)
		assert.Contains(t, hooksSay(t, want, is).Message, "hook db/quiesce, step 1 of 3, is under way since 2000-01-01T00:00:00Z")
		<-time.After(time.Minute)
		assert.NotContains(t, hooksSay(t, want, c.tend(want)).Message, "under way")
	})
}

// Hooks wait for applications. Groups without hooks are not held back by that, and those with hooks are bounded, too.
func TestHooksHoldNoOtherGroupBack(t *testing.T) {
	in(t, func(t *testing.T, w *world) {
		c, want := quiesced(t, w)
		held := make(chan struct{})
		c.hooks.Rule("db/quiesce", enginetest.HookRule{Block: held})
		for i := range 20 {
			want.Group = capsule.Group{Namespace: "shop", Name: fmt.Sprint("g", i)}
			c.store(want)
			c.worker.Tend(t.Context(), want)
		}
		synctest.Wait()
		assert.Len(t, strings.Fields(c.hooks.Ran()), 16)
		plain := c.want(cycle.Capture, 1)
		plain.Group = capsule.Group{Namespace: "shop", Name: "plain"}
		c.store(plain)
		c.tend(plain)
		assert.NotNil(t, c.worker.Look(plain).Last)
		close(held)
		synctest.Wait()
		assert.Equal(t, 21, c.engine.Seen().Captures)
	})
}

// What a hook does, what that means by its onError, by whether it is essential, and by failOn, in a capture and in a restore.
func TestWhatAHookThatFailsMeans(t *testing.T) {
	gone := &hooks.AbsentError{What: "there is no running Pod"}
	for result, rule := range map[string]enginetest.HookRule{
		"succeeds": {}, "fails": {Err: errors.New("exit code 3")}, "times out": {Block: make(chan struct{})}, "finds nothing": {Err: gone},
	} {
		for _, onError := range []string{"fail", "continue"} {
			for _, essential := range []bool{true, false} {
				for _, failOn := range []string{"any-error", "essential-error", "full-error"} {
					for _, skip := range []bool{true, false} {
						for _, restore := range []bool{true, false} {
							good := result == "succeeds" || onError == "continue" || skip && result == "finds nothing"
							// With full-error the group, which is essential and succeeds, is enough.
							fails := !good && (failOn == "any-error" || failOn == "essential-error" && essential)
							name := fmt.Sprintf("%s, onError %s, essential %v, %s, skip %v, restore %v", result, onError, essential, failOn, skip, restore)
							in(t, func(t *testing.T, w *world) {
								meaning(t, w, name, fmt.Sprintf(oneHook, onError, essential, skip, failOn, failOn), rule, restore, good, fails)
							})
						}
					}
				}
			}
		}
	}
}

const oneHook = `
groups: [{name: all, type: resource}]
hooks:
- {name: h, namespace: shop, type: exec, nameSelector: a, timeout: 1, onError: %s, essential: %v, skipHookIfNotPresent: %v, ops: [{name: run, command: run}]}
- {name: none, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: run}]}
workflows:
- {name: backup, failOn: %s, sequence: [{hook: h/run}, {group: all}]}
- {name: restore, failOn: %s, sequence: [{hook: h/run}, {group: all}]}
`

func meaning(t *testing.T, w *world, name, text string, rule enginetest.HookRule, restore, good, fails bool) {
	t.Helper()
	if rule.Block != nil {
		rule.Block = make(chan struct{}) // of this bubble
	}
	c := w.cluster(t, 0, "one")
	want := by(t, c.want(cycle.Capture, 1), text)
	c.store(want)
	if restore {
		c.tend(want)
		c = w.cluster(t, 1)
		want = by(t, c.want(cycle.Restore, 2), text)
		c.store(want)
	}
	c.hooks.Rule("h/run", rule)
	c.tend(want)
	<-time.After(2 * time.Second)
	synctest.Wait()
	is := c.worker.Look(want)
	assert.Equal(t, fails, is.Failure != nil, "%s: %v", name, is.Failure)
	assert.Equal(t, map[bool]string{true: "True/HookExecuted", false: "False/HookFailed"}[good], short(hooksSay(t, want, is)), name)
	switch {
	case fails:
		assert.Empty(t, c.engine.Seen().Steps, "%s: what follows does not run", name)
	case restore:
		require.NotNil(t, is.Restored, name)
		assert.Equal(t, !good, is.Restored.Partly != nil, name)
	default:
		require.NotNil(t, is.Last, name)
		assert.Equal(t, !good, is.Partly != nil, name)
	}
	c.nothingIsOwed()
}
