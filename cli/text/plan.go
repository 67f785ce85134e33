// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ramendr/ramen-direct/cli/view"
)

// Plan prints a plan.
func (p *Page) Plan(o *view.Plan) error {
	if err := p.Order(&o.Order); err != nil || o.Already != "" {
		return err
	}
	if w := o.WaitsFor; w != nil {
		p.line()
		p.paragraph("", fmt.Sprintf("%s: the hub would wait at once for %s: %s", "Obstacle", waits(&view.Application{WaitsFor: w}), w.Message))
		if w.NextStep != "" {
			p.paragraph("  ", w.NextStep)
		}
	}
	if len(o.Steps) > 0 {
		p.line()
		p.line("If all goes well the hub will:")
	}
	for i, s := range o.Steps {
		p.paragraph(fmt.Sprintf("%3d. ", i+1), step(&s))
	}
	p.line()
	switch {
	case o.Runs && o.To != "":
		p.paragraph("", fmt.Sprintf("The application runs on %s then. The plan ends at %s, %s.", o.To, o.Ends.Phase, o.Ends.Progression))
	case o.Runs:
		p.paragraph("", fmt.Sprintf("The plan ends at %s, %s.", o.Ends.Phase, o.Ends.Progression))
	default:
		p.paragraph("", "This leads nowhere now: the obstacle has to go first.")
	}
	switch t := o.LastTook; {
	case o.Takes != nil && o.Takes.Operations == 1:
		p.paragraph("", fmt.Sprintf("It takes about %s until it runs there, as the last time.", short(o.Takes.Seconds)))
	case o.Takes != nil:
		p.paragraph("", fmt.Sprintf("It takes about %s until it runs there, as the last %d times; the longest time was %s.", short(o.Takes.Seconds), o.Takes.Operations, short(o.Takes.MostSeconds)))
	case t != nil:
		p.paragraph("", fmt.Sprintf("How long it takes is not known; the last operation, which ended as %s, took %s.", t.Phase, duration.HumanDuration(time.Duration(t.Seconds)*time.Second)))
	}
	if o.Runs && len(o.Refusals) == 0 && o.Git == nil {
		command := strings.ToLower(string(o.Operation))
		to := ""
		if o.Operation != view.Clear {
			to = " --to " + o.To + " --plan " + o.ID
		}
		p.line("Run: kubectl ramen-direct ", Clean(command+" "+o.Application.Name+" -n "+o.Application.Namespace+to))
	}
	return p.err
}

func step(s *view.PlanStep) string {
	switch {
	case len(s.Writes) > 0:
		return strings.Join(s.Writes, "; ")
	case s.Fact == "":
		return "be done: " + s.Phase + ", " + s.Progression
	}
	who := ""
	switch s.By {
	case view.Deployer:
		who = ", which the deployer brings about, a tool or you"
	case view.You:
		who = ", which only you can bring about"
	case view.Automatic, view.Nobody:
	}
	return fmt.Sprintf("wait for %s of %s%s", s.Fact, dash(s.Cluster), who)
}
