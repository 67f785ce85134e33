// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestOnlyAVersionOfAReleaseIsReleased(t *testing.T) {
	for version, valid := range map[string]bool{
		"v0.1.0": true, "v1.20.3": true, "v0.1.0-rc.1": true,
		"0.1.0": false, "v0.1": false, "dev": false, "v0.1.0 ": false,
	} {
		assert.Equal(t, valid, tag.MatchString(version), version)
	}
	var problems bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{"release", "--version", "dev", "--out", t.TempDir()}, &problems, &problems))
	assert.Contains(t, problems.String(), `version "dev" is not that of a release`)
}

func TestAReleaseIsNotMixedWithAnotherOne(t *testing.T) {
	out := t.TempDir()
	dir := filepath.Join(out, "release", "v0.1.0")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "old"), nil, 0o644))
	var problems bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{"release", "--version", "v0.1.0", "--out", out}, &problems, &problems))
	assert.Contains(t, problems.String(), "is not empty: remove it first")
}

func TestChecksumsCoverEachFileOnce(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b"), []byte("hello\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), nil, 0o644))
	for range 2 { // the second time there are checksums already
		files, err := sum(dir)
		require.NoError(t, err)
		assert.Len(t, files, 3)
	}
	text, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	require.NoError(t, err)
	assert.Equal(t, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n"+
		"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  b\n", string(text))
}

// TestKrewFindsWhatTheManifestNames: each platform has an archive with the plugin and what completes its words, and its hash.
func TestKrewFindsWhatTheManifestNames(t *testing.T) {
	dir := t.TempDir()
	d := dist{version: "v0.1.0"}
	platforms := []platform{{"linux", "amd64"}, {"darwin", "arm64"}}
	for _, p := range platforms {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "kubectl-ramen_direct-"+p.system+"-"+p.arch), []byte(p.system), 0o755))
	}
	require.NoError(t, d.krew(dir, filepath.Join("..", ".."), platforms))
	raw, err := os.ReadFile(filepath.Join(dir, "ramen-direct.yaml"))
	require.NoError(t, err)
	var manifest struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
		Spec             struct {
			Version, ShortDescription, Homepage string
			Platforms                           []struct {
				Selector         struct{ MatchLabels map[string]string }
				URI, SHA256, Bin string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(raw, &manifest))
	assert.Equal(t, "krew.googlecontainertools.github.com/v1alpha2", manifest.APIVersion)
	assert.Equal(t, "ramen-direct", manifest.Metadata.Name, "the file is called as the plugin is, as krew's index wants it")
	assert.Equal(t, "v0.1.0", manifest.Spec.Version)
	assert.LessOrEqual(t, len(manifest.Spec.ShortDescription), 50)
	require.Len(t, manifest.Spec.Platforms, 2)
	for i, p := range manifest.Spec.Platforms {
		assert.Equal(t, map[string]string{"os": platforms[i].system, "arch": platforms[i].arch}, p.Selector.MatchLabels)
		assert.Equal(t, "https://github.com/ramendr/ramen-direct/releases/download/v0.1.0/"+filepath.Base(p.URI), p.URI)
		file := filepath.Join(dir, filepath.Base(p.URI))
		hash, err := hashOf(file)
		require.NoError(t, err)
		assert.Equal(t, hash, p.SHA256)
		in := unpacked(t, file)
		assert.Equal(t, platforms[i].system, in[p.Bin])
		assert.Contains(t, in["kubectl_complete-ramen_direct"], "__complete")
		assert.Contains(t, in, "LICENSE")
	}
	require.NoError(t, d.krew(dir, filepath.Join("..", ".."), platforms))
	again, err := os.ReadFile(filepath.Join(dir, "ramen-direct.yaml"))
	require.NoError(t, err)
	assert.Equal(t, string(raw), string(again), "the same programs give the same bytes")
}

func unpacked(t *testing.T, file string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	out := map[string]string{}
	for r := tar.NewReader(zip); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		content, err := io.ReadAll(r)
		require.NoError(t, err)
		out[head.Name] = string(content)
	}
}

func TestTheBillOfMaterialsNamesEachModuleOfEachProgram(t *testing.T) {
	made := &buildinfo.BuildInfo{
		GoVersion: "go1.26.0",
		Deps: []*debug.Module{
			{Path: "example.com/a", Version: "v1.0.0", Sum: "h1:AAA="},
			{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/c", Version: "v2.0.0", Sum: "h1:CCC="}},
		},
		Settings: []debug.BuildSetting{{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}},
	}
	programs := []program{{"one-linux-amd64", "11", made}, {"two-linux-amd64", "22", made}}
	text, err := sbom("v0.1.0", programs)
	require.NoError(t, err)
	again, err := sbom("v0.1.0", programs)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(text, again), "the same programs give the same bytes")

	var doc document
	require.NoError(t, json.Unmarshal(text, &doc))
	assert.Equal(t, "SPDX-2.3", doc.Version)
	ids := map[string]int{}
	modules := map[string]string{} // by what package managers call them: their hash
	for _, p := range doc.Packages {
		ids[p.ID]++
		for _, e := range p.External {
			modules[e.Locator] = p.Comment
		}
	}
	assert.Equal(t, map[string]string{"pkg:golang/stdlib@1.26.0": "", "pkg:golang/example.com/a@v1.0.0": "go.sum: h1:AAA=",
		"pkg:golang/example.com/c@v2.0.0": "go.sum: h1:CCC="}, modules, "what replaces a module is what was linked in")
	assert.Equal(t, "2026-01-02T03:04:05Z", doc.Creation.Created)
	for id, n := range ids {
		assert.Equal(t, 1, n, "%s is named %d times", id, n)
	}
	described := 0
	for _, r := range doc.Relationships {
		assert.Equal(t, 1, ids[r.To], "%s depends on %s, which is not described", r.From, r.To)
		if r.Type == "DESCRIBES" {
			described++
		}
	}
	assert.Equal(t, 2, described)
}
