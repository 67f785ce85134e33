// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mostMethods is how many methods a type has at most: one with more does several things, and any of them may change what it holds.
const mostMethods = 20

// manyMethods are types that have more, with how many. Lower a number when it can be lowered.
var manyMethods = map[string]int{
	"cli.commands":              26,
	"cli/hub.Hub":               33,
	"cli/text.Page":             42,
	"spokectrl/recipe.resolver": 26,
}

// programs are the folders of what is installed.
var programs = []string{"cli/", "hubctrl/", "internal/", "mirror/", "spokectrl/"}

func TestFewTypesHaveManyMethods(t *testing.T) {
	root := filepath.Join("..", "..")
	methods := map[string]int{}
	walk(t, root, func(path string) {
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || !slices.ContainsFunc(programs, func(p string) bool { return strings.HasPrefix(path, p) }) {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
				methods[filepath.ToSlash(filepath.Dir(path))+"."+receiver(fn)]++
			}
		}
	})
	require.NotEmpty(t, methods)
	for name, n := range methods {
		most := max(mostMethods, manyMethods[name])
		assert.LessOrEqual(t, n, most, "%s has %d methods, at most %d: give a part of what it holds a type of its own", name, n, most)
	}
}

// receiver is the name of the type that a method belongs to.
func receiver(fn *ast.FuncDecl) string {
	of := fn.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if generic, ok := of.(*ast.IndexExpr); ok {
		of = generic.X
	}
	if id, ok := of.(*ast.Ident); ok {
		return id.Name
	}
	return "?"
}
