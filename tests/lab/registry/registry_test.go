// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab/proc"
	"github.com/ramendr/ramen-direct/tests/lab/registry"
)

func TestLabsGetDifferentPorts(t *testing.T) {
	r := registry.At(t.TempDir())
	first, err := r.Add(t.Context(), filepath.Join(t.TempDir(), "first"))
	require.NoError(t, err)
	second, err := r.Add(t.Context(), filepath.Join(t.TempDir(), "second"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, second.BasePort, first.BasePort+registry.BlockSize)
	running, err := r.Reap(t.Context())
	require.NoError(t, err)
	require.Len(t, running, 2, "labs of living owners stay")
}

func TestAPortInUseIsNotGivenOut(t *testing.T) {
	r := registry.At(t.TempDir())
	first, err := r.Add(t.Context(), filepath.Join(t.TempDir(), "first"))
	require.NoError(t, err)
	require.NoError(t, r.Remove(t.Context(), first))
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first.BasePort+7)))
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	second, err := r.Add(t.Context(), filepath.Join(t.TempDir(), "second"))
	require.NoError(t, err)
	require.NotEqual(t, first.BasePort, second.BasePort)
}

func TestOneFolderHoldsOneLab(t *testing.T) {
	r := registry.At(t.TempDir())
	dir := filepath.Join(t.TempDir(), "lab")
	_, err := r.Add(t.Context(), dir)
	require.NoError(t, err)
	_, err = r.Add(t.Context(), dir)
	require.ErrorContains(t, err, "runs already")
}

func TestAFolderWithSomethingInItIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("years of work"), 0o600))
	_, err := registry.At(t.TempDir()).Add(t.Context(), dir)
	require.ErrorContains(t, err, "is not empty")
	require.FileExists(t, filepath.Join(dir, "thesis.txt"))
}

func TestACrashedLabIsCleanedUpByTheNextOne(t *testing.T) {
	entries, dir := t.TempDir(), filepath.Join(t.TempDir(), "lab")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	crashed := registry.Lab{Dir: dir, Owner: proc.Identity{PID: os.Getpid(), Start: 1, Boot: "the boot before"}, BasePort: 20000}
	text, err := json.Marshal(crashed)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(entries, "20000.json"), text, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(entries, "20064.json"), []byte(`{"dir":`), 0o600), "a writer died here")
	s := proc.NewSpawner(dir)
	defer s.Close()
	left, err := s.Start(proc.Command{Path: "sleep", Args: []string{"1000"}, Log: filepath.Join(dir, "log")})
	require.NoError(t, err)

	added, err := registry.At(entries).Add(t.Context(), filepath.Join(t.TempDir(), "next"))
	require.NoError(t, err)
	require.NoDirExists(t, dir)
	require.Eventually(t, func() bool { return !left.Alive() }, 10*time.Second, 10*time.Millisecond, "its process is killed")
	running, err := registry.At(entries).Reap(t.Context())
	require.NoError(t, err)
	require.Len(t, running, 1)
	require.Equal(t, added.Dir, running[0].Dir)
}
