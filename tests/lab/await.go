// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"time"
)

// awaitTick is how often await asks.
const awaitTick = 50 * time.Millisecond

// await asks until ready gives no error. It fails when ctx ends, with what was waited for and the last answer.
func await(ctx context.Context, what string, ready func(context.Context) error) error {
	tick := time.NewTicker(awaitTick)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w: %w", what, ctx.Err(), err)
		}
	}
}
