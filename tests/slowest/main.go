// SPDX-License-Identifier: Apache-2.0

// Command slowest reads what go test -json wrote into the files that it is given, and prints the ten packages and the ten tests
// that took longest, so that the gate shows where its time goes.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const (
	shown  = 10
	module = "github.com/ramendr/ramen-direct/"
	// longestLine bounds a line of output, which may hold an object.
	longestLine = 16 << 20
)

// event is what is read of an event of go test -json; see go doc test2json.
type event struct {
	Action, Package, Test string
	Elapsed               float64 // seconds
}

// took is how long something took, in seconds.
type took struct {
	what    string
	seconds float64
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(files []string, out io.Writer) error {
	var packages, tests []took
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		p, t, err := read(f)
		if err := f.Close(); err != nil {
			return err
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		packages, tests = append(packages, p...), append(tests, t...)
	}
	show(out, "packages", packages)
	show(out, "tests", tests)
	return nil
}

// read returns how long each package and each test that is not part of another one took.
func read(from io.Reader) (packages, tests []took, err error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue // what go build says is not JSON
		}
		name := strings.TrimPrefix(e.Package, module)
		switch {
		case e.Action != "pass" && e.Action != "fail":
		case e.Test == "":
			packages = append(packages, took{name, e.Elapsed})
		case !strings.Contains(e.Test, "/"):
			tests = append(tests, took{name + " " + e.Test, e.Elapsed})
		}
	}
	return packages, tests, lines.Err()
}

func show(out io.Writer, kind string, all []took) {
	slices.SortFunc(all, func(a, b took) int {
		if a.seconds != b.seconds {
			return int(1000 * (b.seconds - a.seconds))
		}
		return strings.Compare(a.what, b.what)
	})
	fmt.Fprintf(out, "slowest %s:\n", kind)
	for _, t := range all[:min(shown, len(all))] {
		fmt.Fprintf(out, "%8.1f s  %s\n", t.seconds, t.what)
	}
}
