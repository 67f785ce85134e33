// SPDX-License-Identifier: Apache-2.0

package exchange_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEachRuleHasATestOfItsName looks for the tests of the rules in all that carries them.
func TestEachRuleHasATestOfItsName(t *testing.T) {
	rule, test := regexp.MustCompile(`(?m)^//   - (X\d+) `), regexp.MustCompile(`(?m)^func (?:Test|Fuzz)((?:X\d+_)+)`)
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	rules := rule.FindAllStringSubmatch(string(text), -1)
	require.GreaterOrEqual(t, len(rules), 13)

	tested := map[string]int{}
	for _, tree := range []string{"..", filepath.Join("..", "..", "tests", "admission"), filepath.Join("..", "..", "hubctrl")} {
		require.NoError(t, filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range test.FindAllStringSubmatch(string(text), -1) {
				for name := range strings.SplitSeq(strings.Trim(found[1], "_"), "_") {
					tested[name]++
				}
			}
			return err
		}))
	}
	last := 0
	for _, r := range rules {
		number, err := strconv.Atoi(strings.TrimPrefix(r[1], "X"))
		require.NoError(t, err)
		assert.Greater(t, number, last, "rules are in order, and each has a number of its own")
		last = number
		assert.Positive(t, tested[r[1]], "rule %s has no test", r[1])
	}
}
