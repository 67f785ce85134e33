// SPDX-License-Identifier: Apache-2.0

package text

import (
	"strings"

	"github.com/ramendr/ramen-direct/cli/view"
)

const (
	gap    = "  "
	narrow = 8 // columns that a cell keeps, if it has so many
)

// cell is one field of a table.
type cell struct {
	text     string
	severity view.Severity
	tinted   bool
}

// column is one of a table.
type column struct {
	head string
	// whole : it is never cut: what it holds is typed again, or tells nothing if a part is missing.
	whole bool
}

// table prints rows below columns. Where the page is too narrow, what may be cut is cut, the last column first; if that is not
// enough, the terminal breaks the lines.
func (p *Page) table(columns []column, rows [][]cell) {
	widths := make([]int, len(columns))
	head := make([]cell, len(columns))
	for i, c := range columns {
		widths[i], head[i].text = Width(c.head), c.head
	}
	for _, row := range rows {
		for i := range row {
			row[i].text = Clean(row[i].text)
			widths[i] = max(widths[i], Width(row[i].text))
		}
	}
	p.fit(widths, columns)
	for _, row := range append([][]cell{head}, rows...) {
		var line strings.Builder
		for i, c := range row {
			shown := Cut(c.text, widths[i])
			pad := strings.Repeat(" ", widths[i]-Width(shown))
			if c.tinted {
				shown = p.tint(c.severity, shown)
			}
			line.WriteString(shown)
			if i < len(row)-1 {
				line.WriteString(pad + gap)
			}
		}
		p.line(line.String())
	}
}

// fit takes columns from widths until a row has room on the page: from the last column first, then from the widest of those
// that may be cut.
func (p *Page) fit(widths []int, columns []column) {
	if p.Width <= 0 {
		return
	}
	over := -p.Width - len(gap)
	for _, w := range widths {
		over += w + len(gap)
	}
	for ; over > 0; over-- {
		at := len(widths) - 1
		if widths[at] <= 2*narrow {
			for i := range widths {
				if !columns[i].whole && widths[i] > widths[at] {
					at = i
				}
			}
		}
		if columns[at].whole || widths[at] <= narrow {
			return
		}
		widths[at]--
	}
}
