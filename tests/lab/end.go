// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab/proc"
)

// politeFor is how long the owner of a lab gets to end it.
const politeFor = 10 * time.Second

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
