// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strings"

	"github.com/ramendr/ramen-direct/cli/view"
)

// results are how results of checks read, and how much each asks for attention.
var results = map[view.CheckResult]struct {
	word     string
	severity view.Severity
}{
	view.CheckSuccess: {"ok  ", view.Good}, view.CheckWarning: {"WARN", view.Warning}, view.CheckError: {"FAIL", view.Problem}, view.CheckUnknown: {"?   ", view.Warning},
}

// Validation prints checks by category: what is wrong, with the reason and the page that helps, and how many are good; wide: those
// as well.
func (p *Page) Validation(v *view.Validation, wide bool) error {
	p.head(&v.Head)
	for i := range v.Categories {
		c := &v.Categories[i]
		p.line(Clean(c.CategoryName))
		good := 0
		for _, k := range c.Checks {
			if k.Result == view.CheckSuccess && !wide {
				good++
				continue
			}
			r := results[k.Result]
			p.line("  ", p.tint(r.severity, r.word), "  ", Clean(k.Description))
			if k.Error != "" {
				p.paragraph("        ", k.Error)
				p.line("        see ", Clean(k.Hint))
			}
		}
		if good > 0 {
			r := results[view.CheckSuccess]
			p.line("  ", p.tint(r.severity, r.word), "  ", many(good, "check"))
		}
		p.line()
	}
	var parts []string
	for _, r := range []struct {
		result view.CheckResult
		one    string
		more   string
	}{{view.CheckSuccess, "ok", "ok"}, {view.CheckWarning, "warning", "warnings"}, {view.CheckError, "error", "errors"}, {view.CheckUnknown, "unknown", "unknown"}} {
		switch n := v.Summary[r.result]; n {
		case 0:
		case 1:
			parts = append(parts, "1 "+r.one)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, r.more))
		}
	}
	p.line(strings.Join(parts, ", "), ".")
	return p.err
}
