// SPDX-License-Identifier: Apache-2.0

package view

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Site is the failover of all applications that have their home on one cluster: as it is planned, or as far as it has come.
type Site struct {
	Head
	// From is the cluster that is given up.
	From string `json:"from"`
	// ID names what the plan was computed from; absent: the user may not read all of it.
	ID string `json:"id,omitempty"`
	// Request is what the user said about all applications.
	Request SiteRequest `json:"request"`
	// Run is absent as long as nothing was begun.
	Run *SiteRun `json:"run,omitempty"`
	// Waves in the order in which they begin.
	Waves []Wave `json:"waves,omitempty"`
	// LeftOut are applications that can't go, with the reasons. Nothing is written to them.
	LeftOut []SiteApplication `json:"leftOut,omitempty"`
	// Refusals are reasons why nothing begins, or why no further wave does.
	Refusals []Refusal `json:"refusals,omitempty"`
	// Outcome is what became of it.
	Outcome Outcome `json:"outcome,omitempty"`
}

// SiteRequest is what the user says about all applications of a cluster.
type SiteRequest struct {
	// To is the only cluster on which applications may run then; empty: each on the other one of its policy.
	To string `json:"to,omitempty"`
	// MaxLossSeconds leaves out applications that would lose more; absent: no limit.
	MaxLossSeconds *int64 `json:"maxLossSeconds,omitempty"`
	// SourceIsDown is the user's word that the cluster is to be treated as lost although it answers.
	SourceIsDown bool `json:"sourceIsDown,omitempty"`
	// EvenIfGit : write to objects that a tool takes from a Git repository, too.
	EvenIfGit bool `json:"evenIfGit,omitempty"`
	// Reason is why, for the history of each application.
	Reason string `json:"reason,omitempty"`
}

// SiteRun says who carries a site failover out.
type SiteRun struct {
	// ID marks the applications that this run has begun, so that none is begun twice.
	ID string `json:"id"`
	// Began is who began it, and when.
	Began   string      `json:"began"`
	BeganAt metav1.Time `json:"beganAt"`
	// Holder is who carries it out now, since HeldSince. Session tells two commands of one person apart.
	Holder    string      `json:"holder"`
	HeldSince metav1.Time `json:"heldSince"`
	Session   string      `json:"session"`
	// EndedAt is when the last wave was over; absent: there is something left to begin, or to wait for.
	EndedAt *metav1.Time `json:"endedAt,omitempty"`
}

// Wave is a set of applications that begin at the same time.
type Wave struct {
	// Number is the one that the applications are annotated with; 0 without an annotation.
	Number int64 `json:"number"`
	// BeganAt is when it began; absent: it did not.
	BeganAt *metav1.Time `json:"beganAt,omitempty"`
	// EndedAt is when the next wave was free to begin: nothing moved any longer, or it took too long.
	EndedAt      *metav1.Time      `json:"endedAt,omitempty"`
	Applications []SiteApplication `json:"applications"`
}

// SiteState says how far an application of a site failover has come.
type SiteState string

// States of applications in a site failover.
const (
	// SitePending : it was not begun.
	SitePending SiteState = "Pending"
	// SiteBegun : the spec asks for it, and the hub carries it out.
	SiteBegun SiteState = "Begun"
	// SiteDone : the application runs on the other cluster.
	SiteDone SiteState = "Done"
	// SiteNeedsYou : it was begun and waits, and only a person can help.
	SiteNeedsYou SiteState = "NeedsYou"
	// SiteTakenBack : it was begun, and somebody has changed the spec since. It is not begun a second time.
	SiteTakenBack SiteState = "TakenBack"
	// SiteLeftOut : it can't go.
	SiteLeftOut SiteState = "LeftOut"
	// SiteGone : the DRPlacementControl was deleted, or deleted and created again.
	SiteGone SiteState = "Gone"
)

// Rests reports whether nothing more happens to an application without somebody's help.
func (s SiteState) Rests() bool {
	switch s {
	case SitePending, SiteBegun:
		return false
	case SiteDone, SiteNeedsYou, SiteTakenBack, SiteLeftOut, SiteGone:
		return true
	}
	return false
}

// Severity of a state.
func (s SiteState) Severity() Severity {
	switch s {
	case SiteDone, SitePending:
		return Good
	case SiteBegun:
		return Busy
	case SiteNeedsYou, SiteTakenBack, SiteLeftOut, SiteGone:
		return Problem
	}
	return Problem
}

// SiteApplication is one application of a site failover.
type SiteApplication struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid"`
	// To is the cluster on which it runs then.
	To    string    `json:"to,omitempty"`
	State SiteState `json:"state"`
	// Loses is the moment to which it goes back; absent: it is not known.
	Loses *Age `json:"loses,omitempty"`
	// Takes is how long failovers of the application took before; absent: the hub remembers none.
	Takes *Takes `json:"takes,omitempty"`
	// Reason says why it was left out, what it waits for, or what is expected to hold it up.
	Reason string `json:"reason,omitempty"`
	// Next is the command that helps.
	Next string `json:"next,omitempty"`
}

// Each shows all applications of all waves.
func (s *Site) Each(see func(*Wave, *SiteApplication)) {
	for i := range s.Waves {
		for j := range s.Waves[i].Applications {
			see(&s.Waves[i], &s.Waves[i].Applications[j])
		}
	}
}

// Count is how many applications of the waves are in each state; those that were left out at the beginning count, too.
func (s *Site) Count() map[SiteState]int {
	out := map[SiteState]int{}
	s.Each(func(_ *Wave, a *SiteApplication) { out[a.State]++ })
	if n := len(s.LeftOut); n > 0 {
		out[SiteLeftOut] += n
	}
	return out
}

// Severity is the worst one of all applications; that of a plan is Good if all can go.
func (s *Site) Severity() Severity {
	out := s.Controller.severity()
	if len(s.Refusals) > 0 || len(s.LeftOut) > 0 {
		out = Problem
	}
	s.Each(func(_ *Wave, a *SiteApplication) { out = max(out, a.State.Severity()) })
	return out
}

// Unfinished reports whether a run has something left to begin or to wait for.
func (s *Site) Unfinished() bool { return s.Run != nil && s.Run.EndedAt == nil }
