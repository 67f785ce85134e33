// SPDX-License-Identifier: Apache-2.0

// Package registry knows all labs of this user, so that two of them never share a port and none of them leaves anything
// behind: a lab whose owner died is found here, its processes are killed and its folder is removed.
package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ramendr/ramen-direct/tests/lab/binaries"
	"github.com/ramendr/ramen-direct/tests/lab/lock"
	"github.com/ramendr/ramen-direct/tests/lab/proc"
)

// Ports are given out in blocks. They lie below the range that Linux takes local ports of outgoing connections from, or a
// server that is restarted could find its port taken.
const (
	firstPort = 20000
	lastPort  = 32000
	// BlockSize is how many consecutive ports a lab gets.
	BlockSize = 64
)

// Lab is one entry of the registry.
type Lab struct {
	Dir      string        `json:"dir"`
	Owner    proc.Identity `json:"owner"` // the process that runs the lab
	BasePort int           `json:"basePort"`

	file string
}

// Registry is a folder of entries; one process at a time changes it.
type Registry struct{ dir string }

// Default is the registry of this user.
func Default() (Registry, error) {
	cache, err := binaries.CacheDir()
	if err != nil {
		return Registry{}, err
	}
	return At(filepath.Join(cache, "labs")), nil
}

// At is the registry in a folder, which is made on first use.
func At(dir string) Registry { return Registry{dir: dir} }

// Add enters a lab in dir that this process owns and gives it a block of free ports. Labs whose owner died are cleaned
// up first. It fails if a running lab has dir or if dir is not empty.
func (r Registry) Add(ctx context.Context, dir string) (Lab, error) {
	owner, err := proc.Self()
	if err != nil {
		return Lab{}, err
	}
	var added Lab
	err = r.locked(ctx, func() error {
		labs, err := r.reap(ctx)
		if err != nil {
			return err
		}
		taken := map[int]bool{}
		for _, l := range labs {
			if l.Dir == dir {
				return fmt.Errorf("lab in %s runs already (process %d): stop it with \"ramenlab down\" first", dir, l.Owner.PID)
			}
			taken[l.BasePort] = true
		}
		if err := vacant(dir); err != nil {
			return err
		}
		port, err := freeBlock(taken)
		if err != nil {
			return err
		}
		added = Lab{Dir: dir, Owner: owner, BasePort: port, file: filepath.Join(r.dir, strconv.Itoa(port)+".json")}
		text, err := json.Marshal(added)
		if err != nil {
			return err
		}
		return os.WriteFile(added.file, text, 0o644)
	})
	if err != nil {
		return Lab{}, fmt.Errorf("register lab: %w", err)
	}
	return added, nil
}

// Remove kills whatever is left of the lab's processes, and removes its folder and its entry.
func (r Registry) Remove(ctx context.Context, l Lab) error {
	if err := r.locked(ctx, func() error { return l.remove(ctx) }); err != nil {
		return fmt.Errorf("remove lab %s: %w", l.Dir, err)
	}
	return nil
}

// Reap removes all labs whose owner died and returns those that run.
func (r Registry) Reap(ctx context.Context) (running []Lab, err error) {
	err = r.locked(ctx, func() error {
		running, err = r.reap(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("clean up after labs that crashed: %w", err)
	}
	return running, nil
}

func (r Registry) reap(ctx context.Context) (running []Lab, err error) {
	files, err := filepath.Glob(filepath.Join(r.dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, file := range files {
		l := Lab{file: file}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &l); err != nil {
			// Its writer died in the middle: it had started nothing yet.
			errs = append(errs, os.Remove(file))
			continue
		}
		if l.Owner.Alive() {
			running = append(running, l)
			continue
		}
		errs = append(errs, l.remove(ctx))
	}
	return running, errors.Join(errs...)
}

func (l Lab) remove(ctx context.Context) error {
	if err := proc.Sweep(ctx, l.Dir); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(l.Dir), os.RemoveAll(l.file))
}

// vacant makes sure that the folder of a lab holds nothing of others, since it is removed at the end.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("folder %s is not empty: name an empty one, a lab removes its folder at the end", dir)
	}
	return nil
}

func (r Registry) locked(ctx context.Context, do func() error) error {
	release, err := lock.Take(ctx, filepath.Join(r.dir, "lock"), nil)
	if err != nil {
		return err
	}
	defer release()
	return do()
}

// freeBlock is the first port of a block that no lab has and that nobody listens in.
func freeBlock(taken map[int]bool) (int, error) {
	for base := firstPort; base+BlockSize <= lastPort; base += BlockSize {
		if !taken[base] && free(base) {
			return base, nil
		}
	}
	return 0, fmt.Errorf("no %d free ports in a row between %d and %d", BlockSize, firstPort, lastPort)
}

func free(base int) bool {
	for port := base; port < base+BlockSize; port++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
