// SPDX-License-Identifier: Apache-2.0

//go:build mutants

package plan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestEveryMutantIsCaught removes each guard of the plan once: each case of a switch without a tag, the condition of each if, and each
// operand of a && or || in one, in what a function returns and in what a name stands for, and expects the tests of this package to
// fail. A guard whose mutant survives is superfluous, or its invariant is missing. Transcripts do not count: they notice everything.
// The mutants are compiled by an overlay; the sources stay as they are.
func TestEveryMutantIsCaught(t *testing.T) {
	for _, file := range []string{"plan.go", "facts.go", "deploy.go", "settle.go", "failover.go", "relocate.go", "remove.go", "renew.go", "testimony.go"} {
		t.Run(file, func(t *testing.T) { catch(t, mutantsOf(t, file)) })
	}
}

// catch runs the tests on each mutant.
func catch(t *testing.T, all []mutant) {
	t.Helper()
	results := make([]string, len(all))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 2)
	for i, m := range all {
		wg.Add(1)
		go func() {
			defer wg.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] = m.fate(t)
			if results[i] != "" {
				fmt.Printf("caught    %-110s %s\n", m.name, results[i])
			}
		}()
	}
	wg.Wait()
	caught := 0
	for i, m := range all {
		if results[i] == "" {
			t.Errorf("SURVIVED  %s", m.name)
			continue
		}
		caught++
	}
	fmt.Printf("%d of %d mutants caught\n", caught, len(all))
}

type mutant struct {
	file, name string
	source     []byte
}

// mutantsOf lists the mutants of one file.
func mutantsOf(t *testing.T, file string) []mutant {
	t.Helper()
	var out []mutant
	for n := 0; ; n++ {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		name := mutate(fset, f, n)
		if name == "" {
			return out
		}
		var b bytes.Buffer
		if err := format.Node(&b, fset, f); err != nil {
			t.Fatal(err)
		}
		out = append(out, mutant{file, file + ": " + name, b.Bytes()})
	}
}

// mutate makes the n-th mutation in f and names it; empty: there are fewer.
func mutate(fset *token.FileSet, f *ast.File, n int) string {
	name := ""
	text := func(e ast.Node) string {
		var b bytes.Buffer
		_ = format.Node(&b, fset, e)
		return strings.Join(strings.Fields(b.String()), " ")
	}
	var operand func(e *ast.Expr)
	operand = func(e *ast.Expr) {
		if p, ok := (*e).(*ast.ParenExpr); ok {
			operand(&p.X)
			return
		}
		b, ok := (*e).(*ast.BinaryExpr)
		if !ok || b.Op != token.LAND && b.Op != token.LOR {
			return
		}
		neutral := "true"
		if b.Op == token.LOR {
			neutral = "false"
		}
		for _, side := range []*ast.Expr{&b.X, &b.Y} {
			if inner, ok := (*side).(*ast.BinaryExpr); ok && inner.Op == b.Op {
				operand(side)
				continue
			}
			if n == 0 && name == "" {
				name = fmt.Sprintf("in %q without %q", text(*e), text(*side))
				*side = always(neutral, *side)
				return
			}
			n--
			operand(side)
		}
	}
	whole := func(e *ast.Expr) {
		if n == 0 && name == "" {
			name = fmt.Sprintf("without if %q", text(*e))
			*e = always("false", *e)
			return
		}
		n--
		operand(e)
	}
	ast.Inspect(f, func(node ast.Node) bool {
		if name != "" {
			return false
		}
		switch s := node.(type) {
		case *ast.SwitchStmt:
			if s.Tag != nil {
				return true
			}
			for _, c := range s.Body.List {
				list := c.(*ast.CaseClause).List
				for k := range list {
					if name == "" && n == 0 {
						name = fmt.Sprintf("without case %q", text(list[k]))
						list[k] = always("false", list[k])
						return false
					}
					n--
					operand(&list[k])
					if name != "" {
						return false
					}
				}
			}
		case *ast.IfStmt:
			whole(&s.Cond)
		case *ast.ReturnStmt:
			for k := range s.Results {
				operand(&s.Results[k])
			}
		case *ast.AssignStmt:
			for k := range s.Rhs {
				operand(&s.Rhs[k])
			}
		}
		return name == ""
	})
	return name
}

// always is an expression that is what value says, and still uses all that e uses, so that the mutant compiles.
func always(value string, e ast.Expr) ast.Expr {
	op := token.LAND
	if value == "true" {
		op = token.LOR
	}
	return &ast.ParenExpr{X: &ast.BinaryExpr{X: ast.NewIdent(value), Op: op, Y: &ast.ParenExpr{X: e}}}
}

// fate runs the tests on the mutant and returns what caught it; empty: nothing did.
func (m mutant) fate(t *testing.T) string {
	dir := t.TempDir()
	changed := filepath.Join(dir, m.file)
	if err := os.WriteFile(changed, m.source, 0o600); err != nil {
		t.Error(err)
	}
	here, err := filepath.Abs(m.file)
	if err != nil {
		t.Error(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {here: changed}})
	if err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Error(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", filepath.Join(dir, "overlay.json"), "-count=1", "-failfast", "-vet=off", "-skip", "TestTranscripts", ".")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	for _, line := range strings.Split(string(out), "\n") {
		line = strings.TrimSpace(line)
		for _, mark := range []string{"I1:", "I2:", "I3:", "I4:", "I5:", "I7:", "I8:", "I9:", "I10:", "stuck:", "explore_test.go", "panic:", "Error:", "FAIL: "} {
			if i := strings.Index(line, mark); i >= 0 {
				if strings.Contains(line, "states, all of them") {
					continue
				}
				return cut(line[i:], 70)
			}
		}
		if strings.Contains(line, "declared and not used") || strings.Contains(line, "[build failed]") {
			return "does not compile"
		}
	}
	return "failed"
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
