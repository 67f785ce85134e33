// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strings"

	"github.com/ramendr/ramen-direct/cli/view"
)

// PromoteAll prints what the promotion of all applications of a cluster would do, before it is confirmed.
func PromoteAll(p *Page, s *view.SitePromotion) error {
	if s.Outcome == view.OutcomeNothing {
		p.paragraph("", fmt.Sprintf("Nothing to do on %s: no application has its copy there that could be promoted; %d are told to be Primary already.", cluster(s), s.Here))
		return p.err
	}
	p.paragraph("", fmt.Sprintf("Tell %s (cluster %s) to be Primary of %s, without the hub.", cluster(s), s.ClusterID, many(s.Count()[view.SitePending], "application")))
	if s.Here > 0 {
		p.paragraph("", fmt.Sprintf("It is told to be Primary of %d more already.", s.Here))
	}
	p.objections(s.Warnings, s.Refusals)
	promotions(p, s)
	return p.err
}

func cluster(s *view.SitePromotion) string {
	if s.Cluster != "" {
		return s.Cluster
	}
	return "the cluster"
}

// promotions prints the applications, those that were left out with the whole reason.
func promotions(p *Page, s *view.SitePromotion) {
	var rows [][]cell
	for i := range s.Items {
		a := &s.Items[i]
		epoch := "-"
		if a.NextEpoch > 0 {
			epoch = fmt.Sprintf("%d -> %d", a.Epoch, a.NextEpoch)
		}
		rows = append(rows, []cell{
			{text: a.Namespace + "/" + a.Name}, {text: epoch}, {text: siteWords[a.State], severity: a.State.Severity(), tinted: true}, {text: dash(a.Reason)},
		})
	}
	p.line()
	p.table([]column{{"APPLICATION", true}, {"EPOCH", true}, {"STATE", true}, {"BECAUSE", false}}, rows)
	for i := range s.Items {
		if a := &s.Items[i]; a.State.Severity() == view.Problem {
			p.paragraph("", fmt.Sprintf("%s/%s is %s: %s", a.Namespace, a.Name, siteWords[a.State], a.Reason))
		}
	}
}

// PromotionProgress is a line about how far the applications have come.
func PromotionProgress(s *view.SitePromotion) string {
	counted := s.Count()
	var parts []string
	for _, state := range siteStates {
		if n := counted[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, siteWords[state]))
		}
	}
	return strings.Join(parts, ", ")
}

// PromotedAll prints what became of it, and what follows.
func PromotedAll(p *Page, s *view.SitePromotion) error {
	what := PromotionProgress(s)
	returns := func() {
		p.paragraph("", fmt.Sprintf("Before a hub is connected again, stop what follows status.decisions, and set action Failover and failoverCluster %s in the DRPlacementControl of each, in Git or with kubectl ramen-direct failover: the hub then takes over what runs here.", cluster(s)))
	}
	again := func() {
		p.line("  Look again:  kubectl get vrg -A")
		p.line("  Continue:    the same command")
		returns()
	}
	switch s.Outcome {
	case view.OutcomeDone:
		promotions(p, s)
		p.paragraph("", fmt.Sprintf("Done: %s. Deploy the workloads on %s.", what, cluster(s)))
		returns()
	case view.OutcomeBegun:
		p.paragraph("", "Begun: "+what+". The controller on the cluster carries it out.")
		again()
	case view.OutcomeTimedOut:
		promotions(p, s)
		p.line("It takes longer than the time-out, and continues.")
		again()
	case view.OutcomeInterrupted:
		p.paragraph("", "Interrupted: "+what+". What was begun continues.")
		again()
	case view.OutcomeDryRun:
		p.line("Dry run: nothing was changed.")
	case view.OutcomeNotConfirmed:
		p.line("Not confirmed: nothing was changed.")
	case view.OutcomeNothing, view.OutcomeRefused, view.OutcomeNeedsYou, view.OutcomeTakenOver: // said above, or of other commands
	}
	return p.err
}
