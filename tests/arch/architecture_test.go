// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/arch/drawing"
)

const architecture = "docs/contributing/architecture.md"

func TestTheDrawingOfThePackagesIsTrue(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := drawing.Packages(root)
	require.NoError(t, err)
	page := read(t, root, architecture)
	want, err := drawing.Replace(page, text)
	require.NoError(t, err)
	assert.True(t, want == page, "imports changed: read the new drawing, and if it is meant, run\n\tgo run ./tests/arch/draw -page %s\n%s", architecture, text)
}

func TestTheWaysThroughTheCodeNameFunctionsThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	step := regexp.MustCompile("`(\\w+)` \\(`([a-z0-9/_]+\\.go)`\\)")
	steps := step.FindAllStringSubmatch(read(t, root, architecture), -1)
	require.GreaterOrEqual(t, len(steps), 25)
	for _, m := range steps {
		fn := regexp.MustCompile(`(?m)^func (\([^)]+\) )?` + m[1] + `\(`)
		assert.True(t, fn.MatchString(read(t, root, m[2])), "%s has no function %s", m[2], m[1])
	}
}

// runBack are the most pairs of files inside a package whose calls may run back. Lower a number when it can be lowered.
var runBack = map[string]int{"hubctrl/drpc": 0, "hubctrl/snapshot": 0, "hubctrl/status": 0, "hubctrl/wish": 0, "spokectrl/snapshot": 0, "spokectrl/status": 0, "spokectrl/vrg": 2, "mirror/link": 1}

func TestCallsThatRunBackDoNotGrow(t *testing.T) {
	root := filepath.Join("..", "..")
	for dir, most := range runBack {
		calls, err := drawing.CallsOf(root, dir)
		require.NoError(t, err)
		t.Logf("%s: %d arrows from file to file, %d run back, at most %d", dir, len(calls.Arrows), len(calls.Back), most)
		assert.LessOrEqual(t, len(calls.Back), most, "more calls run back inside %s: put the function where its callers stand above it; see\n\tgo run ./tests/arch/draw %s", dir, dir)
	}
}
