// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// longest is how many lines a file of Go has at most: a longer one has more than one subject.
const longest = 400

func TestFilesStayShort(t *testing.T) {
	root := filepath.Join("..", "..")
	walk(t, root, func(rel string) {
		if !strings.HasSuffix(rel, ".go") || strings.Contains(rel, "/applyconfiguration/") || strings.HasPrefix(filepath.Base(rel), "zz_") {
			return
		}
		lines := strings.Count(read(t, root, rel), "\n")
		assert.LessOrEqual(t, lines, longest, "%s has %d lines: split it by subject", rel, lines)
	})
}
