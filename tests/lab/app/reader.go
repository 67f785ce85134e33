// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// askAgain is how long a wait relies on a watch before it asks the API server again: a watch that ended says nothing.
const askAgain = time.Second

// watched is what the watches of a DRPlacementControl have told.
type watched struct{ by, changes atomic.Int64 }

// Watching says that the DRPlacementControl is watched until done is called; changed is to be called for each event.
func (a *App) Watching() (changed, done func()) {
	a.control.by.Add(1)
	return func() { a.control.changes.Add(1) }, func() { a.control.by.Add(-1) }
}

// Awaited returns a function that reads the DRPlacementControl for one wait, as often as it is called. It asks the API server
// only if a watch has told a change since, or nobody watches.
func (a *App) Awaited() func(context.Context) (*v1alpha1.DRPlacementControl, error) {
	var last *v1alpha1.DRPlacementControl
	var asked time.Time
	var of int64
	return func(ctx context.Context) (*v1alpha1.DRPlacementControl, error) {
		changes := a.control.changes.Load()
		if last != nil && changes == of && a.control.by.Load() > 0 && time.Since(asked) < askAgain {
			return last, nil
		}
		began := time.Now()
		drpc, err := a.Control(ctx)
		if err != nil {
			return nil, err
		}
		last, asked, of = drpc, began, changes
		return drpc, nil
	}
}
