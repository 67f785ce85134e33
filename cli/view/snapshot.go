// SPDX-License-Identifier: Apache-2.0

package view

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Snapshot is what one look at a hub showed.
type Snapshot struct {
	// Now is when the look was, by the clock of the hub's API server.
	Now time.Time
	// Applications that were asked for.
	Applications []v1alpha1.DRPlacementControl
	// Policies by name; nil: the user may not read them.
	Policies map[string]v1alpha1.DRPolicy
	// Leases of the mirrors by cluster; nil: the user may not read them.
	Leases map[string]coordinationv1.Lease
	// Leader is the Lease of the hub's controller; nil: there is none, or the user may not read it.
	Leader *coordinationv1.Lease
	// Notes say what could not be read, and what is unknown because of that.
	Notes []string
}

// peers are the clusters of an application's policy; nil: not known.
func (s *Snapshot) clusters(drpc *v1alpha1.DRPlacementControl) []string {
	if p, ok := s.Policies[drpc.Spec.DRPolicyRef.Name]; ok {
		return p.Spec.DRClusters
	}
	return nil
}

// Heard is when the mirror of a cluster wrote its Lease last, by the clock of the hub's API server, which notes the time of each
// write; zero: not known. The renewTime in a Lease is by the clock of the cluster, and clocks of different clusters are never
// compared (X5); it counts only where the API server tells nothing, or where the mirror says that it can't renew.
func Heard(lease *coordinationv1.Lease) time.Time {
	var last time.Time
	for _, m := range lease.ManagedFields {
		if m.Time != nil && m.Time.After(last) {
			last = m.Time.Time
		}
	}
	word := lease.Annotations[exchange.AnnotationLink]
	if stuck := word != "" && word != exchange.LinkLive.String(); lease.Spec.RenewTime != nil && (stuck || last.IsZero()) {
		return lease.Spec.RenewTime.Time
	}
	return last
}

// Age is a moment and how long ago it was.
type Age struct {
	// Time of the fact.
	Time metav1.Time `json:"time"`
	// AgeSeconds is how old the fact was when it was looked at, never negative.
	AgeSeconds int64 `json:"ageSeconds"`
}

// Duration is the age.
func (a *Age) Duration() time.Duration { return time.Duration(a.AgeSeconds) * time.Second }

// since is the age of a moment; nil: the moment is not known.
func (s *Snapshot) since(t *metav1.Time) *Age {
	if t == nil || t.IsZero() {
		return nil
	}
	age := max(s.Now.Sub(t.Time), 0)
	return &Age{Time: metav1.NewTime(t.UTC()), AgeSeconds: int64(age / time.Second)}
}

// Heading is the head of something else that is computed from a snapshot, with the state of clusters.
func (s *Snapshot) Heading(kind string, clusters []string) Head {
	out := s.head(kind)
	out.Clusters = s.links(clusters)
	return out
}
