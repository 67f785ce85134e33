// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pages are the texts for users, by path from the root of the project.
func pages(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	add := func(rel string) {
		raw, err := os.ReadFile(filepath.Join(root, rel))
		require.NoError(t, err)
		out[rel] = string(raw)
	}
	top, err := filepath.Glob(filepath.Join(root, "*.md"))
	require.NoError(t, err)
	for _, page := range top {
		add(filepath.Base(page))
	}
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		rel, err := filepath.Rel(root, path)
		add(rel)
		return err
	}))
	return out
}

// read is the text of a file, by its path from the root of the project.
func read(t *testing.T, root, rel string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(rel)))
	require.NoError(t, err)
	return string(raw)
}

var testName = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)\(`)

// testNames are the tests in the tree.
func testNames(t *testing.T, root string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	walk(t, root, func(rel string) {
		if strings.HasSuffix(rel, "_test.go") {
			for _, m := range testName.FindAllStringSubmatch(read(t, root, rel), -1) {
				out[m[1]] = true
			}
		}
	})
	return out
}

// everything is the text of all sources.
func everything(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	walk(t, root, func(rel string) {
		if slices.Contains([]string{".go", ".yaml", ".sh"}, filepath.Ext(rel)) || filepath.Base(rel) == "Makefile" {
			out.WriteString(read(t, root, rel))
		}
	})
	return out.String()
}

// walk calls visit for each file of the project but what is built, with its path from the root.
func walk(t *testing.T, root string, visit func(rel string)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if rel == ".git" || rel == "bin" || rel == "dist" {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.IsDir() {
			visit(filepath.ToSlash(rel))
		}
		return nil
	}))
}
