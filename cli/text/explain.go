// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ramendr/ramen-direct/cli/view"
)

// Explain prints an explanation: four answers, in the order in which people ask.
func (p *Page) Explain(e *view.Explanation) error {
	p.head(&e.Head)
	a := &e.Application
	p.paragraph("", state(a)+": "+doing(e))
	p.waiting(e)
	p.help(e)
	p.sides(e)
	if len(e.Conditions) > 0 {
		p.line()
		p.line("Conditions that are not as they should be:")
		for _, c := range e.Conditions {
			p.condition("  ", c)
		}
	}
	if len(e.Choices) > 0 {
		p.line()
		p.line("What else is possible:")
		for _, c := range e.Choices {
			p.line("  ", Clean(c.Command))
			p.paragraph("      ", c.Effect)
		}
	}
	return p.err
}

func doing(e *view.Explanation) string {
	a := &e.Application
	what := a.Namespace + "/" + a.Name
	var out string
	switch {
	case a.Target != "" && a.Home != "":
		out = fmt.Sprintf("%s moves %s -> %s", what, a.Home, a.Target)
	case a.Target != "":
		out = fmt.Sprintf("%s goes to %s", what, a.Target)
	case a.Home != "":
		out = fmt.Sprintf("%s is on %s", what, a.Home)
	default:
		out = what + " runs nowhere yet"
	}
	if a.Phase != "" {
		out += fmt.Sprintf("; phase %s, step %s", a.Phase, dash(a.Progression))
	}
	switch {
	case e.Operation.Under && e.Operation.Started != nil:
		out += ", for " + age(e.Operation.Started)
	case e.Operation.TookSeconds != nil:
		out += ", which took " + duration.HumanDuration(time.Duration(*e.Operation.TookSeconds)*time.Second)
	}
	return out + "."
}

func (p *Page) waiting(e *view.Explanation) {
	w := e.Application.WaitsFor
	if w == nil {
		switch {
		case e.Application.State == view.Protected:
			p.line("It waits for nothing.")
		case e.Application.Message != "":
			p.paragraph("", e.Application.Reason+": "+e.Application.Message)
		}
		return
	}
	on := ""
	if w.Cluster != "" {
		on = " of " + w.Cluster
	}
	since := ""
	if w.Since != nil {
		since = fmt.Sprintf(", for %s", age(w.Since))
	}
	p.line(Clean(fmt.Sprintf("Waits for %s%s%s:", w.Fact, on, since)))
	p.paragraph("  ", w.Message)
}

func (p *Page) help(e *view.Explanation) {
	switch e.Helper.Who {
	case view.Nobody:
		return
	case view.You:
		p.line("Who can help: ", p.tint(view.Problem, "you"), ". Next step:")
	case view.Deployer:
		p.line("Who can help: the deployer of the workload, a tool or you. Next step:")
	case view.Automatic:
		if e.Helper.NextStep == "" {
			p.line("Who can help: nobody has to; it continues automatically.")
			return
		}
		p.line("Who can help: nobody has to, if the cluster is well. Next step:")
	}
	p.paragraph("  ", e.Helper.NextStep)
	if e.Helper.Look != "" {
		p.line("Look: ", Clean(e.Helper.Look))
	}
}

func (p *Page) sides(e *view.Explanation) {
	if len(e.Sides) == 0 {
		return
	}
	p.line()
	var rows [][]cell
	for i := range e.Sides {
		s := &e.Sides[i]
		told := dash(title(s.Told))
		if s.Ending {
			told += ", ending"
		}
		if s.Unread {
			told = "?"
		}
		says := dash(s.Says)
		switch {
		case s.Unread:
			says = "?"
		case s.Says != "" && !s.Answers:
			says += " (no answer yet)"
		}
		reported, volumes := "-", "-"
		if s.Reported != nil {
			reported = age(s.Reported)
		}
		if s.Volumes != nil {
			volumes = strconv.Itoa(*s.Volumes)
		}
		rows = append(rows, []cell{{text: s.Cluster}, {text: connection(s, of(s.Cluster, e.Clusters))}, {text: told}, {text: says}, {text: reported}, {text: volumes}})
	}
	p.table([]column{{"CLUSTER", true}, {"LINK", false}, {"TOLD TO BE", true}, {"SAYS IT IS", false}, {"SAID", true}, {"VOLUMES", true}}, rows)
	for i := range e.Sides {
		for _, c := range e.Sides[i].Conditions {
			c.Type = e.Sides[i].Cluster + ": " + c.Type
			p.condition("  ", c)
		}
	}
}

// connection is what the hub says about a link, and when the cluster was heard of.
func connection(s *view.SideView, c *view.Cluster) string {
	var parts []string
	switch s.Connected {
	case "":
	case "True":
		parts = append(parts, "live")
	default:
		parts = append(parts, s.ConnectedReason)
	}
	if c != nil && c.Heard != nil {
		parts = append(parts, "heard of "+age(c.Heard)+" ago")
	}
	if parts == nil {
		return "?"
	}
	return strings.Join(parts, ", ")
}

func (p *Page) condition(indent string, c view.Condition) {
	since := ""
	if c.Since != nil {
		since = ", for " + age(c.Since)
	}
	text := fmt.Sprintf("%s is %s (%s%s)", c.Type, c.Status, c.Reason, since)
	if c.Message != "" {
		text += ": " + c.Message
	}
	p.paragraph(indent, text)
}

// title is a role as a report spells it.
func title(role string) string {
	if role == "" {
		return ""
	}
	return strings.ToUpper(role[:1]) + role[1:]
}
