// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
