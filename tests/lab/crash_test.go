// SPDX-License-Identifier: Apache-2.0

package lab_test

import (
	"bufio"

	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
	"github.com/ramendr/ramen-direct/tests/lab/proc"
)

// envLabDir makes this test program run a lab in that folder until it is killed, instead of tests.
const envLabDir = "RAMENLAB_TEST_RUN_IN"

func TestMain(m *testing.M) {
	dir := os.Getenv(envLabDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	l, err := lab.Start(context.Background(), lab.Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(l.Dir())
	select {}
}

// TestTwoLabsAndACrash runs one lab beside another that is owned by another process; then that process is killed.
func TestTwoLabsAndACrash(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab")
	owner := exec.CommandContext(t.Context(), os.Args[0])
	owner.Env = append(os.Environ(), envLabDir+"="+dir)
	said, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	mine := labtest.Start(t, lab.Options{})
	line, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, dir+"\n", line)

	theirs, err := lab.Open(dir)
	require.NoError(t, err)
	used := map[string]bool{}
	for _, l := range []*lab.Lab{mine, theirs} {
		for _, name := range lab.Clusters() {
			require.NoError(t, l.Cluster(name).Client.List(t.Context(), &corev1.NamespaceList{}))
		}
		for _, s := range l.State().Services {
			require.False(t, used[s.Address], "%s of both labs has the address %s", s.Name, s.Address)
			used[s.Address] = true
		}
	}
	_, err = lab.Start(t.Context(), lab.Options{Dir: dir})
	require.ErrorContains(t, err, "runs already")

	pids, err := proc.Marked(dir)
	require.NoError(t, err)
	require.Len(t, pids, len(theirs.State().Services))
	require.NoError(t, owner.Process.Kill())
	require.Error(t, owner.Wait())
	require.Eventually(t, func() bool {
		pids, err := proc.Marked(dir)
		return err == nil && len(pids) == 0
	}, 10*time.Second, 50*time.Millisecond, "the services die with the process that started them")
	_, err = lab.Open(dir)
	require.ErrorIs(t, err, lab.ErrNotRunning)

	found, err := lab.Down(dir)
	require.NoError(t, err)
	require.False(t, found)
	require.NoDirExists(t, dir, "the next command removes what the crash left")
	for _, name := range lab.Clusters() {
		require.NoError(t, mine.Cluster(name).Client.List(t.Context(), &corev1.NamespaceList{}), "the other lab goes on")
	}
	require.NoError(t, mine.Down())
	require.NoDirExists(t, mine.Dir())
	pids, err = proc.Marked(mine.Dir())
	require.NoError(t, err)
	require.Empty(t, pids)
}
