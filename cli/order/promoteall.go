// SPDX-License-Identifier: Apache-2.0

package order

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/view"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// UnknownPeer is how the user names the other cluster of groups that do not tell which that is.
const UnknownPeer = "unknown"

// PromoteAll judges the promotion of all groups of a survivor, which itself names none, past the hub; with a peer, of those whose
// other copy is on the cluster of that identity. Without one they must have the same: a survivor may be the peer of a cluster that
// works, and what runs there would run twice.
func PromoteAll(s *Survivor, groups []v1alpha1.VolumeReplicationGroup, peer string, hubIsDown bool) *view.SitePromotion {
	out := &view.SitePromotion{APIVersion: view.Version, Kind: "SitePromotion", AsOf: metav1.NewTime(s.Now.UTC()), ClusterID: s.Identity, Cluster: s.Cluster, Peer: peer}
	out.Warnings, out.Refusals = hubDecides(s, hubIsDown)
	peers, copies := map[string]*otherCluster{}, map[string]int{}
	for i := range groups {
		g := &groups[i]
		one := *s
		one.Group, one.Cluster = g, g.Annotations[v1alpha1.AnnotationDestinationCluster]
		p := Promote(&one, true)
		other := peerOf(g, s.Identity)
		copies[other]++
		if p.Already != "" {
			if peer == "" || peer == other {
				out.Here++
			}
			continue
		}
		out.Cluster = cmp.Or(out.Cluster, p.Cluster)
		a := view.PromotedApplication{Namespace: g.Namespace, Name: g.Name, Application: p.Application, Epoch: p.Epoch, NextEpoch: p.NextEpoch, State: view.SitePending}
		if !ready(g) {
			a.Reason = unready
		}
		if len(p.Refusals) > 0 {
			a.State, a.Reason = view.SiteLeftOut, p.Refusals[0].Message
		} else {
			if peers[other] == nil {
				peers[other] = &otherCluster{}
			}
			peers[other].add(g)
		}
		if peer == "" || peer == other {
			out.Items = append(out.Items, a)
		}
	}
	slices.SortFunc(out.Items, func(a, b view.PromotedApplication) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	switch {
	case len(out.Items) == 0 && (peer == "" || copies[peer] > 0):
		out.Outcome = view.OutcomeNothing
		return out
	case peer != "" && copies[peer] == 0:
		out.Refusals = append(out.Refusals, view.Refusal{Guard: view.GuardPeer, Message: fmt.Sprintf("no application has the other copy on cluster %s%s", peer, named(peers))})
	case peer == "" && len(peers) > 1:
		out.Refusals = append(out.Refusals, view.Refusal{Guard: view.GuardPeer, Message: fmt.Sprintf(
			"the applications have their other copies on different clusters%s. Name the one that is lost with --peer: what runs on another one would run twice", named(peers))})
	case peer == "":
		for other := range peers {
			out.Peer = other
		}
	}
	out.Warnings = append(out.Warnings, lossWarning, twiceWarning)
	return out
}

// otherCluster is one that has the other copies of groups.
type otherCluster struct {
	groups   int
	profiles []string
}

func (o *otherCluster) add(g *v1alpha1.VolumeReplicationGroup) {
	o.groups++
	for _, p := range g.Spec.S3Profiles {
		if !slices.Contains(o.profiles, p) {
			o.profiles = append(o.profiles, p)
		}
	}
	slices.Sort(o.profiles)
}

// named lists clusters by their identities, with what a person knows them by.
func named(peers map[string]*otherCluster) string {
	var out []string
	for id, p := range peers {
		stored := ""
		if len(p.profiles) > 0 {
			stored = ", stored in " + strings.Join(p.profiles, ", ")
		}
		out = append(out, fmt.Sprintf("%s (%d%s)", id, p.groups, stored))
	}
	if out == nil {
		return ""
	}
	slices.Sort(out)
	return ": " + bounded.List(out, ", ")
}

// peerOf is the identity of the other cluster of a group, as its classes tell.
func peerOf(g *v1alpha1.VolumeReplicationGroup, self string) string {
	if g.Spec.Async == nil {
		return UnknownPeer
	}
	for _, c := range g.Spec.Async.PeerClasses {
		for _, id := range c.ClusterIDs {
			if id != self && slices.Contains(c.ClusterIDs, self) {
				return id
			}
		}
	}
	return UnknownPeer
}

// ready reports whether a cluster reports its copies as ready.
func ready(g *v1alpha1.VolumeReplicationGroup) bool {
	return meta.IsStatusConditionTrue(g.Status.Conditions, v1alpha1.VRGDataReady)
}
