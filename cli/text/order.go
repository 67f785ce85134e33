// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strings"
	"time"

	"github.com/ramendr/ramen-direct/cli/view"
)

// Order prints what an order would do: before it is confirmed, and where it is refused.
func (p *Page) Order(o *view.Order) error {
	p.head(&o.Head)
	if o.Already != "" {
		p.paragraph("", "Nothing to do: "+o.Already+".")
		return p.err
	}
	a := &o.Application
	what := a.Namespace + "/" + a.Name
	switch o.Operation {
	case view.Failover:
		p.paragraph("", fmt.Sprintf("Fail over %s to %s, away from %s.", what, o.To, dash(other(o))))
	case view.Relocate:
		p.paragraph("", fmt.Sprintf("Relocate %s to %s, away from %s. Nothing is lost.", what, o.To, dash(o.From)))
	case view.Clear:
		p.paragraph("", fmt.Sprintf("Take back the action %s of %s. It ends on %s.", dash(a.Action), what, dash(o.To)))
	}
	if o.Loses != nil {
		p.paragraph("", fmt.Sprintf("Up to %s of data is lost: what was written after %s.", age(o.Loses), o.Loses.Time.UTC().Format(time.RFC3339)))
	}
	for _, w := range o.Warnings {
		p.paragraph("", "Warning: "+w+".")
	}
	for _, r := range o.Refusals {
		p.paragraph("", "Refused: "+r.Message+".")
	}
	if o.Git != nil {
		p.line("Commit this:")
		for l := range strings.Lines(o.Git.Commit) {
			p.line("    ", Clean(strings.TrimRight(l, "\n")))
		}
	}
	return p.err
}

// other is the cluster that a failover gives up.
func other(o *view.Order) string {
	if o.From != "" && o.From != o.To {
		return o.From
	}
	for _, c := range o.Clusters {
		if c.Name != o.To {
			return c.Name
		}
	}
	return ""
}

// Progress prints one line about an operation that is under way.
func (p *Page) Progress(at time.Duration, a *view.Application) error {
	text := fmt.Sprintf("%s, %s", dash(a.Phase), dash(a.Progression))
	if a.WaitsFor != nil {
		text += ": waits for " + waits(a)
		if a.WaitsFor.Message != "" {
			text += ": " + a.WaitsFor.Message
		}
	}
	p.paragraph(after(at), text)
	return p.err
}

// after begins a line about the progress.
func after(at time.Duration) string { return fmt.Sprintf("%4ds  ", int(at.Seconds())) }

// Ended prints what became of an order.
func (p *Page) Ended(o *view.Order) error {
	a := &o.Application
	what := fmt.Sprintf("%s %s", a.Name, "-n "+a.Namespace)
	follow := func() {
		p.line("  Look again:   kubectl ramen-direct why ", Clean(what))
		if o.Operation != view.Clear {
			p.line("  Take it back: kubectl ramen-direct clear ", Clean(what))
		}
	}
	switch o.Outcome {
	case view.OutcomeNothing, view.OutcomeRefused, view.OutcomeTakenOver: // only a site failover is taken over
	case view.OutcomeNotConfirmed:
		p.line("Not confirmed: nothing was changed.")
	case view.OutcomeDryRun:
		p.line("Dry run: the API server would accept this, and nothing was changed.")
	case view.OutcomeBegun:
		p.line("Begun: the hub carries it out.")
		follow()
	case view.OutcomeDone:
		p.paragraph("", fmt.Sprintf("Done: %s/%s runs on %s.", a.Namespace, a.Name, dash(o.After.Home)))
		if w := o.After.WaitsFor; w != nil {
			p.paragraph("", "The rest follows: "+waits(o.After)+": "+w.Message)
		}
	case view.OutcomeNeedsYou:
		p.paragraph("", "It waits for you: "+o.After.WaitsFor.Message)
		p.paragraph("  ", o.After.WaitsFor.NextStep)
	case view.OutcomeTimedOut:
		p.line("It takes longer than the time-out. The operation continues.")
		follow()
	case view.OutcomeInterrupted:
		p.line("Interrupted. The operation continues.")
		follow()
	}
	return p.err
}
