// SPDX-License-Identifier: Apache-2.0

// Package drawing draws the project from what the go command knows of it: which package imports which, on which floor each one
// stands, and which files of a package call which. It never changes anything.
package drawing

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// module is the module of the project.
const module = "github.com/ramendr/ramen-direct/"

// everywhere are the packages that any other may import. The drawing shows them, and no arrows to them.
var everywhere = []string{"api/v1alpha1", "internal/"}

// listed is what go list prints about a package.
type listed struct {
	ImportPath string
	Dir        string
	Export     string
	GoFiles    []string
	Imports    []string
	DepOnly    bool
}

// list runs go list in the folder root. Errors hold what it printed.
func list(root string, args ...string) ([]listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Export,GoFiles,Imports,DepOnly"}, args...)...)
	cmd.Dir = root
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w: %s", err, problems.String())
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		switch err := dec.Decode(&p); {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("read what go list printed: %w", err)
		}
		all = append(all, p)
	}
}

// Packages is the drawing of the packages below root, the folder of the project: floor by floor, the top floor first, each with
// the packages that it imports. A package stands one floor above the highest one that it imports.
func Packages(root string) (string, error) {
	all, err := list(root, "./cmd/...", "./cli/...", "./hubctrl/...", "./spokectrl/...", "./mirror/...", "./internal/...", "./api/v1alpha1")
	if err != nil {
		return "", err
	}
	imports := map[string][]string{}
	for _, p := range all {
		name := strings.TrimPrefix(p.ImportPath, module)
		imports[name] = nil
		for _, i := range p.Imports {
			if other, ours := strings.CutPrefix(i, module); ours && !strings.Contains(other, "/applyconfiguration") {
				imports[name] = append(imports[name], other)
			}
		}
	}
	floors := map[int][]string{}
	width := 0
	for name := range imports {
		f := floor(imports, name)
		floors[f] = append(floors[f], name)
		width = max(width, len(name))
	}
	var out strings.Builder
	for _, f := range slices.Backward(slices.Sorted(maps.Keys(floors))) {
		slices.Sort(floors[f])
		for _, name := range floors[f] {
			line := fmt.Sprintf("%2d  %-*s  %s", f, width, name, strings.Join(arrows(imports[name]), " "))
			out.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	return out.String(), nil
}

// floor is how many packages of the project stand below name, one above the other.
func floor(imports map[string][]string, name string) int {
	f := 0
	for _, i := range imports[name] {
		f = max(f, floor(imports, i)+1)
	}
	return f
}

// arrows are the imports that the drawing shows.
func arrows(imports []string) []string {
	return slices.DeleteFunc(slices.Clone(imports), func(name string) bool {
		return slices.ContainsFunc(everywhere, func(e string) bool { return strings.HasPrefix(name, e) })
	})
}

// Lines of a page around the drawing.
const (
	begin = "<!-- drawing -->\n"
	end   = "<!-- end of the drawing -->\n"
)

// Replace is page with another drawing. It fails if the page has no place for one.
func Replace(page, drawing string) (string, error) {
	before, rest, found := strings.Cut(page, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", fmt.Errorf("there are no lines %q and %q", begin, end)
	}
	return before + begin + "\n```\n" + drawing + "```\n\n" + end + after, nil
}
