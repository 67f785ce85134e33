// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ramendr/ramen-direct/cli/view"
)

// words are how states read.
var words = map[view.State]string{
	view.NeedsYou: "Needs you", view.HomeLost: "Home lost", view.NotRunning: "Not running", view.Blocked: "Blocked", view.Unknown: "Unknown", view.NotSeen: "Not seen yet",
	view.AtRisk: "At risk", view.Moving: "Moving", view.Protected: "Protected",
}

// moving are the phases of what is under way.
var moving = map[string]string{
	"Initiating": "Starting", "Deploying": "Deploying", "FailingOver": "Failing over", "Relocating": "Relocating", "Deleting": "Deleting",
}

// state is the state of an application; of one that moves, what it does.
func state(a *view.Application) string {
	if a.State != view.Moving {
		return words[a.State]
	}
	if w, ok := moving[a.Phase]; ok {
		return w
	}
	return "Settling" // the workload runs, and the rest follows
}

// Status prints the status of applications; wide: with what only few people look at.
func (p *Page) Status(s *view.Status, wide bool) error {
	p.head(&s.Head)
	if len(s.Items) == 0 {
		p.line(nothing(s))
		return p.err
	}
	columns := []column{{"NAMESPACE", true}, {"NAME", true}, {"STATE", true}, {"HOME", false}, {"PEER", false}, {"DATA AGE", true}}
	if wide {
		columns = append(columns, column{"POLICY", true}, column{"ACTION", true}, column{"PHASE", true}, column{"PROGRESSION", false}, column{"REASON", false})
	}
	columns = append(columns, column{"WAITS FOR", false})
	var rows [][]cell
	for i := range s.Items {
		a := &s.Items[i]
		row := []cell{
			{text: a.Namespace}, {text: a.Name}, {text: state(a), severity: a.State.Severity(), tinted: true},
			{text: p.home(a, s.Clusters)}, {text: p.peer(a, s.Clusters)}, {text: data(a)},
		}
		if wide {
			for _, t := range []string{a.Policy, a.Action, a.Phase, a.Progression, a.Reason} {
				row = append(row, cell{text: dash(t)})
			}
		}
		rows = append(rows, append(row, cell{text: waits(a)}))
	}
	p.table(columns, rows)
	p.line(count(s), heardOf(s.Clusters))
	p.todo(s.Items)
	return p.err
}

// nothing says that there is nothing, and where else there may be something.
func nothing(s *view.Status) string {
	where, labels := "", ""
	if s.Namespace != "" {
		where = " in namespace " + s.Namespace
	}
	if s.Selector != "" {
		labels = " with labels " + s.Selector
	}
	out := Clean("No applications" + labels + " are protected" + where + ".")
	switch {
	case where != "":
		out += "\n  All namespaces:  kubectl ramen-direct status -A"
	case labels == "":
		out += "\n  Protect one:     kubectl ramen-direct protect --help"
	}
	return out
}

// head says first what makes all the rest doubtful.
func (p *Page) head(h *view.Head) {
	if h.Controller.State == view.ControllerSilent {
		p.line(p.tint(view.Problem, fmt.Sprintf("The hub's controller is silent: it renewed its lease %s ago. What follows is as it was then; nothing moves until it runs again.", age(h.Controller.Renewed))))
	}
	for _, n := range h.Notes {
		p.paragraph("", "Note: "+n)
	}
}

// todo names the next command of each application with a problem.
func (p *Page) todo(items []view.Application) {
	first := true
	for i := range items {
		a := &items[i]
		if a.State.Severity() != view.Problem {
			continue
		}
		if first {
			p.line()
			first = false
		}
		p.paragraph("", fmt.Sprintf("%s/%s: %s", a.Namespace, a.Name, clipped(a.Message)))
		p.line("    ", Clean(a.Next))
	}
}

// clipped bounds what a list repeats of a message; why shows all of it.
func clipped(message string) string { return Cut(Clean(message), 240) }

func (p *Page) home(a *view.Application, clusters []view.Cluster) string {
	out := dash(a.Home)
	if c := of(a.Home, clusters); a.State == view.HomeLost || c != nil && c.State == view.ClusterLost {
		out += " lost" + p.spaced(c)
	}
	if a.Target != "" {
		out += " -> " + a.Target
	}
	return out
}

func (p *Page) peer(a *view.Application, clusters []view.Cluster) string {
	switch c := of(a.Peer, clusters); {
	case a.Peer == "" && a.PeerReady == "True":
		return "ready"
	case a.Peer == "", a.Peer == a.Target:
		return "-"
	case a.PeerReady == "True":
		return a.Peer + " ready"
	case c != nil && c.State == view.ClusterLost:
		return a.Peer + " lost" + p.spaced(c)
	default:
		return a.Peer + " not ready"
	}
}

func data(a *view.Application) string {
	if a.DataOf == nil {
		return "-"
	}
	out := age(a.DataOf)
	if a.IntervalSeconds > 0 {
		out += " of " + duration.HumanDuration(time.Duration(a.IntervalSeconds)*time.Second)
	}
	return out
}

func waits(a *view.Application) string {
	w := a.WaitsFor
	if w == nil {
		return dash(a.Reason)
	}
	out := w.Fact
	if w.Cluster != "" {
		out = w.Cluster + ": " + out
	}
	if w.You {
		out = "you: " + w.Fact
	}
	if w.Since != nil {
		out += ", " + age(w.Since)
	}
	return out
}

func count(s *view.Status) string {
	var parts []string
	for _, state := range []view.State{view.NeedsYou, view.HomeLost, view.NotRunning, view.Blocked, view.Unknown, view.NotSeen, view.AtRisk, view.Moving, view.Protected} {
		n := s.Summary.States[state]
		if n == 0 {
			continue
		}
		word := strings.ToLower(words[state])
		if state == view.NeedsYou && n > 1 {
			word = "need you"
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, word))
	}
	plural := "s"
	if s.Summary.Applications == 1 {
		plural = ""
	}
	return fmt.Sprintf("%d application%s: %s.", s.Summary.Applications, plural, strings.Join(parts, ", "))
}

// heardOf says when each cluster was heard of.
func heardOf(clusters []view.Cluster) string {
	var parts []string
	for i := range clusters {
		c := &clusters[i]
		switch {
		case c.State == view.ClusterUnknown:
		case c.State == view.ClusterNever:
			parts = append(parts, Clean(c.Name)+" never")
		case c.Heard == nil:
			parts = append(parts, Clean(c.Name)+" at an unknown time")
		case c.State == view.ClusterLost:
			parts = append(parts, fmt.Sprintf("%s %s ago (lost)", Clean(c.Name), age(c.Heard)))
		case c.Word != "":
			parts = append(parts, fmt.Sprintf("%s %s ago (%s)", Clean(c.Name), age(c.Heard), clipped(c.Word)))
		default:
			parts = append(parts, fmt.Sprintf("%s %s ago", Clean(c.Name), age(c.Heard)))
		}
	}
	if parts == nil {
		return ""
	}
	return " Heard of " + strings.Join(parts, ", of ") + "."
}

func of(name string, clusters []view.Cluster) *view.Cluster {
	for i := range clusters {
		if clusters[i].Name == name && name != "" {
			return &clusters[i]
		}
	}
	return nil
}

// roomy is the width from which on ages stand in the table, and not only below it.
const roomy = 100

func (p *Page) spaced(c *view.Cluster) string {
	if c == nil || c.Heard == nil || p.Width > 0 && p.Width < roomy {
		return ""
	}
	return " " + age(c.Heard)
}

func age(a *view.Age) string {
	if a == nil {
		return "?"
	}
	return duration.HumanDuration(a.Duration())
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Names prints the applications as kubectl names objects.
func (p *Page) Names(s *view.Status) error {
	for i := range s.Items {
		p.line("drplacementcontrol.ramendr.openshift.io/", Clean(s.Items[i].Name))
	}
	return p.err
}
