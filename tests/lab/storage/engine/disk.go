// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// disk is every change that a store makes to its own folders. Each call is one step that a crash can come after.
type disk interface {
	mkdir(path string) error
	write(path string, content []byte) error // not atomic
	rename(from, to string) error
	symlink(target, path string) error
	remove(path string) error // with all that is in it; nothing there is no error
}

type osDisk struct{}

func (osDisk) mkdir(path string) error                 { return os.MkdirAll(path, 0o755) }
func (osDisk) write(path string, content []byte) error { return os.WriteFile(path, content, 0o644) }
func (osDisk) rename(from, to string) error            { return os.Rename(from, to) }
func (osDisk) symlink(target, path string) error       { return os.Symlink(target, path) }
func (osDisk) remove(path string) error                { return os.RemoveAll(path) }

// Names in the folder of a volume.
const (
	dataName       = "data"
	stateName      = "state.json"
	currentName    = "current"
	lockName       = "lock"
	useName        = "in-use"
	incomingPrefix = "incoming-"
	divergedPrefix = "diverged-"
	newSuffix      = ".new" // of what a rename makes real
)

func generationName(n int) string { return fmt.Sprintf("gen-%06d", n) }

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, fmt.Errorf("look for %s: %w", filepath.Base(path), err)
}

// put writes a file so that a reader sees the old content or the new, never a part.
func (s *Store) put(path string, content []byte) error {
	if err := s.disk.write(path+newSuffix, content); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := s.disk.rename(path+newSuffix, path); err != nil {
		return fmt.Errorf("replace %s: %w", filepath.Base(path), err)
	}
	return nil
}

// settle makes the folder of a volume what its state says. It is called with the lock held, before each operation and
// after each change of the state.
func (s *Store) settle(handle string, st State) error {
	var err error
	if st.Role == Primary {
		err = s.settlePrimary(s.dir(handle), st)
	} else {
		err = s.settleSecondary(s.dir(handle), st)
	}
	if err != nil {
		return fmt.Errorf("settle volume %s: %w", handle, err)
	}
	return nil
}

// settlePrimary turns the promoted generation into data. All other copies go first: they share files with it, and what
// is written to data would show in them.
func (s *Store) settlePrimary(dir string, st State) error {
	if err := s.settleReceived(dir, st); err != nil {
		return err
	}
	keep := generationName(st.Generation)
	ready, err := exists(filepath.Join(dir, dataName))
	if err != nil {
		return err
	}
	if err := s.sweep(dir, func(name string) bool {
		return name == currentName || isCopy(name) && (ready || name != keep)
	}); err != nil || ready {
		return err
	}
	return s.disk.rename(filepath.Join(dir, keep), filepath.Join(dir, dataName))
}

func (s *Store) settleSecondary(dir string, st State) error {
	newest := filepath.Join(dir, generationName(st.Generation))
	// data that is still there belonged to the primary that was demoted into this generation.
	if err := s.move(filepath.Join(dir, dataName), newest); err != nil {
		return err
	}
	if st.Tip == "" {
		if st.Aside != "" {
			if err := s.move(newest, filepath.Join(dir, st.Aside)); err != nil {
				return err
			}
		}
		if err := s.disk.remove(filepath.Join(dir, currentName)); err != nil {
			return err
		}
	} else if err := s.point(dir, generationName(st.Generation)); err != nil {
		return err
	}
	// The copy before the newest one is kept for those who are reading it.
	keep := []string{generationName(st.Generation), generationName(st.Generation - 1)}
	if st.Incoming != nil {
		keep = append(keep, incomingPrefix+st.Incoming.Token)
	}
	return s.sweep(dir, func(name string) bool { return isCopy(name) && !slices.Contains(keep, name) })
}

// move renames what is there; if nothing is, that was done before.
func (s *Store) move(from, to string) error {
	there, err := exists(from)
	if err != nil || !there {
		return err
	}
	return s.disk.rename(from, to)
}

// point switches current to a generation in one step.
func (s *Store) point(dir, generation string) error {
	link := filepath.Join(dir, currentName)
	if target, err := os.Readlink(link); err == nil && target == generation {
		return nil
	}
	if err := s.disk.remove(link + newSuffix); err != nil {
		return err
	}
	if err := s.disk.symlink(generation, link+newSuffix); err != nil {
		return err
	}
	return s.disk.rename(link+newSuffix, link)
}

func isCopy(name string) bool {
	return strings.HasPrefix(name, "gen-") || strings.HasPrefix(name, incomingPrefix)
}

// sweep removes what is not wanted in the folder of a volume.
func (s *Store) sweep(dir string, unwanted func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !unwanted(e.Name()) {
			continue
		}
		if err := s.disk.remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
