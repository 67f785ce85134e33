// SPDX-License-Identifier: Apache-2.0

package view

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Guards of connections and of protections.
const (
	// GuardProfile : the cluster is known with another S3 profile or region, or there is no such profile.
	GuardProfile Guard = "Profile"
	// GuardIdentity : the cluster is another one than that which the hub knows by the name, or has another name there.
	GuardIdentity Guard = "Identity"
	// GuardInstalled : what has to run on the cluster is not installed there.
	GuardInstalled Guard = "Installed"
	// GuardMode : a mirror keeps the link in the other mode.
	GuardMode Guard = "Mode"
	// GuardInUse : applications or policies need what is to be removed.
	GuardInUse Guard = "InUse"
)

// ChangeResult says what happens to an object.
type ChangeResult string

// Results of changes.
const (
	// Created : it did not exist.
	Created ChangeResult = "Created"
	// Replaced : it had another content.
	Replaced ChangeResult = "Replaced"
	// Kept : it is as it should be.
	Kept ChangeResult = "Kept"
	// Printed : it is printed, for the user to apply.
	Printed ChangeResult = "Printed"
	// Deleted : it existed.
	Deleted ChangeResult = "Deleted"
)

// Change is what happens to one object.
type Change struct {
	// Of is the object: its kind and its name.
	Of string `json:"of"`
	// Where it lies: the hub, or the cluster.
	Where  string       `json:"where"`
	Result ChangeResult `json:"result"`
}

// Connection is what the commands connect and disconnect print. It holds nothing that is secret.
type Connection struct {
	Head
	Cluster string `json:"cluster"`
	// Ends : the connection is ended, not made.
	Ends bool `json:"ends,omitempty"`
	// OnlyAccess : only the access of the mirror ends.
	OnlyAccess bool `json:"onlyAccess,omitempty"`
	// Profile is the S3 profile of the cluster.
	Profile string `json:"s3ProfileName,omitempty"`
	Region  string `json:"region,omitempty"`
	// Identity of the cluster that was looked at: the UID of its namespace kube-system.
	Identity string `json:"clusterID,omitempty"`
	// Push : the mirror runs on the hub, and reaches the cluster.
	Push bool `json:"push,omitempty"`
	// Server is the address by which the mirror reaches the hub; in push mode the cluster.
	Server string `json:"server,omitempty"`
	// Manifest is the DRCluster that is created.
	Manifest string `json:"manifest,omitempty"`
	// Applications that the cluster is needed for.
	Applications []string `json:"applications,omitempty"`
	// Changes that were made, in order; of a dry run, those that would be made.
	Changes []Change `json:"changes,omitempty"`
	// TokenExpires is when the token of the mirror expires unless that renews it.
	TokenExpires *metav1.Time `json:"tokenExpires,omitempty"`
	// StillAccepted is the command that takes back the token that the mirror had, on the cluster, which accepts it until it expires; empty:
	// it does not.
	StillAccepted string    `json:"stillAccepted,omitempty"`
	Warnings      []string  `json:"warnings,omitempty"`
	Refusals      []Refusal `json:"refusals,omitempty"`
	Git           *Git      `json:"git,omitempty"`
	Outcome       Outcome   `json:"outcome,omitempty"`
	// Remains is the Secret that the mirror needs until the hub has removed what it has of the cluster, with where it lies.
	Remains string `json:"remains,omitempty"`
	// Reason and Message are what the hub says about the connection at last.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Change notes what happens to an object.
func (c *Connection) Change(of, where string, result ChangeResult) {
	c.Changes = append(c.Changes, Change{Of: of, Where: where, Result: result})
}
