// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEachKindOfStorage : what storages answer where they differ, in the situations of a failover and of a relocate.
func TestEachKindOfStorage(t *testing.T) {
	demoted := func(t *testing.T, w *world) {
		t.Helper()
		require.NoError(t, w.sides[0].Demote(t.Context(), vol))
	}
	shipped := func(t *testing.T, w *world) {
		t.Helper()
		demoted(t, w)
		require.Equal(t, InSync, align(t, w.sides[0], false))
	}
	taken := func(t *testing.T, w *world) {
		t.Helper()
		shipped(t, w)
		_, err := w.sides[1].Promote(t.Context(), vol, w.sides[1].link, false)
		require.NoError(t, err)
	}
	returned := func(t *testing.T, w *world) {
		t.Helper()
		w.promote(w.sides[1])
		demoted(t, w)
		_, _ = w.sides[0].Resync(t.Context(), vol, w.sides[0].link, true)
		require.NoError(t, w.sides[1].Enable(t.Context(), vol, 1))
		_, err := w.sides[1].Pass(t.Context(), vol, w.sides[1].link)
		require.NoError(t, err)
	}
	away := func(after func(*testing.T, *world)) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			t.Helper()
			after(t, w)
			w.cut(true)
		}
	}
	const (
		level   = "in sync"
		follows = "follows"
		waits   = "is not in line yet"
		refused = "is not released"
		done    = "is released"
		force   = "is promoted by force"
		promote = "is promoted"
	)
	resync := func(t *testing.T, s *side) string {
		t.Helper()
		got, err := s.Resync(t.Context(), vol, s.link, false)
		switch {
		case err != nil:
			return waits
		case got == InSync:
			return level
		default:
			require.Equal(t, Following, got)
			return follows
		}
	}
	end := func(t *testing.T, s *side) string {
		t.Helper()
		if err := s.End(t.Context(), vol, s.link); err != nil {
			require.ErrorIs(t, err, ErrReplicating)
			return refused
		}
		return done
	}
	promotion := func(t *testing.T, s *side) string {
		t.Helper()
		_, err := s.Promote(t.Context(), vol, s.link, false)
		switch {
		case err == nil:
			return promote
		case s.Forces(err):
			return force
		default:
			return waits
		}
	}
	for name, tc := range map[string]struct {
		situation  func(*testing.T, *world)
		of         int
		ask        func(*testing.T, *side) string
		ideal, rbd string
	}{
		"a failed side that returned, under its primary peer": {returned, 0, resync, level, follows},
		"the same, released":                                         {returned, 0, end, done, done},
		"a demoted side whose last copy is on its way":               {demoted, 0, resync, level, level}, // which sends it
		"a side whose peer was demoted, before the last copy":        {demoted, 1, resync, level, follows},
		"a side whose peer was demoted, when it has the last copy":   {shipped, 1, resync, level, level},
		"a demoted side while neither is primary, released":          {shipped, 0, end, done, refused},
		"the peer of it, released":                                   {shipped, 1, end, done, refused},
		"a demoted side whose peer has taken over":                   {taken, 0, resync, level, follows},
		"a demoted side whose peer has taken over, released":         {taken, 0, end, done, done},
		"a promotion before the last copy":                           {demoted, 1, promotion, waits, force},
		"a promotion after the last copy":                            {shipped, 1, promotion, promote, promote},
		"a promotion back, where neither is primary":                 {shipped, 0, promotion, promote, promote},
		"a promotion while the peer is away":                         {away(func(*testing.T, *world) {}), 1, promotion, promote, force},
		"the same, when it has the last copy":                        {away(shipped), 1, promotion, promote, promote},
		"a promotion back while the peer is away":                    {away(shipped), 0, promotion, promote, promote},
		"a promotion while the peer is primary":                      {func(*testing.T, *world) {}, 1, promotion, force, force},
		"a failed side that returned, before the peer's copy: waits": {func(t *testing.T, w *world) { t.Helper(); w.promote(w.sides[1]); demoted(t, w) }, 0, resync, waits, waits},
	} {
		for kind, want := range map[Kind]string{Ideal: tc.ideal, RBD: tc.rbd} {
			t.Run(string(kind)+": "+name, func(t *testing.T) {
				w, a, b := protected(t, 3)
				a.Store, b.Store = a.As(kind), b.As(kind)
				tc.situation(t, w)
				assert.Equal(t, want, tc.ask(t, w.sides[tc.of]))
			})
		}
	}
}

// TestTheEndOfAPrimary removes the peer's copy where the storage does so.
func TestTheEndOfAPrimary(t *testing.T) {
	for kind, left := range map[Kind]Role{Ideal: Secondary, RBD: Absent} {
		w, a, b := protected(t, 1)
		a.Store, b.Store = a.As(kind), b.As(kind)
		require.NoError(t, a.End(t.Context(), vol, a.link))
		assert.Equal(t, left, w.state(b).Role, kind)
		assert.Equal(t, Primary, w.state(a).Role)
		assert.Len(t, w.records(a, dataName), 1)
	}
}

func TestParseKind(t *testing.T) {
	k, err := ParseKind("rbd")
	require.NoError(t, err)
	assert.Equal(t, RBD, k)
	_, err = ParseKind("floppy")
	require.Error(t, err)
	assert.False(t, errors.Is(err, ErrNotFound))
}
