// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

var (
	// ErrVanished means that the folder or its journal is gone, or that another one has its name: what is written
	// through the open file can no longer be found.
	ErrVanished = errors.New("journal folder vanished")
	// ErrReadOnly means that the folder may no longer be written.
	ErrReadOnly = errors.New("journal folder is read-only")
)

// Writer appends records. Its first error is its last word: each later call returns it again, since what it would
// write then could not be told from what was lost.
type Writer struct {
	dir  string
	file *os.File

	mu     sync.Mutex
	last   Record // acknowledged
	failed error
}

// Open opens or makes the journal of a folder, which must exist. It goes on after the last valid record. A torn last
// line is cut off; corrupt lines before it are left for Verify to find.
func Open(dir string) (*Writer, error) {
	if err := writable(dir); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(Path(dir), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, classify(fmt.Errorf("open journal: %w", err))
	}
	w := &Writer{dir: dir, file: file}
	if err := w.resume(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return w, nil
}

func (w *Writer) resume() error {
	content, err := io.ReadAll(w.file)
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	r := scan(content)
	end := int64(len(content))
	if r.Torn {
		end = int64(lastLineEnd(content))
		if err := w.file.Truncate(end); err != nil {
			return fmt.Errorf("cut torn record: %w", err)
		}
	}
	if _, err := w.file.Seek(end, io.SeekStart); err != nil {
		return fmt.Errorf("seek end of journal: %w", err)
	}
	parent, err := os.Open(w.dir)
	if err != nil {
		return classify(fmt.Errorf("open journal folder: %w", err))
	}
	defer parent.Close()
	// The name of a new file is durable only when its folder is.
	if err := errors.Join(w.file.Sync(), parent.Sync()); err != nil {
		return fmt.Errorf("sync journal: %w", err)
	}
	w.last = r.Last
	return nil
}

func lastLineEnd(content []byte) int {
	for i := len(content); i > 0; i-- {
		if content[i-1] == '\n' {
			return i
		}
	}
	return 0
}

// Append writes one record for each time, in order, as one batch. When it returns without an error the batch is
// acknowledged: durable, and reachable under the folder's name at that moment.
func (w *Writer) Append(times ...time.Time) (Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return w.last, w.failed
	}
	last := w.last
	var batch []byte
	for _, t := range times {
		last = Record{Number: last.Number + 1, Time: t}
		batch = last.append(batch)
	}
	if err := w.write(batch); err != nil {
		w.failed = err
		return w.last, err
	}
	w.last = last
	return last, nil
}

func (w *Writer) write(batch []byte) error {
	if _, err := w.file.Write(batch); err != nil {
		return classify(fmt.Errorf("append to journal: %w", err))
	}
	if err := w.file.Sync(); err != nil {
		return classify(fmt.Errorf("sync journal: %w", err))
	}
	// An open file can be written long after its folder was renamed or removed: only the name tells.
	named, err := os.Stat(Path(w.dir))
	if err != nil {
		return classify(fmt.Errorf("look for journal: %w", err))
	}
	open, err := w.file.Stat()
	if err != nil {
		return fmt.Errorf("look at journal: %w", err)
	}
	if !os.SameFile(named, open) {
		return fmt.Errorf("%s: %w", filepath.Base(w.dir), ErrVanished)
	}
	return writable(w.dir)
}

// Acknowledged is the last record that counts as written.
func (w *Writer) Acknowledged() Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// Close closes the file. Nothing is written.
func (w *Writer) Close() error { return w.file.Close() }

// writable looks at the mode, since nothing is forbidden to root.
func writable(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return classify(fmt.Errorf("look at journal folder: %w", err))
	}
	if info.Mode().Perm()&0o200 == 0 {
		return fmt.Errorf("%s: %w", filepath.Base(dir), ErrReadOnly)
	}
	return nil
}

func classify(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", ErrVanished, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return err
}
