// SPDX-License-Identifier: Apache-2.0

package view

import "k8s.io/apimachinery/pkg/types"

// OperationName names what a user can ask for.
type OperationName string

// Operations.
const (
	// Failover : run on another cluster without the one where it runs.
	Failover OperationName = "Failover"
	// Relocate : move with everything that was written.
	Relocate OperationName = "Relocate"
	// Clear : take back what was asked for.
	Clear OperationName = "Clear"
)

// Guard names what can refuse an operation before the hub is asked.
type Guard string

// Guards.
const (
	// GuardMaxLoss : more would be lost than the user allows.
	GuardMaxLoss Guard = "MaxLoss"
	// GuardSource : the cluster that is to be given up answers.
	GuardSource Guard = "SourceAnswers"
	// GuardGit : the spec belongs to a tool that follows a Git repository.
	GuardGit Guard = "Git"
	// GuardPlan : what the user's plan was made from has changed.
	GuardPlan Guard = "PlanChanged"
)

// Refusal is one reason why nothing is written.
type Refusal struct {
	Guard   Guard  `json:"guard"`
	Message string `json:"message"`
}

// Git says what to commit where the spec belongs to a tool.
type Git struct {
	Tool string `json:"tool"`
	// Commit is the part of the manifest to set.
	Commit string `json:"commit"`
}

// Outcome says what became of an order.
type Outcome string

// Outcomes of orders.
const (
	// OutcomeNothing : nothing had to be done.
	OutcomeNothing Outcome = "NothingToDo"
	// OutcomeRefused : a guard refused it.
	OutcomeRefused Outcome = "Refused"
	// OutcomeNotConfirmed : the user did not confirm it.
	OutcomeNotConfirmed Outcome = "NotConfirmed"
	// OutcomeDryRun : nothing was written.
	OutcomeDryRun Outcome = "DryRun"
	// OutcomeBegun : the spec was written, and the hub carries it out.
	OutcomeBegun Outcome = "Begun"
	// OutcomeDone : the application runs where it is to run.
	OutcomeDone Outcome = "Done"
	// OutcomeNeedsYou : the operation waits, and only a person can help.
	OutcomeNeedsYou Outcome = "NeedsYou"
	// OutcomeTimedOut : the operation continues, and nobody waits for it any longer.
	OutcomeTimedOut Outcome = "TimedOut"
	// OutcomeInterrupted : as TimedOut, by the user.
	OutcomeInterrupted Outcome = "Interrupted"
	// OutcomeTakenOver : as TimedOut, because somebody else continues.
	OutcomeTakenOver Outcome = "TakenOver"
)

// Order is an operation that a user asks for.
type Order struct {
	Head
	// Application as it was before.
	Application Application   `json:"application"`
	Operation   OperationName `json:"operation"`
	From        string        `json:"from,omitempty"`
	To          string        `json:"to,omitempty"`
	// Loses is the moment to which a failover goes back: what was written later is lost; absent: nothing, or it is not known.
	Loses *Age `json:"loses,omitempty"`
	// Spec are the fields that are set.
	Spec map[string]string `json:"spec"`
	// ResourceVersion of the object that this was decided about. If its spec was changed since, nothing is written.
	ResourceVersion string `json:"resourceVersion,omitempty"`
	// UID and Generation of that object: the hub writes its status all the time, which changes nothing of the decision.
	UID        types.UID `json:"-"`
	Generation int64     `json:"-"`
	// Run of a site failover that it belongs to.
	Run string `json:"-"`
	// RequestedBy and Reason say who asks for it, and why: the history keeps them.
	RequestedBy string `json:"requestedBy,omitempty"`
	Reason      string `json:"reason,omitempty"`
	// Becomes is the generation that the object gets by it.
	Becomes int64 `json:"-"`
	// Already says why nothing has to be done.
	Already  string    `json:"already,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
	Refusals []Refusal `json:"refusals,omitempty"`
	Git      *Git      `json:"git,omitempty"`
	// Outcome is what became of it.
	Outcome Outcome `json:"outcome,omitempty"`
	// After is how the application was when nobody waited any longer.
	After *Application `json:"after,omitempty"`
}
