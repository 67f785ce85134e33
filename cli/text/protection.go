// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strings"

	"github.com/ramendr/ramen-direct/cli/view"
)

// Protect prints what becomes of a protection, before it is written or confirmed.
func (p *Page) Protect(o *view.Protection) error {
	p.head(&o.Head)
	what := o.Namespace + "/" + o.Name
	if !o.Ends {
		p.paragraph("", fmt.Sprintf("Protect %s by DRPolicy %s. It runs on %s%s.", what, o.Policy, o.Home, and(", and could move to ", o.Peer)))
		if len(o.Namespaces) > 0 {
			p.paragraph("", "It has the namespaces "+strings.Join(o.Namespaces, ", ")+".")
		}
		p.claims(o.Claims)
		if o.Objects != "" {
			p.paragraph("", "Also, "+o.Objects+".")
		}
	} else if o.Outcome != view.OutcomeNothing {
		p.paragraph("", fmt.Sprintf("End the protection of %s. Its workload, PVCs and namespace stay as they are%s. The copy%s is no longer kept up to date, and the storage may remove it: "+
			"no cluster could take over. What the object stores have of the application is deleted.", what, and(" on ", o.Home), and(" on ", o.Peer)))
	}
	p.objections(o.Warnings, o.Refusals)
	if o.Git != nil && len(o.Refusals) > 0 {
		p.line("Remove this:")
		for l := range strings.Lines(o.Git.Commit) {
			p.line("    ", Clean(strings.TrimRight(l, "\n")))
		}
	}
	return p.err
}

func and(word, what string) string {
	if what == "" {
		return ""
	}
	return word + what
}

// claims lists PVCs; no more than fit on a page.
func (p *Page) claims(all []view.Claim) {
	const most = 20
	for i, c := range all {
		if i == most {
			p.line("  and ", many(len(all)-most, "more PVC"))
			break
		}
		replicated := ""
		if !c.Replicated {
			replicated = ", not replicated"
		}
		p.line("  PVC ", Clean(fmt.Sprintf("%s/%s, StorageClass %s%s", c.Namespace, c.Name, dash(c.StorageClass), replicated)))
	}
}

// Protection prints what became of a protection.
func (p *Page) Protection(o *view.Protection) error {
	what := o.Namespace + "/" + o.Name
	follow := func() {
		p.line("  Look again:   kubectl ramen-direct why ", Clean(o.Name+" -n "+o.Namespace))
	}
	switch o.Outcome {
	case view.OutcomeBegun:
		if o.Ends {
			p.paragraph("", fmt.Sprintf("The protection of %s ends. The hub carries it out.", what))
		} else {
			p.paragraph("", fmt.Sprintf("The protection of %s begins. The hub carries it out.", what))
		}
		follow()
	case view.OutcomeDone:
		if o.Ends {
			p.paragraph("", fmt.Sprintf("Done: %s is not protected any more.", what))
		} else {
			p.paragraph("", fmt.Sprintf("Done: %s is protected.", what))
		}
	case view.OutcomeNothing:
		p.paragraph("", fmt.Sprintf("Nothing to do: the protection of %s is being ended already.", what))
		follow()
	case view.OutcomeDryRun:
		p.line("Dry run: nothing was changed.")
	case view.OutcomeNotConfirmed:
		p.line("Not confirmed: nothing was changed.")
	case view.OutcomeNeedsYou:
		p.paragraph("", "It waits for you: "+o.After.WaitsFor.Message)
		p.paragraph("  ", o.After.WaitsFor.NextStep)
	case view.OutcomeTimedOut:
		p.line("It takes longer than the time-out. It continues.")
		follow()
	case view.OutcomeInterrupted:
		p.line("Interrupted. It continues.")
		follow()
	case view.OutcomeRefused, view.OutcomeTakenOver: // said above; only a site failover is taken over
	}
	return p.err
}
