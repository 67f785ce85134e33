// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	testclock "k8s.io/utils/clock/testing"

	"github.com/ramendr/ramen-direct/tests/lab/journal"
)

const vol = "vol-1"

// world is two clusters with one volume, a link between them, and all that was ever acknowledged to applications.
type world struct {
	t     *testing.T
	clock *testclock.FakePassiveClock
	sides [2]*side
	// acknowledged is a set of times, which are unique here, so that a record is known from one with the same number
	// that the other side wrote.
	acknowledged map[int64]bool
}

type side struct {
	*Store
	name string
	link link
}

// link is the way to the other side.
type link struct {
	to  *side
	cut *bool
	// deaf makes the answer to a commit get lost, after it was done.
	deaf *bool
}

var errCrash = errors.New("crash")

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: testclock.NewFakePassiveClock(time.Unix(1_700_000_000, 0).UTC()), acknowledged: map[int64]bool{}}
	root := t.TempDir()
	cut, deaf := false, false
	for i, name := range []string{"a", "b"} {
		w.sides[i] = &side{Store: New(filepath.Join(root, name, "volumes"), w.clock), name: name}
	}
	for i := range w.sides {
		w.sides[i].link = link{to: w.sides[1-i], cut: &cut, deaf: &deaf}
	}
	return w
}

func (w *world) cut(is bool)  { *w.sides[0].link.cut = is }
func (w *world) deaf(is bool) { *w.sides[0].link.deaf = is }

func (l link) Describe(ctx context.Context, handle string) (State, error) {
	if *l.cut {
		return State{}, ErrUnreachable
	}
	return l.to.Describe(ctx, handle)
}

func (l link) Begin(ctx context.Context, handle string, offer Offer) (Staging, error) {
	if *l.cut {
		return Staging{}, ErrUnreachable
	}
	return l.to.Begin(ctx, handle, offer)
}

func (l link) Forget(ctx context.Context, handle string) error {
	if *l.cut {
		return ErrUnreachable
	}
	return l.to.Forget(ctx, handle)
}

func (l link) Yield(ctx context.Context, handle string) error {
	if *l.cut {
		return ErrUnreachable
	}
	return l.to.Yield(ctx, handle)
}

func (l link) Commit(ctx context.Context, handle, token string) error {
	if *l.cut {
		return ErrUnreachable
	}
	err := l.to.Commit(ctx, handle, token)
	if *l.deaf {
		return ErrUnreachable
	}
	return err
}

func (w *world) later() time.Time {
	w.clock.SetTime(w.clock.Now().Add(time.Second))
	return w.clock.Now()
}

// write lets an application append n records on a side, if the volume can be mounted there.
func (w *world) write(s *side, n int) error {
	m, err := s.Mount(w.t.Context(), vol, "default/app")
	if err != nil {
		return err
	}
	defer m.Close()
	j, err := journal.Open(m.Dir)
	require.NoError(w.t, err)
	defer j.Close()
	for range n {
		r, err := j.Append(w.later())
		require.NoError(w.t, err)
		w.acknowledged[r.Time.UnixNano()] = true
	}
	// The engine compares file times with its clock, which is not that of the file system here.
	return os.Chtimes(journal.Path(m.Dir), time.Time{}, w.clock.Now())
}

func times(t *testing.T, dir string) map[int64]bool {
	r, err := journal.Verify(dir)
	require.NoError(t, err)
	require.True(t, r.Intact(), "%s: %s", dir, r)
	set := map[int64]bool{}
	for _, record := range r.After(0) {
		set[record.Time.UnixNano()] = true
	}
	return set
}

// records is what an application would find in a copy or in data.
func (w *world) records(s *side, name string) map[int64]bool {
	return times(w.t, filepath.Join(s.dir(vol), name))
}

// anywhere is what all complete folders of both sides hold together.
func (w *world) anywhere() map[int64]bool {
	all := map[int64]bool{}
	for _, s := range w.sides {
		entries, err := os.ReadDir(s.dir(vol))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(w.t, err)
		for _, e := range entries {
			if e.IsDir() && !strings.HasPrefix(e.Name(), incomingPrefix) {
				maps.Copy(all, w.records(s, e.Name()))
			}
		}
	}
	return all
}

func lacks(have, want map[int64]bool) []int64 {
	var missing []int64
	for _, at := range slices.Sorted(maps.Keys(want)) {
		if !have[at] {
			missing = append(missing, at)
		}
	}
	return missing
}

func (w *world) state(s *side) State {
	w.t.Helper()
	st, err := s.Describe(w.t.Context(), vol)
	require.NoError(w.t, err)
	return st
}

// mortal is a disk whose process dies before its n-th step.
type mortal struct {
	disk
	left int
}

func (m *mortal) step(do func() error) error {
	if m.left == 0 {
		return errCrash
	}
	m.left--
	return do()
}

func (m *mortal) mkdir(path string) error { return m.step(func() error { return m.disk.mkdir(path) }) }
func (m *mortal) rename(from, to string) error {
	return m.step(func() error { return m.disk.rename(from, to) })
}

func (m *mortal) symlink(target, path string) error {
	return m.step(func() error { return m.disk.symlink(target, path) })
}

func (m *mortal) remove(path string) error {
	return m.step(func() error { return m.disk.remove(path) })
}

// A write that dies leaves half of its content.
func (m *mortal) write(path string, content []byte) error {
	if m.left == 0 {
		_ = m.disk.write(path, content[:len(content)/2])
	}
	return m.step(func() error { return m.disk.write(path, content) })
}

// doom makes both processes die after n more steps; revive restarts them. Locks end with a process, as they do here
// when an operation returns.
func (w *world) doom(n int) {
	m := &mortal{disk: osDisk{}, left: n}
	for _, s := range w.sides {
		s.disk = m
	}
}

func (w *world) revive() {
	for _, s := range w.sides {
		s.disk = osDisk{}
	}
}

func readNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}
