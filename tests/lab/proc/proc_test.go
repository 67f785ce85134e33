// SPDX-License-Identifier: Apache-2.0

package proc_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab/proc"
)

const (
	tick = 10 * time.Millisecond
	soon = time.Minute
)

// envMark makes this test program start a process with that mark and wait to be killed, instead of tests.
const envMark = "RAMENLAB_TEST_MARK"

func TestMain(m *testing.M) {
	mark := os.Getenv(envMark)
	if mark == "" {
		os.Exit(m.Run())
	}
	_, err := proc.NewSpawner(mark).Start(proc.Command{Path: "sleep", Args: []string{"1000"}, Log: os.DevNull})
	fmt.Println(err)
	select {}
}

func sleeper(t *testing.T, s *proc.Spawner) *proc.Process {
	t.Helper()
	p, err := s.Start(proc.Command{Path: "/bin/sh", Args: []string{"-c", "sleep 1000 & wait"}, Log: filepath.Join(t.TempDir(), "log")})
	require.NoError(t, err)
	return p
}

func marked(t *testing.T, mark string, want int) {
	t.Helper()
	require.Eventually(t, func() bool {
		pids, err := proc.Marked(mark)
		return err == nil && len(pids) == want
	}, soon, tick, "%d processes have the mark", want)
}

func TestAProcessIsKnownByMoreThanItsPID(t *testing.T) {
	self, err := proc.Self()
	require.NoError(t, err)
	require.True(t, self.Alive())
	for name, change := range map[string]func(*proc.Identity){
		"its pid was used again":       func(i *proc.Identity) { i.Start-- },
		"the machine was booted since": func(i *proc.Identity) { i.Boot = "another" },
		"nothing is known of it":       func(i *proc.Identity) { *i = proc.Identity{} },
	} {
		t.Run(name, func(t *testing.T) {
			other := self
			change(&other)
			require.False(t, other.Alive())
		})
	}
}

func TestChildrenOfAProcessEndWithIt(t *testing.T) {
	mark := t.TempDir()
	s := proc.NewSpawner(mark)
	defer s.Close()
	p := sleeper(t, s)
	marked(t, mark, 2)
	require.NoError(t, syscall.Kill(p.PID, syscall.SIGKILL))
	<-p.Done()
	require.Error(t, p.Err())
	require.False(t, p.Alive())
	marked(t, mark, 0)
	require.NoError(t, p.Signal(syscall.SIGTERM), "to signal what has ended is no error")
}

func TestProcessesEndWithTheirSpawner(t *testing.T) {
	mark := t.TempDir()
	s := proc.NewSpawner(mark)
	p := sleeper(t, s)
	marked(t, mark, 2)
	s.Close()
	<-p.Done()
	marked(t, mark, 0)
}

// TestProcessesEndWithTheirSpawnerOnWhateverThread starts more spawners than the Go runtime has threads, so that one of them
// would be on the main thread, which does not end before the process.
func TestProcessesEndWithTheirSpawnerOnWhateverThread(t *testing.T) {
	const many = 50
	var spawners []*proc.Spawner
	var all []*proc.Process
	for range many {
		s := proc.NewSpawner(t.TempDir())
		spawners, all = append(spawners, s), append(all, sleeper(t, s))
	}
	for _, s := range spawners {
		s.Close()
	}
	for _, p := range all {
		select {
		case <-p.Done():
		case <-time.After(soon):
			require.NoError(t, p.Signal(syscall.SIGKILL))
			require.Fail(t, "a process outlives its spawner")
		}
	}
}

func TestProcessesEndWhenTheirParentIsKilled(t *testing.T) {
	mark := t.TempDir()
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), envMark+"="+mark)
	require.NoError(t, parent.Start())
	marked(t, mark, 1)
	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())
	marked(t, mark, 0)
}

func TestSweepFindsWhatLeftItsGroup(t *testing.T) {
	mark := t.TempDir()
	s := proc.NewSpawner(mark)
	defer s.Close()
	// The process says when it is in a session of its own: before, it would end with its group.
	left := filepath.Join(t.TempDir(), "left")
	script := fmt.Sprintf("setsid sh -c 'echo > %s; exec sleep 1000' & wait", left)
	_, err := s.Start(proc.Command{Path: "/bin/sh", Args: []string{"-c", script}, Log: os.DevNull})
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := os.Stat(left); return err == nil }, soon, tick, "the process has not left its group")
	other := proc.NewSpawner(t.TempDir())
	defer other.Close()
	stranger := sleeper(t, other)
	marked(t, mark, 2)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	require.NoError(t, proc.Sweep(ctx, mark))
	marked(t, mark, 0)
	require.True(t, stranger.Alive())
	require.Error(t, proc.Sweep(ctx, ""), "an empty mark would match everything that has none")
}
