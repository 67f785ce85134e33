// SPDX-License-Identifier: Apache-2.0

package view

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Version is the version of what is printed with -o json and -o yaml. Fields are only added in one version; one that changes
// its meaning, or goes, makes the next version.
const Version = "cli.ramendr.openshift.io/v1"

// Head begins everything that is printed.
type Head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// AsOf is when the hub was looked at, by the clock of its API server.
	AsOf metav1.Time `json:"asOf"`
	// Controller is the hub's controller, whose words all the rest is.
	Controller Controller `json:"controller"`
	// Clusters and when they were heard of last.
	Clusters []Cluster `json:"clusters,omitempty"`
	// Notes say what could not be read, and what is unknown because of that.
	Notes []string `json:"notes,omitempty"`
}

// ControllerState says whether the hub's controller is at work.
type ControllerState string

// States of the hub's controller.
const (
	// ControllerLive : it renewed its Lease a moment ago.
	ControllerLive ControllerState = "Live"
	// ControllerSilent : it did not renew its Lease in time: nothing that it wrote is younger than that.
	ControllerSilent ControllerState = "Silent"
	// ControllerUnknown : it keeps no Lease, as without leader election, or the user may not read it.
	ControllerUnknown ControllerState = "Unknown"
)

// Controller is the hub's controller.
type Controller struct {
	State ControllerState `json:"state"`
	// Renewed is when it renewed its Lease last.
	Renewed *Age `json:"renewed,omitempty"`
}

// ClusterState says what is known about the link to a cluster.
type ClusterState string

// States of clusters.
const (
	// ClusterLive : its mirror wrote to the hub within the time that its Lease promises.
	ClusterLive ClusterState = "Live"
	// ClusterLost : it did not.
	ClusterLost ClusterState = "Lost"
	// ClusterNever : it never connected.
	ClusterNever ClusterState = "NeverConnected"
	// ClusterUnknown : the user may not read the Leases.
	ClusterUnknown ClusterState = "Unknown"
)

// Cluster is one cluster and when it was heard of last.
type Cluster struct {
	Name  string       `json:"name"`
	State ClusterState `json:"state"`
	// Heard is when its mirror wrote to the hub last.
	Heard *Age `json:"heard,omitempty"`
	// Word is what the mirror says about the link, if it says that something does not work.
	Word string `json:"word,omitempty"`
}

// State says in one word how an application is.
type State string

// States of an application, the worst first.
const (
	// NeedsYou : it waits, and only a person can help.
	NeedsYou State = "NeedsYou"
	// HomeLost : the cluster where the workload runs can't be reached.
	HomeLost State = "HomeLost"
	// NotRunning : the cluster where the workload should run is not Primary and ready.
	NotRunning State = "NotRunning"
	// Blocked : an operation can't continue: what it waits for does not come about by itself soon, as a cluster that can't be
	// reached.
	Blocked State = "Blocked"
	// Unknown : the hub can't tell.
	Unknown State = "Unknown"
	// NotSeen : the hub has not looked at the latest spec yet.
	NotSeen State = "NotSeen"
	// AtRisk : it runs, but could not be taken over by the other cluster as it should.
	AtRisk State = "AtRisk"
	// Moving : an operation is under way and continues automatically.
	Moving State = "Moving"
	// Protected : it runs, and the other cluster could take over.
	Protected State = "Protected"
)

// worst are the states in the order in which applications are listed.
var worst = []State{NeedsYou, HomeLost, NotRunning, Blocked, Unknown, NotSeen, AtRisk, Moving, Protected}

// Severity says how much a state asks for attention.
type Severity int

// Severities, in ascending order.
const (
	Good Severity = iota
	Busy
	Warning
	Problem
)

// Severity of a state.
func (s State) Severity() Severity {
	switch s {
	case NeedsYou, HomeLost, NotRunning, Blocked, Unknown:
		return Problem
	case AtRisk, NotSeen:
		return Warning
	case Moving:
		return Busy
	case Protected:
		return Good
	}
	return Problem
}

// Application is one DRPlacementControl.
type Application struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	State     State  `json:"state"`
	// Reason and Message say what makes the state: of the wait, or of the condition that is not as it should be.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`

	Policy      string `json:"policy"`
	Action      string `json:"action,omitempty"`
	Phase       string `json:"phase,omitempty"`
	Progression string `json:"progression,omitempty"`

	// Home is the cluster where the workload runs, or the one that it leaves; empty: nowhere.
	Home string `json:"home,omitempty"`
	// Target is the cluster to which it moves; empty: it does not move.
	Target string `json:"target,omitempty"`
	// Peer is the other cluster.
	Peer string `json:"peer,omitempty"`
	// PeerReady is the condition of that name: True, False or Unknown.
	PeerReady       string `json:"peerReady,omitempty"`
	PeerReadyReason string `json:"peerReadyReason,omitempty"`

	// DataOf is the moment to which the other cluster could bring all volumes back: what was written later is lost by a
	// failover.
	DataOf *Age `json:"dataOf,omitempty"`
	// IntervalSeconds is how often the policy has the data copied.
	IntervalSeconds int64 `json:"intervalSeconds,omitempty"`

	// WaitsFor is what blocks, in the hub's words.
	WaitsFor *Wait `json:"waitsFor,omitempty"`
	// Next is the command to continue with.
	Next string `json:"next,omitempty"`
}

// Wait is what an application waits for.
type Wait struct {
	// Cluster whose fact is awaited; empty: the hub, or you.
	Cluster string `json:"cluster,omitempty"`
	Fact    string `json:"fact"`
	// You : only a person can help.
	You bool `json:"you"`
	// Since is when the wait began.
	Since    *Age   `json:"since,omitempty"`
	Message  string `json:"message,omitempty"`
	NextStep string `json:"nextStep,omitempty"`
}

// Status is what the command status prints.
type Status struct {
	Head
	// Namespace and Selector say which applications were asked for; absent: all.
	Namespace string `json:"namespace,omitempty"`
	Selector  string `json:"selector,omitempty"`

	Items   []Application `json:"items"`
	Summary Summary       `json:"summary"`
}

// Summary counts applications by state.
type Summary struct {
	Applications int           `json:"applications"`
	States       map[State]int `json:"states,omitempty"`
}

// Severity is the worst one of all applications; a silent controller is a problem of all.
func (s *Status) Severity() Severity {
	out := s.Controller.severity()
	for i := range s.Items {
		out = max(out, s.Items[i].State.Severity())
	}
	return out
}

func (c Controller) severity() Severity {
	if c.State == ControllerSilent {
		return Problem
	}
	return Good
}
