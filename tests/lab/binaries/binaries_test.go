// SPDX-License-Identifier: Apache-2.0

package binaries_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab/binaries"
)

func folder(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	return dir
}

func TestAFolderThatIsNamedIsTakenAsItIs(t *testing.T) {
	dir := folder(t, "etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "versitygw")
	t.Setenv("RAMENLAB_BINARIES", dir)
	got, err := binaries.Ensure(t.Context(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, dir, got)
}

func TestAFolderThatIsNamedMustHoldAll(t *testing.T) {
	t.Setenv("RAMENLAB_BINARIES", folder(t, "etcd", "kubectl", "kube-apiserver"))
	_, err := binaries.Ensure(t.Context(), io.Discard)
	require.ErrorContains(t, err, "lacks kube-controller-manager, versitygw")
	require.ErrorContains(t, err, "RAMENLAB_BINARIES")
}

func TestABuildThatFailsLeavesNoHalfFolder(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("RAMENLAB_BINARIES", "")
	t.Setenv("KUBEBUILDER_ASSETS", "")
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw")
	_, err := binaries.Ensure(t.Context(), io.Discard)
	require.ErrorContains(t, err, "build kube-apiserver")
	require.Empty(t, ready(t, cache))
}

func TestProgramsOfKubebuilderAreTakenForThree(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("RAMENLAB_BINARIES", "")
	t.Setenv("KUBEBUILDER_ASSETS", folder(t, "etcd", "kube-apiserver", "kubectl"))
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw")
	_, err := binaries.Ensure(t.Context(), io.Discard)
	require.ErrorContains(t, err, "build kube-controller-manager", "the first that is missing")
	require.Empty(t, ready(t, cache))
}

func TestCleanRemovesPrograms(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	kept := filepath.Join(cache, "ramen-direct", "lab", "labs")
	gone := filepath.Join(cache, "ramen-direct", "lab", "k8s-1.0.0-abc")
	addons := filepath.Join(cache, "ramen-direct", "lab", "csi-addons-1.0.0-abc")
	for _, dir := range []string{kept, gone, addons} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	removed, err := binaries.Clean()
	require.NoError(t, err)
	require.Equal(t, []string{gone, addons}, removed)
	require.NoDirExists(t, gone)
	require.NoDirExists(t, addons)
	require.DirExists(t, kept)
}

// ready lists the folders of programs in the cache that Ensure would return.
func ready(t *testing.T, cache string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(cache, "ramen-direct", "lab", "k8s-*[^w]"))
	require.NoError(t, err)
	return found
}
