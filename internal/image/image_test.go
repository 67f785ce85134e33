// SPDX-License-Identifier: Apache-2.0

package image_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/image"
)

// example is an image of two programs, which are texts.
func example(t *testing.T) image.Image {
	t.Helper()
	i := image.Image{
		Name: "example.com/some/where:v1", Program: "tool", Args: []string{"serve"},
		Labels: map[string]string{"org.opencontainers.image.version": "v1"}, Binaries: map[string]string{},
	}
	for _, arch := range []string{"amd64", "arm64"} {
		file := filepath.Join(t.TempDir(), "a-program-for-"+arch)
		require.NoError(t, os.WriteFile(file, []byte("program for "+arch), 0o755))
		i.Binaries[arch] = file
	}
	return i
}

// unpacked is the layout in an archive.
func unpacked(t *testing.T, file string) layout.Path {
	t.Helper()
	dir := t.TempDir()
	in, err := os.Open(file)
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		name := filepath.Join(dir, filepath.FromSlash(h.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, content, 0o600))
	}
	path, err := layout.FromPath(dir)
	require.NoError(t, err)
	return path
}

func TestAnArchiveHoldsOneImageForAllPlatforms(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tool.tar")
	require.NoError(t, example(t).Write(file))

	outer, err := unpacked(t, file).ImageIndex()
	require.NoError(t, err)
	require.NoError(t, validate.Index(outer))
	top, err := outer.IndexManifest()
	require.NoError(t, err)
	require.Len(t, top.Manifests, 1)
	assert.Equal(t, "example.com/some/where:v1", top.Manifests[0].Annotations["io.containerd.image.name"])
	assert.Equal(t, "example.com/some/where:v1", top.Manifests[0].Annotations["org.opencontainers.image.ref.name"])

	all, err := outer.ImageIndex(top.Manifests[0].Digest)
	require.NoError(t, err)
	manifest, err := all.IndexManifest()
	require.NoError(t, err)
	var arches []string
	for _, m := range manifest.Manifests {
		arches = append(arches, m.Platform.OS+"/"+m.Platform.Architecture)
		img, err := all.Image(m.Digest)
		require.NoError(t, err)
		cfg, err := img.ConfigFile()
		require.NoError(t, err)
		assert.Equal(t, m.Platform.Architecture, cfg.Architecture)
		assert.Equal(t, "65532:65532", cfg.Config.User)
		assert.Equal(t, []string{"/tool", "serve"}, cfg.Config.Entrypoint)
		assert.Equal(t, "v1", cfg.Config.Labels["org.opencontainers.image.version"])
		assert.Equal(t, map[string]string{"tool": "-r-xr-xr-x program for " + m.Platform.Architecture}, files(t, img))
	}
	assert.Equal(t, []string{"linux/amd64", "linux/arm64"}, arches)
}

// files are the files of an image, with mode and content.
func files(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	layers, err := img.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	in, err := layers[0].Uncompressed()
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	out := map[string]string{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		out[h.Name] = h.FileInfo().Mode().String() + " " + string(content)
	}
}

func TestTheSameProgramsMakeTheSameArchive(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "1.tar"), filepath.Join(dir, "2.tar")
	require.NoError(t, example(t).Write(first))
	require.NoError(t, example(t).Write(second))
	a, err := os.ReadFile(first)
	require.NoError(t, err)
	b, err := os.ReadFile(second)
	require.NoError(t, err)
	assert.True(t, string(a) == string(b), "the archives differ")
}

func TestTheDigestOfAnArchive(t *testing.T) {
	dir := t.TempDir()
	digest := func(name string, i image.Image) string {
		file := filepath.Join(dir, name)
		require.NoError(t, i.Write(file))
		digest, err := image.Digest(file)
		require.NoError(t, err)
		return digest
	}
	first := digest("1.tar", example(t))
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", first)
	assert.Equal(t, first, digest("2.tar", example(t)), "the same programs")
	other := example(t)
	require.NoError(t, os.WriteFile(other.Binaries["arm64"], []byte("another program"), 0o755))
	assert.NotEqual(t, first, digest("3.tar", other), "another program under the same name")

	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, nil, 0o600))
	_, err := image.Digest(text)
	require.ErrorContains(t, err, "it has no index.json")
	_, err = image.Digest(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAnImageThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	i := example(t)
	i.Binaries["arm64"] = filepath.Join(dir, "none")
	require.ErrorContains(t, i.Write(filepath.Join(dir, "tool.tar")), "write image example.com/some/where:v1")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestTheOuterIndexIsPlain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tool.tar")
	require.NoError(t, example(t).Write(file))
	text, err := os.ReadFile(filepath.Join(string(unpacked(t, file)), "index.json"))
	require.NoError(t, err)
	var index struct {
		MediaType string `json:"mediaType"`
		Manifests []struct {
			MediaType string `json:"mediaType"`
		} `json:"manifests"`
	}
	require.NoError(t, json.Unmarshal(text, &index))
	assert.True(t, strings.HasPrefix(index.Manifests[0].MediaType, "application/vnd.oci.image.index"), index.Manifests[0].MediaType)
}
