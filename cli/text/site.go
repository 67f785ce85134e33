// SPDX-License-Identifier: Apache-2.0

package text

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ramendr/ramen-direct/cli/view"
)

// siteWords are how states of applications in a site failover read.
var siteWords = map[view.SiteState]string{
	view.SitePending: "not begun", view.SiteBegun: "moving", view.SiteDone: "done", view.SiteNeedsYou: "waiting for you", view.SiteTakenBack: "taken back",
	view.SiteLeftOut: "left out", view.SiteGone: "gone",
}

// siteStates are the states in the order in which they are counted.
var siteStates = []view.SiteState{view.SiteDone, view.SiteBegun, view.SitePending, view.SiteNeedsYou, view.SiteTakenBack, view.SiteGone, view.SiteLeftOut}

// SitePlan prints what the failover of a cluster would do, or has left to do; only planned: and the command that does it.
func (p *Page) SitePlan(s *view.Site, planned bool) error {
	p.head(&s.Head)
	p.paragraph("", fmt.Sprintf("Fail over all applications that have their home on %s.%s", s.From, heardOf(s.Clusters)))
	if r := s.Run; r != nil {
		p.paragraph("", fmt.Sprintf("%s began it at %s; %s carries it out since %s.", r.Began, moment(r.BeganAt.Time), r.Holder, moment(r.HeldSince.Time)))
	}
	if len(s.Waves) == 0 && len(s.LeftOut) == 0 {
		p.line("Nothing to do: no application has its home there.")
		return p.err
	}
	p.siteTable(s)
	for _, r := range s.Refusals {
		p.paragraph("", "Refused: "+r.Message+".")
	}
	if planned && s.Run == nil && s.ID != "" && len(s.Refusals) == 0 && s.Count()[view.SitePending] > 0 {
		p.line("Run: kubectl ramen-direct failover --from ", Clean(s.From), " --plan ", Clean(s.ID))
	}
	return p.err
}

func (p *Page) siteTable(s *view.Site) {
	var table [][]cell
	row := func(wave string, a *view.SiteApplication) {
		loses := "?"
		if a.Loses != nil {
			loses = age(a.Loses)
		}
		takes := "-"
		if a.Takes != nil {
			takes = short(a.Takes.Seconds)
		}
		table = append(table, []cell{
			{text: wave}, {text: a.Namespace + "/" + a.Name}, {text: dash(a.To)}, {text: loses}, {text: takes},
			{text: siteWords[a.State], severity: a.State.Severity(), tinted: true}, {text: dash(a.Reason)},
		})
	}
	s.Each(func(w *view.Wave, a *view.SiteApplication) { row(strconv.FormatInt(w.Number, 10), a) })
	for i := range s.LeftOut {
		row("-", &s.LeftOut[i])
	}
	p.line()
	p.table([]column{{"WAVE", true}, {"APPLICATION", true}, {"TO", true}, {"LOSES AT MOST", true}, {"TAKES ABOUT", true}, {"STATE", true}, {"BECAUSE", false}}, table)
	p.line(siteCount(s))
	p.siteProblems(s)
}

// siteProblems says the whole reason of each application that needs somebody.
func (p *Page) siteProblems(s *view.Site) {
	first := true
	say := func(a *view.SiteApplication) {
		if a.State.Severity() != view.Problem {
			return
		}
		if first {
			p.line()
			first = false
		}
		p.paragraph("", fmt.Sprintf("%s/%s is %s: %s", a.Namespace, a.Name, siteWords[a.State], a.Reason))
		if a.Next != "" {
			p.line("    ", Clean(a.Next))
		}
	}
	s.Each(func(_ *view.Wave, a *view.SiteApplication) { say(a) })
	for i := range s.LeftOut {
		say(&s.LeftOut[i])
	}
	if !first {
		p.line()
	}
}

func siteCount(s *view.Site) string {
	n := 0
	var parts []string
	counted := s.Count()
	for _, state := range siteStates {
		if c := counted[state]; c > 0 {
			n += c
			parts = append(parts, fmt.Sprintf("%d %s", c, siteWords[state]))
		}
	}
	return fmt.Sprintf("%s in %s: %s.", many(n, "application"), many(len(s.Waves), "wave"), strings.Join(parts, ", "))
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// SiteProgress is a line about the i-th wave.
func SiteProgress(s *view.Site, i int) string {
	counted := map[view.SiteState]int{}
	for j := range s.Waves[i].Applications {
		counted[s.Waves[i].Applications[j].State]++
	}
	var parts []string
	for _, state := range siteStates {
		if c := counted[state]; c > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c, siteWords[state]))
		}
	}
	return fmt.Sprintf("wave %d (%d of %d): %s", s.Waves[i].Number, i+1, len(s.Waves), strings.Join(parts, ", "))
}

// SiteMoved prints a line about the progress.
func (p *Page) SiteMoved(at time.Duration, line string) error {
	p.line(after(at), line)
	return p.err
}

// SiteEnded prints what became of a site failover.
func (p *Page) SiteEnded(s *view.Site) error {
	again := func() {
		p.line("  Look again:   kubectl ramen-direct status -A")
		p.line("  Continue:     kubectl ramen-direct failover --from ", Clean(s.From), " --resume")
	}
	if s.Run != nil && s.Outcome != view.OutcomeTakenOver {
		p.line(siteCount(s))
		p.siteProblems(s)
	}
	switch s.Outcome {
	case view.OutcomeNothing:
	case view.OutcomeRefused:
		for _, r := range s.Refusals {
			p.paragraph("", "Refused: "+r.Message+".")
		}
		if s.Run != nil {
			again()
		}
	case view.OutcomeNotConfirmed:
		p.line("Not confirmed: nothing was changed.")
	case view.OutcomeDryRun:
		p.siteTable(s)
		p.line("Dry run: nothing was changed. The API server would accept all that is not left out.")
	case view.OutcomeBegun:
		p.line("Begun: the hub carries it out.")
		p.line("  Look again:   kubectl ramen-direct status -A")
	case view.OutcomeDone:
		p.line("Done.")
	case view.OutcomeNeedsYou:
		p.line("Some applications wait for you.")
	case view.OutcomeTimedOut:
		p.line("It takes longer than the time-out. What was begun continues.")
		again()
	case view.OutcomeInterrupted:
		p.line("Interrupted. What was begun continues; no further application is begun.")
		again()
	case view.OutcomeTakenOver:
		p.line("Somebody else carries it out now: this command begins nothing more.")
		p.line("  Look again:   kubectl ramen-direct status -A")
	}
	return p.err
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
