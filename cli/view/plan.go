// SPDX-License-Identifier: Apache-2.0

package view

// Plan is what the hub would do with an operation that nobody asked for yet.
type Plan struct {
	Order
	// ID names what the plan was computed from: an operation that names it is refused if that has changed.
	ID string `json:"id,omitempty"`
	// WaitsFor is what the hub would wait for before it does anything.
	WaitsFor *Wait `json:"waitsFor,omitempty"`
	// Steps are what it would do after that, if all goes well. Where they end the operation does not continue automatically.
	Steps []PlanStep `json:"steps,omitempty"`
	// Runs : the steps lead to where the application runs on the cluster.
	Runs bool `json:"runs"`
	// Ends is the phase and the step at the end.
	Ends PlanStep `json:"ends"`
	// LastTook is how long the last operation of the application took; it is not known yet how long this one will take.
	LastTook *PastOperation `json:"lastTook,omitempty"`
	// Takes is how long such operations of the application took before; absent: the hub remembers none.
	Takes *Takes `json:"takes,omitempty"`
}

// PlanStep is one step of a plan: what is written, or what is waited for.
type PlanStep struct {
	Phase       string `json:"phase"`
	Progression string `json:"progression"`
	// Writes are what the hub does, in words, in order.
	Writes []string `json:"writes,omitempty"`
	// Cluster and Fact are what it waits for.
	Cluster string `json:"cluster,omitempty"`
	Fact    string `json:"fact,omitempty"`
	// By is who brings it about.
	By Who `json:"by,omitempty"`
}

// PastOperation is one that is done.
type PastOperation struct {
	Phase   string `json:"phase"`
	Seconds int64  `json:"seconds"`
}

// Severity of a plan: a problem, if it is refused or does not lead anywhere.
func (p *Plan) Severity() Severity {
	switch {
	case p.Already != "":
		return Good
	case len(p.Refusals) > 0, !p.Runs:
		return Problem
	case len(p.Warnings) > 0:
		return Warning
	}
	return Good
}
