// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// insist repeats an operation until it says what is wanted; the first crash is the only one.
func (w *world) insist(do func() error) {
	w.t.Helper()
	for range 3 {
		if err := do(); err == nil {
			return
		}
		w.revive()
		// The device under the application keeps what it had at the crash.
		require.Empty(w.t, lacks(w.anywhere(), w.acknowledged), "bytes are gone after a crash")
	}
	require.NoError(w.t, do())
}

func (w *world) settled(s *side, autoResync bool) func() error {
	return func() error {
		got, err := s.Align(w.t.Context(), vol, s.link, autoResync)
		if err == nil && got != InSync {
			err = fmt.Errorf("alignment %d", got)
		}
		return err
	}
}

func (w *world) pass(s *side) func() error {
	return func() error { _, err := s.Pass(w.t.Context(), vol, s.link); return err }
}

func (w *world) demote(s *side) func() error {
	return func() error { return s.Demote(w.t.Context(), vol) }
}

func (w *world) take(s *side, force bool) func() error {
	return func() error { _, err := s.Promote(w.t.Context(), vol, s.link, force); return err }
}

// Each story is told again and again, with a crash of both drivers before each single step on disk.
func TestACrashAtAnyStepLosesNothing(t *testing.T) {
	stories := map[string]func(w *world, a, b *side){
		"relocate and back": func(w *world, a, b *side) {
			for range 2 {
				require.NoError(w.t, w.write(a, 1))
				w.insist(w.pass(a))
				require.NoError(w.t, w.write(a, 1))
				w.insist(w.demote(a))
				w.insist(w.settled(a, false))
				w.insist(w.take(b, false))
				assert.Empty(w.t, lacks(w.records(b, dataName), w.acknowledged), "an orderly move lost records")
				a, b = b, a
			}
		},
		"failover and return": func(w *world, a, b *side) {
			require.NoError(w.t, w.write(a, 1))
			w.insist(w.pass(a))
			lost := len(w.acknowledged)
			require.NoError(w.t, w.write(a, 2))
			w.cut(true)
			w.insist(w.take(b, false))
			assert.Len(w.t, w.records(b, dataName), lost)
			require.NoError(w.t, w.write(b, 1))
			w.cut(false)
			w.insist(w.demote(a))
			w.insist(func() error {
				got, err := a.Align(w.t.Context(), vol, a.link, true)
				if err == nil && got != Resyncing {
					err = fmt.Errorf("alignment %d", got)
				}
				return err
			})
			w.insist(w.pass(b))
			w.insist(w.settled(a, true))
			assert.Equal(w.t, w.records(b, dataName), w.records(a, currentName))
		},
		"provision and delete": func(w *world, _, _ *side) {
			s := w.sides[0]
			w.insist(func() error { return s.Create("vol-2") })
			_, err := s.Mount(w.t.Context(), "vol-3", "x")
			require.Error(w.t, err)
			w.insist(func() error { _, err := s.Delete(w.t.Context(), "vol-2"); return err })
			assert.NoDirExists(w.t, s.dir("vol-2"))
		},
	}
	stories["hand over and back"] = func(w *world, a, b *side) {
		a.Store, b.Store = a.As(Array), b.As(Array)
		for range 2 {
			require.NoError(w.t, w.write(a, 1))
			w.insist(func() error { return a.StepDown(w.t.Context(), vol, a.link) })
			w.insist(w.take(b, false))
			assert.Empty(w.t, lacks(w.records(b, dataName), w.acknowledged), "a role that was handed over lost records")
			a, b = b, a
		}
	}
	stories["fail over, protect again and hand back"] = func(w *world, a, b *side) {
		a.Store, b.Store = a.As(Array), b.As(Array)
		require.NoError(w.t, w.write(a, 1))
		w.insist(w.pass(a))
		require.NoError(w.t, w.write(a, 2))
		w.cut(true)
		w.insist(w.take(b, true))
		require.NoError(w.t, w.write(b, 1))
		w.cut(false)
		w.insist(func() error { return a.StepDown(w.t.Context(), vol, a.link) })
		w.insist(func() error { _, err := b.Resync(w.t.Context(), vol, b.link, true); return err })
		w.insist(w.pass(b))
		assert.Equal(w.t, w.records(b, dataName), w.records(a, currentName))
		w.insist(func() error { return b.StepDown(w.t.Context(), vol, b.link) })
		assert.Equal(w.t, Primary, w.state(a).Role)
	}
	stories["snapshot, receive and restore"] = func(w *world, a, _ *side) {
		ctx, was := w.t.Context(), w.records(a, dataName)
		w.insist(func() error { _, err := a.Snapshot(ctx, vol, "snap"); return err })
		require.NoError(w.t, w.write(a, 1))
		w.insist(func() error { return a.Restore(ctx, "snap", "vol-2") })
		assert.Equal(w.t, was, times(w.t, filepath.Join(a.dir("vol-2"), dataName)))
		w.insist(func() error { return a.Create("vol-3") })
		w.insist(func() error {
			to, err := a.Stage()
			if err == nil {
				_, err = a.Send(ctx, "snap", to)
			}
			if err == nil {
				err = a.Accept(ctx, "vol-3", to.Token, "x")
			}
			return err
		})
		st, err := a.Describe(ctx, "vol-3")
		require.NoError(w.t, err)
		require.NotNil(w.t, st.Received)
		w.insist(func() error { return a.Acknowledge(ctx, "vol-3", st.Received.Token) })
		assert.Equal(w.t, was, times(w.t, filepath.Join(a.dir("vol-3"), dataName)))
		w.insist(func() error { return a.DeleteSnapshot(ctx, "snap") })
		assert.NoDirExists(w.t, a.snapshotDir("snap"))
		handles, err := a.Handles()
		require.NoError(w.t, err)
		assert.ElementsMatch(w.t, []string{vol, "vol-2", "vol-3"}, handles, "snapshots are no volumes")
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			for n := 0; ; n++ {
				w, a, b := protected(t, 2)
				w.doom(n)
				story(w, a, b)
				if t.Failed() {
					t.Fatalf("with a crash before step %d", n)
				}
				assert.Empty(t, lacks(w.anywhere(), w.acknowledged))
				if m, alive := a.disk.(*mortal); alive && m.left > 0 {
					t.Logf("%d steps", n)
					return
				}
			}
		})
	}
}

// Whatever controllers, links and crashes do, in any order: bytes that were acknowledged are somewhere, and a side that
// is promoted without force while the other one is not primary has them all.
func TestAnyOrderOfEventsLosesNothing(t *testing.T) {
	runs := 80
	if testing.Short() {
		runs = 20
	}
	for seed := range runs {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t)
			random := rand.New(rand.NewPCG(uint64(seed), 1))
			require.NoError(t, w.sides[0].Create(vol))
			for range 60 {
				w.event(random)
			}
			w.revive()
			w.cut(false)
			w.deaf(false)
			assert.Empty(t, lacks(w.anywhere(), w.acknowledged), "bytes are gone")
			w.recover(random.IntN(2))
		})
	}
}

func (w *world) event(random *rand.Rand) {
	ctx := w.t.Context()
	s := w.sides[random.IntN(2)]
	other := s.link.to
	switch random.IntN(14) {
	case 0, 1, 2:
		_ = w.write(s, 1+random.IntN(3))
	case 3, 4, 5:
		_, _ = s.Pass(ctx, vol, s.link)
	case 6, 7:
		_ = s.Demote(ctx, vol)
	case 8, 9:
		_, _ = s.Align(ctx, vol, s.link, random.IntN(3) == 0)
	case 10:
		force := random.IntN(4) == 0
		was, peerWas, before := w.state(s), w.state(other), w.anywhere()
		done, err := s.Promote(ctx, vol, s.link, force)
		orderly := err == nil && done.Changed && done.Forced == "" && peerWas.Role == Secondary
		// A peer that had moved its content aside gave it up by order.
		if orderly && w.abandoned() == nil {
			require.Empty(w.t, lacks(w.records(s, dataName), w.acknowledged), "an orderly promotion lost records: %+v, peer %+v", was, peerWas)
		}
		require.Empty(w.t, lacks(w.anywhere(), before))
	case 11:
		w.cut(random.IntN(3) == 0)
	case 12:
		w.deaf(random.IntN(4) == 0)
	case 13:
		w.revive()
		if random.IntN(2) == 0 {
			w.doom(random.IntN(12))
		}
	}
}

// abandoned lists the folders with content that an automatic resync moved aside.
func (w *world) abandoned() []string {
	var names []string
	for _, s := range w.sides {
		entries, err := readNames(s.dir(vol))
		require.NoError(w.t, err)
		for _, name := range entries {
			if len(name) > len(divergedPrefix) && name[:len(divergedPrefix)] == divergedPrefix {
				names = append(names, name)
			}
		}
	}
	return names
}

// recover does what an operator does at the end of any trouble: one side is promoted, the other one demoted with
// automatic resync. That must always bring both in sync.
func (w *world) recover(winner int) {
	ctx, t := w.t.Context(), w.t
	s, other := w.sides[winner], w.sides[1-winner]
	if _, err := s.Promote(ctx, vol, s.link, true); errors.Is(err, ErrNoCopy) {
		s, other = other, s
		_, err = s.Promote(ctx, vol, s.link, true)
		if errors.Is(err, ErrNoCopy) {
			require.Nil(t, w.acknowledged, "neither side has a copy")
		}
		require.NoError(t, err)
	} else if errors.Is(err, ErrFinalPending) {
		require.NoError(t, w.settled(other, false)())
		require.NoError(t, w.take(s, false)())
	} else {
		require.NoError(t, err)
	}
	if w.state(other).Role == Primary {
		require.NoError(t, other.Demote(ctx, vol))
	}
	if w.state(other).Role == Secondary {
		_, err := other.Align(ctx, vol, other.link, true)
		require.NoError(t, err)
	}
	w.later()
	w.later()
	require.NoError(t, w.pass(s)())
	require.NoError(t, w.settled(other, true)())
	require.Equal(t, w.records(s, dataName), w.records(other, currentName))
	require.Empty(t, lacks(w.anywhere(), w.acknowledged), "bytes are gone")
}
