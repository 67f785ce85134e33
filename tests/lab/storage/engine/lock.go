// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A lock is the kernel's: it ends with the process that holds it, however that ends.
func flock(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// lock waits for the lock until the context ends.
func lock(ctx context.Context, path string) (release func(), err error) {
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for {
		file, err := flock(path, unix.LOCK_EX)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
		case <-again.C:
		}
	}
}

// Mount is the right to write to a volume. While it is held the volume keeps its role.
type Mount struct {
	// Dir is the writable folder.
	Dir  string
	file *os.File
}

// Close gives the volume back.
func (m *Mount) Close() error { return m.file.Close() }

// Mount takes a volume into use. user is told to those who cannot demote it. A volume that is no primary cannot be
// mounted (ErrWrongRole), nor one that is just changing its role (ErrBusy). It may be mounted several times.
func (s *Store) Mount(ctx context.Context, handle, user string) (*Mount, error) {
	if err := checkHandle(handle); err != nil {
		return nil, err
	}
	file, err := flock(filepath.Join(s.dir(handle), useName), unix.LOCK_SH)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("mount volume %s: %w", handle, ErrNotFound)
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, fmt.Errorf("mount volume %s: %w", handle, ErrBusy)
	case err != nil:
		return nil, fmt.Errorf("mount volume %s: %w", handle, err)
	}
	if err := s.mountable(ctx, handle); err != nil {
		return nil, errors.Join(fmt.Errorf("mount volume %s: %w", handle, err), file.Close())
	}
	if err := os.WriteFile(file.Name(), []byte(user+"\n"), 0o644); err != nil {
		return nil, errors.Join(fmt.Errorf("mount volume %s: %w", handle, err), file.Close())
	}
	return &Mount{Dir: filepath.Join(s.dir(handle), dataName), file: file}, nil
}

// mountable is asked with the volume marked as used, so that the answer stays true.
func (s *Store) mountable(ctx context.Context, handle string) error {
	st, err := s.Describe(ctx, handle)
	if err != nil {
		return err
	}
	if st.Role != Primary {
		return fmt.Errorf("volume is %s: %w", st.Role, ErrWrongRole)
	}
	ready, err := exists(filepath.Join(s.dir(handle), dataName))
	if err == nil && !ready {
		err = ErrBusy
	}
	return err
}

// reserve keeps a volume from being mounted. It fails with ErrInUse, and says who uses it, if it is mounted.
func (s *Store) reserve(handle string) (release func(), err error) {
	path := filepath.Join(s.dir(handle), useName)
	file, err := flock(path, unix.LOCK_EX)
	if errors.Is(err, unix.EWOULDBLOCK) {
		user, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%w by an unknown user: %w", ErrInUse, err)
		}
		return nil, fmt.Errorf("%w by %s", ErrInUse, strings.TrimSpace(string(user)))
	}
	if err != nil {
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}
