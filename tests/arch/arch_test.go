// SPDX-License-Identifier: Apache-2.0

// Package arch checks what the folders promise: which package may import which, that pure packages stay pure, that each
// package says what it promises, that each source file names its license, and that the pages for users speak of what there is.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/ramendr/ramen-direct/"

// world is what a pure package must not touch. It may know the shapes of objects, where it says so below.
var world = []string{
	"context", "log", "net", "os", "time",
	"sigs.k8s.io/controller-runtime", "k8s.io/client-go", "k8s.io/utils/clock", "github.com/go-logr",
}

// room is what the pure rooms of both sides must not touch: they take objects and moments, and return facts, texts and intents. An
// address that somebody reports is looked at (net), never called.
var room = []string{
	"context", "log", "os", "net/http", "k8s.io/client-go", "k8s.io/utils/clock", "sigs.k8s.io/controller-runtime", "github.com/go-logr",
	module + "internal/apply", module + "hubctrl/drpc", module + "hubctrl/metrics", module + "hubctrl/links", module + "hubctrl/drcluster",
	module + "spokectrl/vrg", module + "spokectrl/signing",
}

// forbidden lists, for each tree, what it must not import. Add a rule, never an exception.
var forbidden = map[string][]string{
	"api/":                        {module},
	"cli/":                        {module + "mirror/link", module + "mirror/translate", module + "mirror/fleet", module + "mirror/credential", module + "spokectrl", module + "tests", module + "cmd"},
	"cli/view/":                   {"context", "os", "net", "log", "k8s.io/client-go", module + "hubctrl/drpc"},
	"cli/order/":                  {"context", "os", "net", "log", "k8s.io/client-go", module + "hubctrl"},
	"cli/check/":                  {"context", "os", "net", "log", "k8s.io/client-go", module + "hubctrl", module + "cli/hub"},
	"cli/site/":                   {"context", "os", "net", "log", "k8s.io/client-go", module + "hubctrl", module + "cli/hub"},
	"cli/text/":                   {"context", "os", "net", "log", "k8s.io/client-go", "k8s.io/api", module + "api", module + "hubctrl"},
	"internal/":                   {module + "hubctrl", module + "spokectrl", module + "mirror", module + "cli", module + "tests", module + "cmd"},
	"hubctrl/":                    {module + "mirror/link", module + "mirror/translate", module + "spokectrl/plan", module + "spokectrl/vrg", module + "spokectrl/volumes", module + "spokectrl/provider", module + "cli", module + "tests", module + "cmd"},
	"hubctrl/plan/":               slices.Concat(world, []string{module, "k8s.io"}),
	"hubctrl/snapshot/":           slices.Concat(room, []string{module + "hubctrl/wish", module + "hubctrl/status"}),
	"hubctrl/wish/":               slices.Concat(room, []string{module + "hubctrl/status"}),
	"hubctrl/status/":             room,
	"hubctrl/drpolicy/peerclass/": {"context", "os", "net", "sigs.k8s.io/controller-runtime", "k8s.io/client-go"},
	"hubctrl/maintenance/modes/":  {"context", "os", "net", "log", "sigs.k8s.io/controller-runtime", "k8s.io/client-go"},
	"spokectrl/":                  {module + "hubctrl", module + "mirror/link", module + "mirror/translate", module + "tests", module + "cmd"},
	"spokectrl/plan/":             slices.Concat(world, []string{module, "k8s.io"}),
	"spokectrl/snapshot/":         slices.Concat(room, []string{module + "spokectrl/status"}),
	"spokectrl/status/":           room,
	"spokectrl/capsule/":          {"context", "os", "net", "log", "sigs.k8s.io/controller-runtime", "k8s.io/client-go"},
	"mirror/":                     {module + "hubctrl", module + "spokectrl", module + "tests", module + "cmd"},
	"mirror/exchange/":            {"context", "os", "net", "k8s.io/client-go", module + "internal"},
	"mirror/translate/":           {"context", "os", "net", "log", "sigs.k8s.io/controller-runtime", "k8s.io/client-go"},
}

// clockless are trees in which nothing may ask what time it is: time comes in.
var clockless = []string{"api/", "cli/", "hubctrl/", "spokectrl/", "mirror/", "internal/"}

func TestArchitecture(t *testing.T) {
	root := filepath.Join("..", "..")
	documented := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if strings.HasPrefix(d.Name(), ".") && rel != "." || rel == "bin" || d.Name() == "applyconfiguration" {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") && !strings.HasPrefix(d.Name(), "zz_") {
			check(t, path, filepath.ToSlash(rel), documented)
		}
		return nil
	}))
	require.NotEmpty(t, documented)
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment: say what it promises", dir)
		}
	}
}

func check(t *testing.T, path, rel string, documented map[string]bool) {
	t.Helper()
	src, err := os.ReadFile(path)
	require.NoError(t, err)
	if !strings.HasPrefix(string(src), "// SPDX-License-Identifier: Apache-2.0\n") {
		t.Errorf("%s does not begin with its SPDX line", rel)
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ParseComments)
	require.NoError(t, err)
	if strings.HasSuffix(rel, "_test.go") {
		return
	}
	dir := filepath.ToSlash(filepath.Dir(rel))
	documented[dir] = documented[dir] || f.Doc != nil
	for _, spec := range f.Imports {
		imported := strings.Trim(spec.Path.Value, `"`)
		for tree, list := range forbidden {
			if !strings.HasPrefix(rel, tree) {
				continue
			}
			for _, bad := range list {
				if imported == strings.TrimSuffix(bad, "/") || strings.HasPrefix(imported, strings.TrimSuffix(bad, "/")+"/") {
					t.Errorf("%s imports %s, which %s must not", rel, imported, tree)
				}
			}
		}
	}
	for _, tree := range clockless {
		if strings.HasPrefix(rel, tree) {
			noClock(t, rel, f)
		}
	}
}

// noClock fails if f asks the time package what time it is, or sleeps.
func noClock(t *testing.T, rel string, f *ast.File) {
	t.Helper()
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := sel.X.(*ast.Ident)
		if ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "Tick"}, sel.Sel.Name) {
			t.Errorf("%s calls time.%s: let the clock come in", rel, sel.Sel.Name)
		}
		return true
	})
}
