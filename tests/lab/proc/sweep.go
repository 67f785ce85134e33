// SPDX-License-Identifier: Apache-2.0

package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// envMark is the environment variable that marks the processes of a lab and, as it is inherited, their children.
const envMark = "RAMENLAB_PROCESS_OF"

// sweepTick is how often Sweep looks again.
const sweepTick = 20 * time.Millisecond

// Marked lists the pids of all running processes with the mark.
func Marked(mark string) ([]int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	entry := []byte(envMark + "=" + mark)
	var out []int
	for _, dir := range dirs {
		// Processes of other users, and those that end right now, cannot be read: they are not ours.
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !hasEntry(env, entry) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			out = append(out, pid)
		}
	}
	return out, nil
}

func hasEntry(environ, entry []byte) bool {
	for e := range bytes.SplitSeq(environ, []byte{0}) {
		if bytes.Equal(e, entry) {
			return true
		}
	}
	return false
}

// Sweep kills all processes with the mark and returns when none is left, or with an error when ctx ends first.
func Sweep(ctx context.Context, mark string) error {
	if mark == "" {
		return errors.New("sweep processes: the mark is empty")
	}
	tick := time.NewTicker(sweepTick)
	defer tick.Stop()
	for {
		pids, err := Marked(mark)
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the end of processes %v: %w", pids, ctx.Err())
		}
	}
}
