// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"

	"github.com/ramendr/ramen-direct/cli/view"
)

// Gathered prints what was gathered, and what could not be.
func (p *Page) Gathered(g *view.Gathering) error {
	for _, m := range g.Missing {
		p.paragraph("Missing: ", m.What+": "+clipped(m.Reason))
	}
	p.line(fmt.Sprintf("%s in %s. Secrets are fingerprints only; look at the rest before you hand it on.", many(g.Files, "file"), Clean(g.File)))
	return p.err
}
