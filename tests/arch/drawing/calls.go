// SPDX-License-Identifier: Apache-2.0

package drawing

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Arrow says that a file uses functions of another file of its package.
type Arrow struct{ From, To string }

// Calls are the uses of functions from file to file inside one package.
type Calls struct {
	// Arrows are all pairs of files, with the number of uses.
	Arrows map[Arrow]int
	// Order are the files, such that as few arrows as this package finds run from a later file to an earlier one.
	Order []string
	// Back are the arrows that run so all the same.
	Back []Arrow
}

// CallsOf reads the package in the folder dir below root. It compiles what the package imports, unless that is cached.
func CallsOf(root, dir string) (Calls, error) {
	all, err := list(root, "-export", "-deps", "./"+dir)
	if err != nil {
		return Calls{}, err
	}
	exports := map[string]string{}
	var pkg listed
	for _, p := range all {
		exports[p.ImportPath] = p.Export
		if !p.DepOnly {
			pkg = p
		}
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range pkg.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(pkg.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return Calls{}, fmt.Errorf("read %s: %w", name, err)
		}
		files = append(files, f)
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	if _, err := config.Check(pkg.ImportPath, fset, files, info); err != nil {
		return Calls{}, fmt.Errorf("check types of %s: %w", dir, err)
	}
	calls := Calls{Arrows: map[Arrow]int{}}
	for ident, obj := range info.Uses {
		fn, ok := obj.(*types.Func)
		if !ok || fn.Pkg() == nil || fn.Pkg().Path() != pkg.ImportPath {
			continue
		}
		a := Arrow{filepath.Base(fset.Position(ident.Pos()).Filename), filepath.Base(fset.Position(fn.Origin().Pos()).Filename)}
		if a.From != a.To {
			calls.Arrows[a]++
		}
	}
	calls.arrange(slices.Sorted(slices.Values(pkg.GoFiles)))
	return calls, nil
}

// arrange looks for an order in which few arrows run back: it moves one file at a time to where it is best, until no move helps.
// The result depends on the arrows only.
func (c *Calls) arrange(order []string) {
	out := map[string]int{}
	for a := range c.Arrows {
		out[a.From]++
		out[a.To]--
	}
	slices.SortStableFunc(order, func(a, b string) int { return out[b] - out[a] })
	best := len(c.back(order))
	for improved := true; improved; {
		improved = false
		for _, file := range slices.Clone(order) {
			rest := slices.DeleteFunc(slices.Clone(order), func(f string) bool { return f == file })
			for at := range len(order) {
				tried := slices.Insert(slices.Clone(rest), at, file)
				if n := len(c.back(tried)); n < best {
					best, order, improved = n, tried, true
				}
			}
		}
	}
	c.Order, c.Back = order, c.back(order)
}

// back are the arrows that run from a later file to an earlier one.
func (c *Calls) back(order []string) []Arrow {
	at := map[string]int{}
	for i, f := range order {
		at[f] = i
	}
	var out []Arrow
	for _, a := range slices.SortedFunc(maps.Keys(c.Arrows), func(a, b Arrow) int {
		if d := at[a.From] - at[b.From]; d != 0 {
			return d
		}
		return at[a.To] - at[b.To]
	}) {
		if at[a.From] > at[a.To] {
			out = append(out, a)
		}
	}
	return out
}
