// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	inBackticks = regexp.MustCompile("`([^`\n]+)`")
	target      = regexp.MustCompile(`(?m)^([a-z-]+):`)
)

// ofOthers are names of other projects: a feature gate of Flux.
var ofOthers = []string{"CancelHealthCheckOnNewRevision"}

// TestWordsInBackticksExist reads what pages put between backticks: a test, a path, a make target or a name must exist.
func TestWordsInBackticksExist(t *testing.T) {
	root := filepath.Join("..", "..")
	tests, sources := testNames(t, root), everything(t, root)
	var targets []string
	for _, m := range target.FindAllStringSubmatch(read(t, root, "Makefile"), -1) {
		targets = append(targets, m[1])
	}
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	var top []string // names at the root of the project
	for _, e := range entries {
		top = append(top, e.Name())
	}
	isTest, isName := regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w*$`), regexp.MustCompile(`^([A-Za-z0-9]*[a-z][A-Z][A-Za-z0-9]*|[A-Z][a-z]+)$`)
	isPath := regexp.MustCompile(`^[\w./*-]+$`)
	for page, text := range pages(t, root) {
		if filepath.Base(page) == "fields.md" {
			continue // generated
		}
		for _, m := range inBackticks.FindAllStringSubmatch(withoutExamples(text), -1) {
			word := m[1]
			first, _, nested := strings.Cut(word, "/")
			switch {
			case isTest.MatchString(word):
				assert.True(t, tests[word], "%s names the test %s, which does not exist", page, word)
			case strings.HasPrefix(word, "make ") && strings.Trim(word, "make ABCDEFGHIJKLMNOPQRSTUVWXYZ=0123456789.") != "":
				name := strings.Fields(word)[1]
				assert.True(t, slices.Contains(targets, name), "%s says %s, and the Makefile has no such target", page, word)
			case isPath.MatchString(word) && nested && slices.Contains(top, first) && first != "dist" && first != "bin":
				found, err := filepath.Glob(filepath.Join(root, strings.TrimSuffix(word, "...")))
				assert.NoError(t, err)
				assert.NotEmpty(t, found, "%s speaks of %s, which does not exist", page, word)
			case isName.MatchString(word) && !slices.Contains(ofOthers, word):
				assert.True(t, strings.Contains(sources, word), "%s speaks of %s, which no source names", page, word)
			}
		}
	}
}

// withoutExamples is a page without the blocks between fences.
func withoutExamples(text string) string {
	return regexp.MustCompile("(?ms)^ *```.*?^ *```$").ReplaceAllString(text, "")
}
