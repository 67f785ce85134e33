// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strings"
	"time"

	"github.com/ramendr/ramen-direct/cli/view"
)

// Note prints a remark.
func (p *Page) Note(remark string) error {
	p.paragraph("", remark)
	return p.err
}

// Disconnecting prints what is about to be done, before it is confirmed.
func (p *Page) Disconnecting(c *view.Connection) error {
	p.head(&c.Head)
	if c.OnlyAccess {
		of := c.Cluster + " to the hub"
		if c.Push {
			of = "the hub to " + c.Cluster
		}
		p.paragraph("", fmt.Sprintf("Take back the access of %s. Its link is lost until you connect it again.", of))
	} else {
		p.paragraph("", fmt.Sprintf("Disconnect %s from the hub. No application is protected by it.", c.Cluster))
	}
	p.objections(c.Warnings, nil)
	return p.err
}

// objections prints warnings and refusals.
func (p *Page) objections(warnings []string, refusals []view.Refusal) {
	for _, w := range warnings {
		p.paragraph("", "Warning: "+w+".")
	}
	for _, r := range refusals {
		p.paragraph("", "Refused: "+r.Message+".")
	}
}

// Connecting prints one line about what the hub says while somebody waits.
func (p *Page) Connecting(at time.Duration, c *view.Connection) error {
	p.paragraph(after(at), fmt.Sprintf("%s: %s", c.Reason, c.Message))
	return p.err
}

// Connection prints what became of a connection.
func (p *Page) Connection(c *view.Connection) error {
	if !c.Ends {
		p.head(&c.Head)
		at := ""
		if c.Identity != "" {
			at = " (cluster " + c.Identity + ")"
		}
		if c.Push {
			p.paragraph("", fmt.Sprintf("Connect %s%s to the hub, whose mirror reaches it at %s.", c.Cluster, at, dash(c.Server)))
		} else {
			p.paragraph("", fmt.Sprintf("Connect %s%s to the hub at %s.", c.Cluster, at, c.Server))
		}
	}
	if !c.Ends || c.Outcome == view.OutcomeRefused {
		p.objections(c.Warnings, c.Refusals)
	}
	for _, change := range c.Changes {
		p.paragraph(fmt.Sprintf("  %-8s  ", strings.ToLower(string(change.Result))), fmt.Sprintf("%s on the %s", change.Of, change.Where))
	}
	if c.TokenExpires != nil {
		p.paragraph("", fmt.Sprintf("The token expires at %s. The mirror renews it long before.", c.TokenExpires.UTC().Format(time.RFC3339)))
	}
	p.becameOf(c)
	return p.err
}

func (p *Page) becameOf(c *view.Connection) {
	follow := func() {
		p.line("  Look again:  kubectl get drcluster ", Clean(c.Cluster), " -o wide")
		if c.Remains != "" {
			p.paragraph("", fmt.Sprintf("Until the DRCluster is gone the mirror needs %s. Run this again then: it deletes that, too.", c.Remains))
		}
	}
	switch c.Outcome {
	case view.OutcomeNothing:
		p.paragraph("", fmt.Sprintf("Nothing to do: there is no DRCluster %s.", c.Cluster))
	case view.OutcomeNotConfirmed:
		p.line("Not confirmed: nothing was changed.")
	case view.OutcomeDryRun:
		p.line("Dry run: nothing was changed.")
	case view.OutcomeBegun:
		if c.Ends {
			p.paragraph("", fmt.Sprintf("The hub removes what it has of %s, and has the cluster remove the Secrets that it was given.", c.Cluster))
		} else {
			p.paragraph("", fmt.Sprintf("The hub hears of %s as soon as its mirror has the access.", c.Cluster))
		}
		follow()
	case view.OutcomeDone:
		switch {
		case !c.Ends:
			p.paragraph("", fmt.Sprintf("Done: the hub hears of %s.", c.Cluster))
		case c.OnlyAccess && c.StillAccepted != "":
			p.paragraph("", fmt.Sprintf("The mirror on the hub has no access to %s any more.", c.Cluster))
		case c.OnlyAccess && c.Push:
			p.paragraph("", fmt.Sprintf("Done: the access to %s is taken back. To connect it again: kubectl ramen-direct connect %s --mode=push --cluster-context CONTEXT", c.Cluster, c.Cluster))
		case c.OnlyAccess:
			p.paragraph("", fmt.Sprintf("Done: the access of %s is taken back. To connect it again: kubectl ramen-direct connect %s", c.Cluster, c.Cluster))
		default:
			p.paragraph("", fmt.Sprintf("Done: %s is disconnected.", c.Cluster))
		}
		if c.StillAccepted != "" {
			p.paragraph("", fmt.Sprintf("Cluster %s accepts the token that the mirror had until that expires. To take it back, on the cluster: %s", c.Cluster, c.StillAccepted))
		}
	case view.OutcomeNeedsYou:
		p.paragraph("", "It waits for you: "+c.Message)
	case view.OutcomeTimedOut:
		p.paragraph("", "It takes longer than the time-out, and continues.")
		follow()
	case view.OutcomeInterrupted:
		p.paragraph("", "Interrupted. It continues.")
		follow()
	case view.OutcomeRefused, view.OutcomeTakenOver: // said above; only a site failover is taken over
	}
}
