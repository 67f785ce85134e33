// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ramendr/ramen-direct/tests/lab/proc"
	"github.com/ramendr/ramen-direct/tests/lab/supervise"
)

// State is what the file state.json of a lab tells to other processes.
type State struct {
	Owner    proc.Identity     `json:"owner"` // the process that runs the lab
	BasePort int               `json:"basePort"`
	Ready    bool              `json:"ready"` // all that was asked for has been started
	Stores   []Store           `json:"stores"`
	Services []supervise.State `json:"services"` // in the order of their first start
}

// ErrNotRunning means that a folder holds no running lab.
var ErrNotRunning = errors.New("no lab runs there")

func stateFile(dir string) string { return filepath.Join(dir, "state.json") }

// readState reads the state of the lab in dir. It fails with ErrNotRunning if there is none or if its owner died.
func readState(dir string) (State, error) {
	var s State
	text, err := os.ReadFile(stateFile(dir))
	if errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("open lab %s: %w", dir, ErrNotRunning)
	}
	if err != nil {
		return s, fmt.Errorf("open lab: %w", err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("open lab: read %s: %w", stateFile(dir), err)
	}
	if !s.Owner.Alive() {
		return s, fmt.Errorf("open lab %s: its process died: %w", dir, ErrNotRunning)
	}
	return s, nil
}

// save changes the state and writes it, whole or not at all.
func (l *Lab) save(change func(*State)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.state)
	text, err := json.MarshalIndent(l.state, "", "  ")
	if err != nil {
		return fmt.Errorf("save the state of the lab: %w", err)
	}
	// The keys of the object stores are in it.
	next := stateFile(l.dir) + ".new"
	if err := errors.Join(os.WriteFile(next, text, 0o600), os.Rename(next, stateFile(l.dir))); err != nil {
		return fmt.Errorf("save the state of the lab: %w", err)
	}
	return nil
}
