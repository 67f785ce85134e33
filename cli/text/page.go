// SPDX-License-Identifier: Apache-2.0

package text

import (
	"io"
	"strings"

	"github.com/ramendr/ramen-direct/cli/view"
)

// Page is where text goes.
type Page struct {
	out io.Writer
	// Width of the terminal in columns; zero: there is no terminal, and nothing is cut.
	Width int
	// Color : the reader sees colors.
	Color bool
	err   error // the first of writing: nothing is written after it
}

// NewPage returns a page on out.
func NewPage(out io.Writer, width int, color bool) *Page {
	return &Page{out: out, Width: width, Color: color}
}

func (p *Page) line(parts ...string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.out, strings.TrimRight(strings.Join(parts, ""), " ")+"\n")
	}
}

// paragraph prints text, broken into lines, behind an indent or a mark; lines after the first are indented as far.
func (p *Page) paragraph(mark, text string) {
	limit := 0
	if p.Width > 0 {
		limit = max(p.Width-Width(mark), 20)
	}
	for i, l := range Wrap(Clean(text), limit) {
		if i > 0 {
			mark = strings.Repeat(" ", Width(mark))
		}
		p.line(mark, l)
	}
}

// Colors of severities.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	cyan   = "\x1b[36m"
	plain  = "\x1b[0m"
)

// tint colors text by how much it asks for attention.
func (p *Page) tint(s view.Severity, text string) string {
	if !p.Color || text == "" {
		return text
	}
	switch s {
	case view.Problem:
		return red + text + plain
	case view.Warning:
		return yellow + text + plain
	case view.Busy:
		return cyan + text + plain
	case view.Good:
		return green + text + plain
	}
	return text
}
