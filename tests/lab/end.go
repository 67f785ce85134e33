// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab/proc"
	"github.com/ramendr/ramen-direct/tests/lab/registry"
)

// politeFor is how long the owner of a lab gets to end it.
const politeFor = 10 * time.Second

// Down ends the lab in dir, no matter who started it, and removes all that it made; it says whether there was one. Labs that
// crashed, in whatever folder, are cleaned up as well.
func Down(dir string) (found bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), downTimeout)
	defer cancel()
	dir, err = filepath.Abs(dir)
	if err != nil {
		return false, fmt.Errorf("end lab: %w", err)
	}
	reg, err := registry.Default()
	if err != nil {
		return false, err
	}
	labs, err := reg.Reap(ctx)
	if err != nil {
		return false, err
	}
	for _, l := range labs {
		if l.Dir != dir {
			continue
		}
		if err := end(ctx, l.Owner); err != nil {
			return true, err
		}
		_, err := reg.Reap(ctx)
		return true, err
	}
	return false, nil
}

// end asks a process to end, then makes it end.
func end(ctx context.Context, id proc.Identity) error {
	polite, cancel := context.WithTimeout(ctx, politeFor)
	defer cancel()
	if signalAndWait(polite, id, syscall.SIGTERM) == nil {
		return nil
	}
	return signalAndWait(ctx, id, syscall.SIGKILL)
}

func signalAndWait(ctx context.Context, id proc.Identity, sig syscall.Signal) error {
	if !id.Alive() {
		return nil
	}
	if err := syscall.Kill(id.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end process %d: %w", id.PID, err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for id.Alive() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the end of process %d: %w", id.PID, ctx.Err())
		}
	}
	return nil
}
