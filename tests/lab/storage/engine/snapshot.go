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
	"time"
)

// snapshotsName is the folder of the snapshots; a volume is never called so.
const snapshotsName = ".snapshots"

// snapshotName is the file that tells of a snapshot. Whatever has it is complete.
const snapshotName = "snapshot.json"

// Snapshot is a copy of a volume at one time. It is no volume: it has no role and is not replicated.
type Snapshot struct {
	Volume  string    `json:"volume"`
	Created time.Time `json:"created"` // what was durable before is in it
	Bytes   int64     `json:"bytes"`
	Files   int       `json:"files"`
}

func (s *Store) snapshotDir(name string) string { return filepath.Join(s.root, snapshotsName, name) }

// SnapshotData is the folder with the bytes of a snapshot. Nobody may write to it.
func (s *Store) SnapshotData(name string) string { return filepath.Join(s.snapshotDir(name), dataName) }

// Snapshot copies a primary volume under a name of its own. One that exists is left as it is. Nothing is linked: the
// volume goes on being written to.
func (s *Store) Snapshot(ctx context.Context, handle, name string) (Snapshot, error) {
	if err := checkHandle(name); err != nil {
		return Snapshot{}, err
	}
	st, release, err := s.open(ctx, handle)
	if err != nil {
		return Snapshot{}, fmt.Errorf("make snapshot: %w", err)
	}
	defer release()
	if got, err := s.DescribeSnapshot(name); !errors.Is(err, ErrNotFound) {
		return got, err
	}
	if st.Role != Primary {
		return Snapshot{}, fmt.Errorf("make snapshot: volume %s is %s: %w", handle, st.Role, ErrWrongRole)
	}
	draft := filepath.Join(s.root, ".new-"+rand.Text())
	if err := s.disk.mkdir(filepath.Join(draft, dataName)); err != nil {
		return Snapshot{}, fmt.Errorf("make snapshot: %w", err)
	}
	made := Snapshot{Volume: handle}
	if err := s.fill(ctx, filepath.Join(s.dir(handle), dataName), draft, &made); err != nil {
		return Snapshot{}, errors.Join(fmt.Errorf("make snapshot of volume %s: %w", handle, err), s.disk.remove(draft))
	}
	if err := s.disk.mkdir(filepath.Join(s.root, snapshotsName)); err != nil {
		return Snapshot{}, fmt.Errorf("make snapshot: %w", err)
	}
	if err := s.disk.rename(draft, s.snapshotDir(name)); err != nil {
		return Snapshot{}, fmt.Errorf("make snapshot: %w", err)
	}
	return made, nil
}

func (s *Store) fill(ctx context.Context, from, draft string, made *Snapshot) error {
	count, err := s.still(ctx, from, draft, made)
	if err != nil {
		return err
	}
	made.Bytes, made.Files = count.bytes, count.files
	content, err := json.Marshal(made)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return s.disk.write(filepath.Join(draft, snapshotName), content)
}

// still copies while nobody writes, if the store can see to that.
func (s *Store) still(ctx context.Context, from, draft string, made *Snapshot) (count tally, err error) {
	if s.freeze != nil {
		thaw, err := s.freeze(ctx, from)
		if err != nil {
			return tally{}, fmt.Errorf("freeze: %w", err)
		}
		defer thaw()
	}
	made.Created = s.clock.Now()
	return copyTree(ctx, from, Staging{Dir: filepath.Join(draft, dataName)})
}

// Freezer keeps everybody from writing to the folder of a volume until thaw is called.
type Freezer func(ctx context.Context, dir string) (thaw func(), err error)

// Freezing is the store with snapshots of one instant.
func (s *Store) Freezing(f Freezer) *Store {
	out := *s
	out.freeze = f
	return &out
}

// DescribeSnapshot tells of a snapshot; ErrNotFound if there is none.
func (s *Store) DescribeSnapshot(name string) (Snapshot, error) {
	if err := checkHandle(name); err != nil {
		return Snapshot{}, err
	}
	content, err := os.ReadFile(filepath.Join(s.snapshotDir(name), snapshotName))
	if errors.Is(err, fs.ErrNotExist) {
		return Snapshot{}, fmt.Errorf("snapshot %s: %w", name, ErrNotFound)
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("read snapshot %s: %w", name, err)
	}
	var got Snapshot
	if err := json.Unmarshal(content, &got); err != nil {
		return Snapshot{}, fmt.Errorf("decode snapshot %s: %w", name, err)
	}
	return got, nil
}

// Restore makes a primary volume with the bytes of a snapshot. A volume that exists is left as it is.
func (s *Store) Restore(ctx context.Context, name, handle string) error {
	if err := checkHandle(handle); err != nil {
		return err
	}
	if there, err := exists(s.dir(handle)); err != nil || there {
		return err
	}
	release, err := s.holdSnapshot(ctx, name)
	if err != nil {
		return fmt.Errorf("restore volume %s: %w", handle, err)
	}
	defer release()
	content, err := json.Marshal(State{Role: Primary})
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	draft := filepath.Join(s.root, ".new-"+rand.Text())
	if err := s.disk.mkdir(filepath.Join(draft, dataName)); err != nil {
		return fmt.Errorf("restore volume %s: %w", handle, err)
	}
	_, err = copyTree(ctx, s.SnapshotData(name), Staging{Dir: filepath.Join(draft, dataName)})
	if err == nil {
		err = s.disk.write(filepath.Join(draft, stateName), content)
	}
	if err == nil {
		err = s.disk.rename(draft, s.dir(handle))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("restore volume %s: %w", handle, err), s.disk.remove(draft))
	}
	return nil
}

// DeleteSnapshot removes a snapshot. If there is none, there is nothing to do.
func (s *Store) DeleteSnapshot(ctx context.Context, name string) error {
	release, err := s.holdSnapshot(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	trash := filepath.Join(s.root, ".deleted-"+rand.Text())
	if err := s.disk.rename(s.snapshotDir(name), trash); err != nil {
		return fmt.Errorf("delete snapshot %s: %w", name, err)
	}
	if err := s.disk.remove(trash); err != nil {
		return fmt.Errorf("delete snapshot %s: %w", name, err)
	}
	return nil
}

// Send copies the bytes of a snapshot into a staging folder. The snapshot stays as long as that takes.
func (s *Store) Send(ctx context.Context, name string, to Staging) (Pass, error) {
	release, err := s.holdSnapshot(ctx, name)
	if err != nil {
		return Pass{}, fmt.Errorf("send: %w", err)
	}
	defer release()
	return s.send(ctx, s.SnapshotData(name), to)
}

// SendVolume is Send for a primary volume, as it is while it is read.
func (s *Store) SendVolume(ctx context.Context, handle string, to Staging) (Pass, error) {
	st, release, err := s.open(ctx, handle)
	if err != nil {
		return Pass{}, fmt.Errorf("send: %w", err)
	}
	defer release()
	if st.Role != Primary {
		return Pass{}, fmt.Errorf("send volume %s: %w", handle, ErrWrongRole)
	}
	return s.send(ctx, filepath.Join(s.dir(handle), dataName), to)
}

func (s *Store) send(ctx context.Context, from string, to Staging) (Pass, error) {
	began := s.clock.Now()
	count, err := copyTree(ctx, from, to)
	if err != nil {
		return Pass{}, fmt.Errorf("copy: %w", err)
	}
	return Pass{Start: began, Duration: s.clock.Since(began), Bytes: count.bytes, Files: count.files, Torn: count.torn}, nil
}

// holdSnapshot keeps a snapshot from being removed while it is read: a copy of what vanishes would pass for whole.
func (s *Store) holdSnapshot(ctx context.Context, name string) (release func(), err error) {
	if err := checkHandle(name); err != nil {
		return nil, err
	}
	release, err = lock(ctx, filepath.Join(s.snapshotDir(name), lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("snapshot %s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("lock snapshot %s: %w", name, err)
	}
	// It may have gone between the opening of the lock and its taking.
	if _, err := s.DescribeSnapshot(name); err != nil {
		release()
		return nil, err
	}
	return release, nil
}
