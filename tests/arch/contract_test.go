// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheContractHasEachRuleAndItsTests compares docs/contract.md with the rules in the package comment of mirror/exchange and with
// the tests in the tree.
func TestTheContractHasEachRuleAndItsTests(t *testing.T) {
	root := filepath.Join("..", "..")
	page := read(t, root, "docs/contract.md")
	section := regexp.MustCompile(`(?m)^### X(\d+): (\w+.*)$`)
	rule := regexp.MustCompile(`(?m)^//   - X(\d+) ([a-z ]+)\.`)
	sections := section.FindAllStringSubmatchIndex(page, -1)
	rules := rule.FindAllStringSubmatch(read(t, root, "mirror/exchange/doc.go"), -1)
	require.Len(t, sections, len(rules), "rules in docs/contract.md and in mirror/exchange/doc.go")
	require.GreaterOrEqual(t, len(rules), 16)
	tests := testNames(t, root)
	named := regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")
	for i, at := range sections {
		number, title := page[at[2]:at[3]], page[at[4]:at[5]]
		assert.Equal(t, rules[i][1]+" "+rules[i][2], number+" "+title, "rules are in the same order under the same names")
		text := page[at[1]:]
		if end := strings.Index(text, "\n#"); end >= 0 {
			text = text[:end]
		}
		assert.Contains(t, text, "*Owed by ", "X%s does not say who owes it", number)
		assert.Contains(t, text, "MUST", "X%s demands nothing", number)
		ofRule := regexp.MustCompile(fmt.Sprintf(`^Test(X\d+_)*X%s_`, number))
		proofs := 0
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if assert.True(t, tests[m[1]], "X%s names the test %s, which does not exist", number, m[1]) && ofRule.MatchString(m[1]) {
				proofs++
			}
		}
		assert.Positive(t, proofs, "X%s names no test of its own", number)
	}
}

// TestTheContractListsEachAnnotation looks up the annotations of mirror/exchange in docs/contract.md.
func TestTheContractListsEachAnnotation(t *testing.T) {
	root := filepath.Join("..", "..")
	page := read(t, root, "docs/contract.md")
	key := regexp.MustCompile(`Annotation\w+\s+= prefix \+ "([a-z-]+)"`)
	files, err := filepath.Glob(filepath.Join(root, "mirror", "exchange", "*.go"))
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range key.FindAllStringSubmatch(string(raw), -1) {
			found++
			assert.Contains(t, page, "`"+m[1]+"`", "the contract does not mention the annotation %s", m[1])
		}
	}
	require.GreaterOrEqual(t, found, 20)
}
