// SPDX-License-Identifier: Apache-2.0

package view

const (
	// GuardPolicy : the policy does not protect the application as it is asked for.
	GuardPolicy Guard = "Policy"
	// GuardExists : there is such an object already.
	GuardExists Guard = "Exists"
	// GuardHub : the hub would refuse it.
	GuardHub Guard = "Hub"
)

// Claim is a PVC that a protection selects.
type Claim struct {
	Namespace    string `json:"namespace"`
	Name         string `json:"name"`
	StorageClass string `json:"storageClassName,omitempty"`
	// Replicated : the policy has a peer class for its StorageClass.
	Replicated bool `json:"replicated"`
}

// Protection is what the commands protect and unprotect print.
type Protection struct {
	Head
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Ends : the protection is ended, not begun.
	Ends bool `json:"ends,omitempty"`
	// Policy by which it is protected, and the cluster where it runs or is to run.
	Policy string `json:"policy,omitempty"`
	Home   string `json:"home,omitempty"`
	// Peer is the other cluster, if it is known.
	Peer string `json:"peer,omitempty"`
	// Namespaces that are protected together; absent: the one of the application.
	Namespaces []string `json:"namespaces,omitempty"`
	// Objects says which Kubernetes objects are captured beside the PVCs; absent: none.
	Objects string `json:"objects,omitempty"`
	// Claims that the cluster has now; absent: the cluster was not looked at.
	Claims []Claim `json:"claims,omitempty"`
	// Manifest is the DRPlacementControl that is created.
	Manifest string    `json:"manifest,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
	Refusals []Refusal `json:"refusals,omitempty"`
	Git      *Git      `json:"git,omitempty"`
	Outcome  Outcome   `json:"outcome,omitempty"`
	// After is how the application was when nobody waited any longer; absent: it is not protected.
	After *Application `json:"after,omitempty"`
}
