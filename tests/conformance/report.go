// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Outcome of a promise.
type Outcome string

// Outcomes.
const (
	Kept       Outcome = "kept"
	Broken     Outcome = "BROKEN"
	NotReached Outcome = "not reached"
)

// Result is what became of one promise.
type Result struct {
	Scenario, Promise string
	Outcome           Outcome
	Took              time.Duration
	Why               string   // it is broken
	State             []string // of the VolumeReplications then
	Answers           []Answer // refusals that were told on the way, each kind once
}

// Report is what a run found, in the order of the scenarios.
type Report struct {
	Driver  string
	Results []Result
	// Left are objects that the storage did not let go.
	Left []string
}

// Outcome of a promise; empty if the run has none of that name.
func (r Report) Outcome(scenario, promise string) Outcome {
	for _, res := range r.Results {
		if res.Scenario == scenario && res.Promise == promise {
			return res.Outcome
		}
	}
	return ""
}

// Kept says that all promises were kept, and that nothing is left.
func (r Report) Kept() bool {
	for _, res := range r.Results {
		if res.Outcome != Kept {
			return false
		}
	}
	return len(r.Left) == 0
}

// Write prints the report.
func (r Report) Write(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "SCENARIO\tPROMISE (driver %s)\tOUTCOME\tTOOK\n", r.Driver)
	for _, res := range r.Results {
		took := ""
		if res.Outcome != NotReached {
			took = res.Took.Round(100 * time.Millisecond).String()
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", res.Scenario, res.Promise, res.Outcome, took)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	text := &strings.Builder{}
	for _, res := range r.Results {
		res.explain(text)
	}
	for _, left := range r.Left {
		fmt.Fprintf(text, "\nleft behind: %s\n", left)
	}
	if _, err := io.WriteString(out, text.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// explain says why a promise is broken, and which calls were refused before it was kept.
func (r Result) explain(text *strings.Builder) {
	switch {
	case r.Outcome == Broken:
		fmt.Fprintf(text, "\n%s, %s: BROKEN\n  %s\n", r.Scenario, r.Promise, r.Why)
		for _, s := range r.State {
			fmt.Fprintf(text, "  %s\n", s)
		}
	case len(r.Answers) > 0:
		fmt.Fprintf(text, "\n%s, %s: kept, after refusals\n", r.Scenario, r.Promise)
	}
	for _, a := range r.Answers {
		fmt.Fprintf(text, "  %s\n", a)
	}
}
