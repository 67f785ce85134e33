// SPDX-License-Identifier: Apache-2.0

package view

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Guards of promotions past the hub.
const (
	// GuardHubAnswers : the hub is there, and fails over itself.
	GuardHubAnswers Guard = "HubAnswers"
	// GuardGroup : what lies on the cluster can't be promoted.
	GuardGroup Guard = "Group"
)

// Promotion is what the command promote prints.
type Promotion struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// AsOf is when the cluster was looked at, by the clock of its API server.
	AsOf metav1.Time `json:"asOf"`
	// Namespace and Name of the VolumeReplicationGroup.
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Cluster is the name of the cluster at its hub, if it is known, and ClusterID its identity.
	Cluster   string `json:"cluster,omitempty"`
	ClusterID string `json:"clusterID,omitempty"`
	// Application is the DRPlacementControl, as namespace/name.
	Application string `json:"application,omitempty"`
	// Epoch of the group until now, and then.
	Epoch     int64 `json:"epoch"`
	NextEpoch int64 `json:"nextEpoch"`
	// Claims that the group protects here, as far as it says.
	Claims   []string  `json:"claims,omitempty"`
	Already  string    `json:"already,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
	Refusals []Refusal `json:"refusals,omitempty"`
	Outcome  Outcome   `json:"outcome,omitempty"`
	// State is the role that the cluster reports at last, with what it lacks.
	State   string `json:"state,omitempty"`
	Message string `json:"message,omitempty"`
}
