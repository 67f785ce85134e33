// SPDX-License-Identifier: Apache-2.0

package csi_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/tests/lab/storage/csi"
	"github.com/ramendr/ramen-direct/tests/lab/storage/engine"
)

// appender writes a number into the first file, then into the last one, then the next number, in a mount namespace of its own, as
// a container does. It writes over what is there, so that no file is ever empty.
const appender = `mount --bind "$1" "$2" && cd "$2" && n=0 && while :; do n=$((n+1)); printf %09d $n 1<>a; printf %09d $n 1<>z; done`

// TestASnapshotIsOfOneInstantWhilePodsWrite : whatever is between the two files, and however long it takes to copy that.
func TestASnapshotIsOfOneInstantWhilePodsWrite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts take root")
	}
	root, at := t.TempDir(), t.TempDir()
	store := engine.New(root, clock.RealClock{}).Freezing(csi.Freeze)
	require.NoError(t, store.Create(volume))
	data := filepath.Join(root, volume, "data")
	require.NoError(t, os.WriteFile(filepath.Join(data, "m"), bytes.Repeat([]byte("much"), 4<<20), 0o600))
	require.NoError(t, os.Chown(filepath.Join(data, "m"), 999, 998))
	require.NoError(t, os.Chmod(data, 0o700|os.ModeSetgid))
	writer := exec.CommandContext(t.Context(), "sh", "-c", appender, "sh", data, at)
	writer.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	require.NoError(t, writer.Start())
	t.Cleanup(func() { _ = writer.Process.Kill(); _ = writer.Wait() })
	number := func(dir, file string) int {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || len(text) == 0 {
			return 0
		}
		n, err := strconv.Atoi(strings.TrimLeft(string(text), "0"))
		require.NoError(t, err)
		return n
	}
	for i := range 3 {
		before := number(data, "z")
		require.Eventually(t, func() bool { return number(data, "z") > before+100 }, time.Minute, time.Millisecond, "it writes, also after a snapshot")
		name := fmt.Sprintf("snap-%d", i)
		_, err := store.Snapshot(t.Context(), volume, name)
		require.NoError(t, err)
		first, last := number(store.SnapshotData(name), "a"), number(store.SnapshotData(name), "z")
		assert.Contains(t, []int{first, first - 1}, last)
	}
	t.Run("what a driver stopped that ended then continues with the next one", func(t *testing.T) {
		_, err := csi.Freeze(t.Context(), data)
		require.NoError(t, err)
		before := number(data, "z")
		for range 200 { // reads, each of which gives the writer time to write
			require.Equal(t, before, number(data, "z"))
		}
		require.NoError(t, csi.Thaw(root))
		require.Eventually(t, func() bool { return number(data, "z") > before }, time.Minute, time.Millisecond)
	})
	info, err := os.Stat(filepath.Join(store.SnapshotData("snap-0"), "m"))
	require.NoError(t, err)
	stat, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	assert.Equal(t, []uint32{999, 998}, []uint32{stat.Uid, stat.Gid}, "a copy belongs to the owner of the file")
	info, err = os.Stat(store.SnapshotData("snap-0"))
	require.NoError(t, err)
	assert.Equal(t, os.ModeDir|os.ModeSetgid|0o700, info.Mode())
}
