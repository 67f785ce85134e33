// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects/steps"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// Hooks runs hooks in memory, and keeps their journal. It outlives the processes of a test.
type Hooks struct {
	mu      sync.Mutex
	journal map[capsule.Group]steps.Record
	rules   map[string]HookRule
	ran     []string
	names   map[string]int
	lost    error
}

// HookRule is what an operation does.
type HookRule struct {
	Err   error
	Block chan struct{} // holds it up until it is closed, or the operation is ended
	Note  string        // is told if it succeeds
}

// Rule changes what an operation does from now on.
func (h *Hooks) Rule(title string, rule HookRule) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rules == nil {
		h.rules = map[string]HookRule{}
	}
	h.rules[title] = rule
}

// Lose has the journal fail from now on; nil: it works.
func (h *Hooks) Lose(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost = err
}

// Ran are the operations that were begun, in order.
func (h *Hooks) Ran() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.ran, " ")
}

// Twice are the names of runs that were used more than once.
func (h *Hooks) Twice() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for name, n := range h.names {
		if n > 1 {
			out = append(out, name)
		}
	}
	return out
}

// Written is what is written down of a group.
func (h *Hooks) Written(g capsule.Group) (steps.Record, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.journal[g]
	return r, ok
}

// Run implements cycle.Runner.
func (h *Hooks) Run(ctx context.Context, op *recipe.Hook, name string) error {
	h.mu.Lock()
	h.ran = append(h.ran, op.Title())
	if h.names == nil {
		h.names = map[string]int{}
	}
	h.names[name]++
	rule := h.rules[op.Title()]
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, op.Timeout)
	defer cancel()
	if rule.Block != nil {
		select {
		case <-rule.Block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return rule.Err
}

// Note implements cycle.Runner.
func (h *Hooks) Note(_ context.Context, op *recipe.Hook) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rules[op.Title()].Note
}

// Undo implements cycle.Runner.
func (h *Hooks) Undo(ctx context.Context, op *recipe.Hook, name string) error {
	return h.Run(ctx, op, name)
}

// Remove takes away what is written down of a group, as a person does.
func (h *Hooks) Remove(g capsule.Group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.journal, g)
}

// Holds implements cycle.Journal.
func (h *Hooks) Holds(_ context.Context, r steps.Record) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	is, ok := h.journal[r.Group]
	return ok && is.Attempt == r.Attempt, h.lost
}

// Load implements cycle.Journal.
func (h *Hooks) Load(context.Context) ([]steps.Record, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.journal)), h.lost
}

// Write implements cycle.Journal.
func (h *Hooks) Write(_ context.Context, r steps.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost != nil {
		return h.lost
	}
	if h.journal == nil {
		h.journal = map[capsule.Group]steps.Record{}
	}
	h.journal[r.Group] = r
	return nil
}

// Drop implements cycle.Journal.
func (h *Hooks) Drop(_ context.Context, g capsule.Group) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost == nil {
		delete(h.journal, g)
	}
	return h.lost
}
