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

// GuardPeer : it has to be said which cluster is lost.
const GuardPeer Guard = "Peer"

// SitePromotion is what the command promote --all prints: the promotion of all applications of a cluster that is left.
type SitePromotion struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// AsOf is when the cluster was looked at, by the clock of its API server.
	AsOf metav1.Time `json:"asOf"`
	// Cluster is the name of the cluster at its hub, if it is known, and ClusterID its identity.
	Cluster   string `json:"cluster,omitempty"`
	ClusterID string `json:"clusterID,omitempty"`
	// Peer is the identity of the cluster that has the other copies.
	Peer string `json:"peer,omitempty"`
	// Here is how many applications the cluster is told to be Primary of already.
	Here int `json:"here"`
	// Items are the others.
	Items    []PromotedApplication `json:"items"`
	Warnings []string              `json:"warnings,omitempty"`
	Refusals []Refusal             `json:"refusals,omitempty"`
	Outcome  Outcome               `json:"outcome,omitempty"`
}

// PromotedApplication is one application of a SitePromotion.
type PromotedApplication struct {
	// Namespace and Name of the VolumeReplicationGroup.
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Application is the DRPlacementControl, as namespace/name.
	Application string `json:"application,omitempty"`
	// Epoch of the group until now, and then.
	Epoch     int64     `json:"epoch"`
	NextEpoch int64     `json:"nextEpoch"`
	State     SiteState `json:"state"`
	// Reason says why it was left out, what it lacks, or what may hold it up.
	Reason string `json:"reason,omitempty"`
}

// Count is how many applications are in each state.
func (s *SitePromotion) Count() map[SiteState]int {
	out := map[SiteState]int{}
	for i := range s.Items {
		out[s.Items[i].State]++
	}
	return out
}

// Rests reports whether nothing more happens to any of them.
func (s *SitePromotion) Rests() bool {
	n := s.Count()
	return n[SitePending] == 0 && n[SiteBegun] == 0
}

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
