// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// tally counts what a copy did.
type tally struct {
	bytes       int64
	files, torn int
}

// attempts is how often a file is read that changes under the reader, other than by growing.
const attempts = 3

// clockTick is more than the grain of file times: a file may change without a new time within it.
const clockTick = 100 * time.Millisecond

// copyTree copies a folder into a staging folder. Files that did not change since the previous copy are linked.
func copyTree(ctx context.Context, from string, to Staging) (tally, error) {
	c := copier{from: from, to: to}
	if err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err != nil {
			// What vanishes while we walk was removed by the application; the folder as a whole must be there.
			if path != from && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		return c.take(path, entry)
	}); err != nil {
		return tally{}, err
	}
	// Inner folders first, and after what is in them: a folder may be read-only.
	for _, dir := range slices.Backward(c.dirs) {
		if err := own(dir.path, dir.info); err != nil {
			return tally{}, err
		}
		if err := os.Chmod(dir.path, mode(dir.info)); err != nil {
			return tally{}, err
		}
	}
	return c.tally, nil
}

type folder struct {
	path string
	info fs.FileInfo
}

// mode is what chmod knows of a file's mode.
func mode(info fs.FileInfo) fs.FileMode {
	return info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// owner is the user and the group that a file belongs to.
func owner(info fs.FileInfo) (user, group int) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid), int(s.Gid)
	}
	return os.Geteuid(), os.Getegid()
}

// own gives a copy to the owner of what it is a copy of. What belongs to this process needs no rights for that.
func own(path string, of fs.FileInfo) error {
	user, group := owner(of)
	if user == os.Geteuid() && group == os.Getegid() {
		return nil
	}
	return os.Lchown(path, user, group)
}

type copier struct {
	from string
	to   Staging
	dirs []folder
	tally
}

func (c *copier) take(path string, entry fs.DirEntry) error {
	inside, err := filepath.Rel(c.from, path)
	if err != nil {
		return err
	}
	target := filepath.Join(c.to.Dir, inside)
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) && path != c.from {
		return nil
	}
	if err != nil {
		return err
	}
	switch info.Mode().Type() { //nolint:exhaustive // all others are refused below
	case fs.ModeDir:
		c.dirs = append(c.dirs, folder{target, info})
		if inside == "." {
			return nil
		}
		return os.Mkdir(target, 0o700)
	case fs.ModeSymlink:
		link, err := os.Readlink(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		c.files++
		if err := os.Symlink(link, target); err != nil {
			return err
		}
		return own(target, info)
	case 0:
		return c.file(path, inside, target, info)
	}
	return fmt.Errorf("%s: volumes hold files, folders and symbolic links only", inside)
}

func (c *copier) file(path, inside, target string, info fs.FileInfo) error {
	if c.unchanged(inside, info) {
		c.files++
		return os.Link(filepath.Join(c.to.Previous, inside), target)
	}
	for try := 1; ; try++ {
		again, err := c.read(path, target, info)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if again == nil {
			break
		}
		// What only grew is a valid prefix; what was rewritten is worth another try.
		if again.Size() > info.Size() || try == attempts {
			c.torn++
			break
		}
		info = again
	}
	c.files++
	return nil
}

// unchanged compares with the previous copy. A file that was written shortly before that copy began may have changed
// again within the grain of its time.
func (c *copier) unchanged(inside string, info fs.FileInfo) bool {
	if c.to.Previous == "" || !info.ModTime().Before(c.to.Since.Add(-clockTick)) {
		return false
	}
	was, err := os.Lstat(filepath.Join(c.to.Previous, inside))
	if err != nil || was.Mode() != info.Mode() || was.Size() != info.Size() || !was.ModTime().Equal(info.ModTime()) {
		return false
	}
	wasUser, wasGroup := owner(was)
	user, group := owner(info)
	return wasUser == user && wasGroup == group
}

// read copies as much of a file as info says that there is. It returns what the file became meanwhile, if it changed.
// The error is fs.ErrNotExist only if the source is gone.
func (c *copier) read(path, target string, info fs.FileInfo) (changed fs.FileInfo, err error) {
	source, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	n, err := write(target, source, info)
	c.bytes += n
	if err != nil {
		// Not the source: a staging folder that is gone must not look like a file that was removed.
		return nil, fmt.Errorf("write copy: %v", err) //nolint:errorlint // see above
	}
	now, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
		return now, nil
	}
	return nil, nil
}

func write(target string, source io.Reader, info fs.FileInfo) (n int64, err error) {
	file, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if n, err = io.CopyN(file, source, info.Size()); err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	// In this order: a change of the owner takes rights away that the mode gave.
	if err := own(target, info); err != nil {
		return n, err
	}
	if err := file.Chmod(mode(info)); err != nil {
		return n, err
	}
	return n, os.Chtimes(target, time.Time{}, info.ModTime())
}
