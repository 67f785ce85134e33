// SPDX-License-Identifier: Apache-2.0

package csi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Where the kernel tells of processes.
const proc = "/proc"

// freezePatience is how long processes may take to stop: one that waits for a disk stops when it has what it waits for.
const freezePatience = 10 * time.Second

// Freeze stops all processes of Pods that have mounted the folder of a volume, until thaw is called. So what is in the folder is
// what there was at one instant, as in a snapshot of a block device. It sees the Pods of the node only if the driver runs among the
// processes of the node (hostPID).
func Freeze(ctx context.Context, dir string) (thaw func(), err error) {
	if os.Getpid() == 1 {
		return nil, errors.New("the driver sees no processes of Pods: it needs hostPID")
	}
	ctx, cancel := context.WithTimeout(ctx, freezePatience)
	defer cancel()
	stopped := map[int]bool{}
	thaw = func() {
		for pid := range stopped {
			_ = unix.Kill(pid, unix.SIGCONT) // it may have ended
		}
	}
	for {
		found, err := users(isFolder(dir))
		if err != nil {
			thaw()
			return nil, err
		}
		fresh := false
		for _, pid := range found {
			if !stopped[pid] && unix.Kill(pid, unix.SIGSTOP) == nil {
				stopped[pid], fresh = true, true
			}
		}
		// A process that was not stopped yet may have started another one: only a look that finds all of them still is the last.
		if !fresh && still(found) {
			return thaw, nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			thaw()
			return nil, fmt.Errorf("stop the processes %v: %w", found, context.Cause(ctx))
		}
	}
}

// Thaw lets all processes continue that a driver stopped for snapshots of the store in root, and that ended before it let them
// continue.
func Thaw(root string) error {
	within := "/" + filepath.Base(root) + "/"
	found, err := users(func(mounted string) bool { return strings.Contains(mounted, within) })
	if err != nil {
		return fmt.Errorf("let processes continue: %w", err)
	}
	for _, pid := range found {
		_ = unix.Kill(pid, unix.SIGCONT) // it may have ended
	}
	return nil
}

// isFolder tells the folder of a volume among those that are mounted. The file system may begin elsewhere than here; the end of
// the name, with the handle of the volume, is the same.
func isFolder(dir string) func(mounted string) bool {
	parent, name := filepath.Split(filepath.Clean(dir))
	suffix := "/" + filepath.Join(filepath.Base(parent), name)
	return func(mounted string) bool { return strings.HasSuffix(mounted, suffix) }
}

// users are the processes that have mounted a folder, apart from those that see all that the node has mounted: the kubelet, and
// this one.
func users(is func(mounted string) bool) ([]int, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	has := map[string]bool{space(1): false, space(os.Getpid()): false}
	var out []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		ns := space(pid)
		if ns == "" {
			continue // it ended, or it belongs to the kernel
		}
		if _, known := has[ns]; !known {
			if has[ns], err = mounts(pid, is); err != nil {
				delete(has, ns) // another process of it may tell
				continue
			}
		}
		if has[ns] {
			out = append(out, pid)
		}
	}
	return out, nil
}

// space names the mount namespace of a process; empty if there is no such process.
func space(pid int) string {
	ns, _ := os.Readlink(filepath.Join(proc, strconv.Itoa(pid), "ns", "mnt"))
	return ns
}

// mounts says whether a process has mounted a folder.
func mounts(pid int, is func(mounted string) bool) (bool, error) {
	in, err := os.Open(filepath.Join(proc, strconv.Itoa(pid), "mountinfo"))
	if err != nil {
		return false, err
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		// The fourth field is the folder that was mounted.
		if fields := strings.Fields(lines.Text()); len(fields) > 3 && is(fields[3]) {
			return true, nil
		}
	}
	return false, lines.Err()
}

// still says whether no thread of the processes runs.
func still(pids []int) bool {
	for _, pid := range pids {
		tasks := filepath.Join(proc, strconv.Itoa(pid), "task")
		threads, err := os.ReadDir(tasks)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false
		}
		for _, thread := range threads {
			text, err := os.ReadFile(filepath.Join(tasks, thread.Name(), "stat"))
			if err != nil {
				continue // it ended
			}
			// The state follows the name, which is in parentheses and may have any.
			_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
			if rest == "" || !strings.ContainsRune("TtZX", rune(rest[0])) {
				return false
			}
		}
	}
	return true
}
