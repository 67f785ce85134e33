// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var packageClause = regexp.MustCompile(`(?m)^package (\w+)$`)

// TestTestsStandOutside: a test sees what the users of a package see, and the name of the file says where it does not.
func TestTestsStandOutside(t *testing.T) {
	root := filepath.Join("..", "..")
	code := map[string]bool{} // folders whose package is more than its tests
	walk(t, root, func(rel string) {
		if strings.HasSuffix(rel, ".go") && !strings.HasSuffix(rel, "_test.go") {
			code[filepath.Dir(rel)] = true
		}
	})
	outside := 0
	walk(t, root, func(rel string) {
		if !strings.HasSuffix(rel, "_test.go") || !code[filepath.Dir(rel)] {
			return
		}
		clause := packageClause.FindStringSubmatch(read(t, root, rel))
		name := filepath.Base(rel)
		switch {
		case !assert.NotNil(t, clause, rel):
		case clause[1] == "main", name == "export_test.go":
		case strings.HasSuffix(clause[1], "_test"):
			outside++
			assert.False(t, strings.HasSuffix(name, "_internal_test.go"), "%s is outside of its package: its name says otherwise", rel)
		default:
			assert.True(t, strings.HasSuffix(name, "_internal_test.go"), "%s is inside of its package: test from outside, in package %s_test, or call the file ..._internal_test.go", rel, clause[1])
		}
	})
	assert.Greater(t, outside, 200)
}
