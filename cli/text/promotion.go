// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"time"

	"github.com/ramendr/ramen-direct/cli/view"
)

// Promote prints what a promotion past the hub would do, before it is confirmed.
func (p *Page) Promote(o *view.Promotion) error {
	p.paragraph("", fmt.Sprintf("Tell %s (cluster %s) to be Primary of %s/%s, without the hub.", where(o), o.ClusterID, o.Namespace, o.Name))
	if o.Already != "" {
		p.paragraph("", "Nothing to do: "+o.Already+".")
		return p.err
	}
	p.paragraph("", fmt.Sprintf("Its VolumeReplicationGroup gets replicationState primary, action Failover and epoch %d instead of %d: what an earlier hub wished is refused from then on.", o.NextEpoch, o.Epoch))
	p.objections(o.Warnings, o.Refusals)
	return p.err
}

func where(o *view.Promotion) string {
	if o.Cluster != "" {
		return o.Cluster
	}
	return "the cluster"
}

// Promoting prints one line while somebody waits.
func (p *Page) Promoting(at time.Duration, o *view.Promotion) error {
	p.paragraph(after(at), fmt.Sprintf("%s: %s", dash(o.State), o.Message))
	return p.err
}

// Promotion prints what became of a promotion, and what follows from it.
func (p *Page) Promotion(o *view.Promotion) error {
	look := func() {
		p.line("  Look again:  kubectl get vrg ", Clean(o.Name), " -n ", Clean(o.Namespace), " -o yaml")
	}
	switch o.Outcome {
	case view.OutcomeDone:
		p.paragraph("", fmt.Sprintf("Done: %s is Primary of %s/%s, and its volumes are there. Deploy the workload on it.", where(o), o.Namespace, o.Name))
		p.hubReturns(o)
	case view.OutcomeBegun:
		p.line("Begun: the controller on the cluster carries it out.")
		look()
		p.hubReturns(o)
	case view.OutcomeTimedOut:
		p.line("It takes longer than the time-out, and continues.")
		look()
		p.hubReturns(o)
	case view.OutcomeInterrupted:
		p.line("Interrupted. It continues.")
		look()
		p.hubReturns(o)
	case view.OutcomeDryRun:
		p.line("Dry run: nothing was changed.")
	case view.OutcomeNotConfirmed:
		p.line("Not confirmed: nothing was changed.")
	case view.OutcomeNothing, view.OutcomeRefused, view.OutcomeNeedsYou, view.OutcomeTakenOver: // said above, or of other commands
	}
	return p.err
}

// hubReturns says what a hub has to be told that comes later.
func (p *Page) hubReturns(o *view.Promotion) {
	p.paragraph("", fmt.Sprintf("Before a hub is connected again, stop what follows status.decisions, and set action Failover and failoverCluster %s in DRPlacementControl %s, in Git or with kubectl ramen-direct failover: the hub then takes over what runs here.",
		where(o), dash(o.Application)))
}
