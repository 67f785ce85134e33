// SPDX-License-Identifier: Apache-2.0

// Command draw prints the drawing of the packages; with -page it writes it into that page. With the names of folders it prints
// which calls inside these packages run back from file to file. Run it in the folder of the project.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ramendr/ramen-direct/tests/arch/drawing"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	fs := flag.NewFlagSet("draw", flag.ContinueOnError)
	page := fs.String("page", "", "page to write the drawing into")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() == 0 {
		return packages(*page, out)
	}
	for _, dir := range fs.Args() {
		calls, err := drawing.CallsOf(".", dir)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%s: %d files, %d arrows, %d run back\n  %s\n", dir, len(calls.Order), len(calls.Arrows), len(calls.Back), strings.Join(calls.Order, " "))
		for _, a := range calls.Back {
			_, _ = fmt.Fprintf(out, "  %s -> %s (%d)\n", a.From, a.To, calls.Arrows[a])
		}
	}
	return nil
}

func packages(page string, out io.Writer) error {
	text, err := drawing.Packages(".")
	if err != nil {
		return err
	}
	if page == "" {
		_, err = io.WriteString(out, text)
		return err
	}
	was, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	is, err := drawing.Replace(string(was), text)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(is), 0o644)
}
