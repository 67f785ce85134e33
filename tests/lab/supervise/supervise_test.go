// SPDX-License-Identifier: Apache-2.0

package supervise_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab/proc"
	"github.com/ramendr/ramen-direct/tests/lab/supervise"
)

const (
	tick = 10 * time.Millisecond
	soon = time.Minute
)

// world is a supervisor and what it recorded.
type world struct {
	*supervise.Supervisor
	dir string

	mu     sync.Mutex
	states []supervise.State
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	w.Supervisor = supervise.New(w.dir, func(s []supervise.State) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.states = s
		return nil
	})
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

func (w *world) last() proc.Identity {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.states[len(w.states)-1].Process
}

// sleeper is ready when its shell has made a file.
func (w *world) sleeper(restart bool) supervise.Service {
	ready := filepath.Join(w.dir, "ready")
	return supervise.Service{
		Name:    "sleeper",
		Command: proc.Command{Path: "sh", Args: []string{"-c", "touch " + ready + "; sleep 1000"}, Log: filepath.Join(w.dir, "log")},
		Ready: func(context.Context) error {
			_, err := os.Stat(ready)
			return err
		},
		Restart: restart,
	}
}

func TestAServiceIsRecordedBeforeItIsReliedUpon(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Start(t.Context(), w.sleeper(false)))
	require.FileExists(t, filepath.Join(w.dir, "ready"))
	require.True(t, w.last().Alive())
	require.Equal(t, "sleeper", w.states[0].Name)
}

func TestAServiceThatEndsBeforeItIsReadyShowsItsLog(t *testing.T) {
	w := newWorld(t)
	err := w.Start(t.Context(), supervise.Service{
		Name:    "broken",
		Command: proc.Command{Path: "sh", Args: []string{"-c", "echo the disk is full; exit 3"}, Log: filepath.Join(w.dir, "log")},
		Ready:   func(context.Context) error { return errors.New("not yet") },
	})
	require.ErrorContains(t, err, "the disk is full")
	require.ErrorContains(t, err, "exit status 3")
}

func TestAServiceThatNeverGetsReadyTellsWhy(t *testing.T) {
	w := newWorld(t)
	service := w.sleeper(false)
	service.Ready = func(context.Context) error { return errors.New("nobody listens") }
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, w.Start(ctx, service), "nobody listens")
}

func TestAServiceThatDiedIsStartedAgain(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Start(t.Context(), w.sleeper(true)))
	first := w.last()
	require.NoError(t, w.Kill("sleeper"))
	require.False(t, first.Alive())
	require.Eventually(t, func() bool { return w.last() != first && w.last().Alive() }, soon, tick, "it runs again")
}

func TestAServiceThatWasStoppedStaysEndedUntilItIsResumed(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Start(t.Context(), w.sleeper(true)))
	first := w.last()
	require.NoError(t, w.Stop("sleeper"))
	require.Never(t, func() bool { return w.last() != first }, 1500*time.Millisecond, tick, "it is not started again")
	require.NoError(t, w.Resume(t.Context(), "sleeper"))
	require.NotEqual(t, first, w.last())
	require.True(t, w.last().Alive())
}

func TestAServiceThatIsFrozenEndsWithTheOthers(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Start(t.Context(), w.sleeper(true)))
	require.NoError(t, w.Signal("sleeper", syscall.SIGSTOP))
	require.NoError(t, w.Close())
	require.False(t, w.last().Alive())
	require.ErrorContains(t, w.Resume(t.Context(), "sleeper"), "closed")
}

func TestAnUnknownServiceIsNamedWithThoseThatExist(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Start(t.Context(), w.sleeper(false)))
	require.ErrorContains(t, w.Kill("slepper"), "it has sleeper")
}
