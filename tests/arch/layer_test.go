// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSlowTestsNameATestOfTheGate reads each call of testlayer.Slow and testlayer.Drawn: the test that it names must exist and must
// not be slow itself.
func TestSlowTestsNameATestOfTheGate(t *testing.T) {
	root := filepath.Join("..", "..")
	tests := map[string]bool{}   // by "folder TestName": whether it is slow
	named := map[string]string{} // by the test that stands for another: who names it
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(rel)
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			for _, stmt := range fn.Body.List {
				tests[dir+" "+fn.Name.Name] = tests[dir+" "+fn.Name.Name] || isSlow(stmt)
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && (layers(call, "Slow", 2) || layers(call, "Drawn", 4)) {
					standIn, quoted := text(call.Args[len(call.Args)-1])
					if !quoted {
						t.Errorf("%s %s: give testlayer.Slow and testlayer.Drawn the name of the test as a literal", dir, fn.Name.Name)
						return true
					}
					if !strings.Contains(standIn, " ") {
						standIn = dir + " " + standIn
					}
					named[standIn] = dir + " " + fn.Name.Name
				}
				return true
			})
		}
		return nil
	}))
	for standIn, by := range named {
		slow, exists := tests[standIn]
		assert.True(t, exists, "%s: in the gate %q stands for it, but there is no such test", by, standIn)
		assert.False(t, slow, "%s: in the gate %q stands for it, but that one leaves the gate too", by, standIn)
	}
}

// isSlow says whether stmt is a call of testlayer.Slow.
func isSlow(stmt ast.Stmt) bool {
	expr, ok := stmt.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := expr.X.(*ast.CallExpr)
	return ok && layers(call, "Slow", 2)
}

// layers says whether call is one of a function of testlayer with so many arguments.
func layers(call *ast.CallExpr, name string, arguments int) bool {
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) != arguments || fn.Sel.Name != name {
		return false
	}
	pkg, ok := fn.X.(*ast.Ident)
	return ok && pkg.Name == "testlayer"
}

func text(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}
