// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"k8s.io/utils/clock"
)

// Store holds the volumes of one cluster. Several processes may use the same folder: each operation locks its volume.
type Store struct {
	root   string
	clock  clock.PassiveClock
	disk   disk
	kind   Kind
	freeze Freezer // nil: snapshots are no point in time either
}

// New is the store in a folder, <data>/<cluster>/volumes in the lab; it is made when it is first needed.
func New(root string, clk clock.PassiveClock) *Store {
	return &Store{root: root, clock: clk, disk: osDisk{}}
}

func (s *Store) dir(handle string) string { return filepath.Join(s.root, handle) }

// A handle names a folder and comes over the network.
var handlePattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

func checkHandle(handle string) error {
	if !handlePattern.MatchString(handle) {
		return fmt.Errorf("volume handle %q: want lower-case letters, digits and dashes", handle)
	}
	return nil
}

// Create makes an empty primary volume. One that exists is left as it is.
func (s *Store) Create(handle string) error {
	return s.create(handle, State{Role: Primary})
}

// create makes the whole volume under another name first, so that none is ever seen without its state.
func (s *Store) create(handle string, st State) error {
	if err := checkHandle(handle); err != nil {
		return err
	}
	if there, err := exists(s.dir(handle)); err != nil || there {
		return err
	}
	content, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	draft := filepath.Join(s.root, ".new-"+rand.Text())
	inside := draft
	if st.Role == Primary {
		inside = filepath.Join(draft, dataName)
	}
	if err := s.disk.mkdir(inside); err != nil {
		return fmt.Errorf("create volume %s: %w", handle, err)
	}
	if err := s.disk.write(filepath.Join(draft, stateName), content); err != nil {
		return fmt.Errorf("create volume %s: %w", handle, err)
	}
	if err := s.disk.rename(draft, s.dir(handle)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create volume %s: %w", handle, err)
	}
	return nil
}

// Delete removes a volume that nobody uses and that no peer depends on. A secondary without content of its own is
// kept, so that it stays a destination for the peer; kept says so. All else is refused.
func (s *Store) Delete(ctx context.Context, handle string) (kept bool, err error) {
	st, release, err := s.open(ctx, handle)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer release()
	switch {
	case st.Role == Secondary && st.Unshipped:
		return false, fmt.Errorf("delete volume %s: the peer lacks its final copy: %w", handle, ErrReplicating)
	case st.Role == Secondary:
		return true, nil
	case st.Replicating:
		return false, fmt.Errorf("delete volume %s: it is primary: %w", handle, ErrReplicating)
	}
	unused, err := s.reserve(handle)
	if err != nil {
		return false, fmt.Errorf("delete volume %s: %w", handle, err)
	}
	defer unused()
	trash := filepath.Join(s.root, ".deleted-"+rand.Text())
	if err := s.disk.rename(s.dir(handle), trash); err != nil {
		return false, fmt.Errorf("delete volume %s: %w", handle, err)
	}
	if err := s.disk.remove(trash); err != nil {
		return false, fmt.Errorf("delete volume %s: %w", handle, err)
	}
	return false, nil
}

// Handles lists the volumes.
func (s *Store) Handles() ([]string, error) {
	entries, err := os.ReadDir(s.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	var handles []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			handles = append(handles, e.Name())
		}
	}
	return handles, nil
}

// Describe returns the state of a volume; Role is Absent if there is none. It waits for nothing.
func (s *Store) Describe(_ context.Context, handle string) (State, error) {
	if err := checkHandle(handle); err != nil {
		return State{}, err
	}
	content, err := os.ReadFile(filepath.Join(s.dir(handle), stateName))
	if errors.Is(err, fs.ErrNotExist) {
		// Only a folder that is gone as a whole is an absent volume.
		if there, dirErr := exists(s.dir(handle)); dirErr == nil && !there {
			return State{}, nil
		}
	}
	if err != nil {
		return State{}, fmt.Errorf("read state of volume %s: %w", handle, err)
	}
	return decodeState(content)
}

func (s *Store) save(handle string, st State) error {
	content, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	if err := s.put(filepath.Join(s.dir(handle), stateName), append(content, '\n')); err != nil {
		return fmt.Errorf("save state of volume %s: %w", handle, err)
	}
	return nil
}

// change saves a new state and makes the folder follow it.
func (s *Store) change(handle string, st State) error {
	if err := s.save(handle, st); err != nil {
		return err
	}
	return s.settle(handle, st)
}

// open locks a volume, finishes what a crash left undone and returns its state.
func (s *Store) open(ctx context.Context, handle string) (State, func(), error) {
	if err := checkHandle(handle); err != nil {
		return State{}, nil, err
	}
	release, err := lock(ctx, filepath.Join(s.dir(handle), lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil, fmt.Errorf("volume %s: %w", handle, ErrNotFound)
	}
	if err != nil {
		return State{}, nil, fmt.Errorf("lock volume %s: %w", handle, err)
	}
	st, err := s.Describe(ctx, handle)
	if err == nil && st.Role == Absent {
		err = fmt.Errorf("volume %s: %w", handle, ErrNotFound)
	}
	if err == nil {
		err = s.settle(handle, st)
	}
	if err != nil {
		release()
		return State{}, nil, err
	}
	return st, release, nil
}

// openSoon is open for callers that are themselves holding the lock of the other side's volume: they must not wait
// long, since two that wait for each other would wait for ever.
func (s *Store) openSoon(ctx context.Context, handle string) (State, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return s.open(ctx, handle)
}
