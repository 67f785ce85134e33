// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// What a cluster had can be gone though its name, or that of the group, is there again (X13). Then nothing that the new one
// lacks is proof of anything.

// former reports whether the wish was made for an earlier cluster of this name.
func former(at *side) bool {
	meant := exchange.MeantFor(at.wish)
	return meant != "" && at.identity != "" && meant != at.identity
}

// observeLoss finds out which side has lost what it had, and whether the user accepts that.
func (w *world) observeLoss() {
	for _, s := range []plan.Side{plan.First, plan.Second} {
		fact := w.facts.At(s)
		fact.Report.Lost = len(w.missing(s)) > 0
		successor := w.successor(s)
		fact.Accepted = successor != "" && w.said(word(lossReplaced, w.at(s).cluster, successor))
	}
}

// successor is what took the place of what a side had; empty: nothing did.
func (w *world) successor(s plan.Side) string {
	at, fact := w.at(s), w.facts.At(s)
	switch {
	case fact.Wish.Replaced:
		return at.identity
	case fact.Report.Lost && !strings.HasPrefix(w.at(s.Peer()).wish.Annotations[exchange.AnnotationDestinationsOf], at.identity+"/"):
		return at.identity // what reported the volumes was on an earlier cluster
	case fact.Report.Lost:
		return at.report.Status.Exchange.SpokeUID
	default:
		return ""
	}
}

// missing are the volumes that the peer of a Primary holds copies of and that the Primary lacks, if it is not the object
// that reported them: nobody has deleted them, as far as is known.
func (w *world) missing(s plan.Side) []string {
	at, peer := w.at(s), w.at(s.Peer())
	if !primary(at) || sentAway(at) || at.partial || peer.wish == nil || roleOf(&peer.wish.Spec) != plan.Secondary || witnessed(peer, at) {
		return nil
	}
	var out []string
	for _, d := range peer.wish.Spec.VolSync.RDSpec {
		if !reports(at, d.ProtectedPVC) {
			out = append(out, d.ProtectedPVC.Namespace+"/"+d.ProtectedPVC.Name)
		}
	}
	return out
}

// primary reports whether the group of a side was Primary and restored when it last reported, even for an earlier wish: what
// it lacked then it lacks whatever it is told since.
func primary(at *side) bool {
	return at.wish != nil && at.wish.DeletionTimestamp == nil && roleOf(&at.wish.Spec) == plan.Primary && !former(at) &&
		ours(at) && exchange.From(at.identity, at.report) && !at.report.Status.Exchange.SpokeDeleting &&
		at.report.Status.State == v1alpha1.PrimaryState && meta.IsStatusConditionTrue(at.report.Status.Conditions, v1alpha1.VRGClusterDataReady)
}

// witnessed reports whether the destinations of a side follow the very object that the report of its peer is about.
func witnessed(at, peer *side) bool {
	return at.wish != nil && at.wish.Annotations[exchange.AnnotationDestinationsOf] == reporter(peer)
}

// reporter is the object that the report of a side is about: the identity of its cluster, and its UID.
func reporter(at *side) string {
	return at.report.Status.Exchange.ClusterID + "/" + at.report.Status.Exchange.SpokeUID
}

func reports(at *side, pvc v1alpha1.ProtectedPVC) bool {
	return slices.ContainsFunc(at.report.Status.ProtectedPVCs, func(p v1alpha1.ProtectedPVC) bool {
		return p.ProtectedByVolSync && compareVolumes(p, pvc) == 0
	})
}

// proves reports whether what the Primary at lacks is known to be gone for good.
func (w *world) proves(s plan.Side) bool {
	at, peer := w.at(s), w.at(s.Peer())
	return !sentAway(at) && !at.partial && (witnessed(peer, at) || w.facts.At(s).Accepted)
}

// witness is whose report the destinations in the wish that wr asks for follow: of the Primary, once it has reported all of
// them, or has proved the rest gone; until then of the object before it. Empty: there are none, or nobody's.
func (w *world) witness(wr plan.Write, settled bool) string {
	at, home := w.at(wr.Side), wr.Side.Peer()
	switch p, _ := w.turn(wr, settled).parts(); p {
	case followed:
		covered := w.proves(home) || !slices.ContainsFunc(at.wish.Spec.VolSync.RDSpec, func(d v1alpha1.VolSyncReplicationDestinationSpec) bool {
			return !reports(w.at(home), d.ProtectedPVC)
		})
		switch {
		case len(w.destinations(wr, settled)) == 0:
			return ""
		case covered:
			return reporter(w.at(home))
		}
		return at.wish.Annotations[exchange.AnnotationDestinationsOf]
	case kept:
		if at.wish != nil {
			return at.wish.Annotations[exchange.AnnotationDestinationsOf]
		}
	case dropped:
	}
	return ""
}

// bereftText says what a side has lost.
func (w *world) bereftText(s plan.Side) string {
	at := w.at(s)
	if w.facts.At(s).Wish.Replaced {
		return fmt.Sprintf("cluster %s was replaced: the new cluster, %s, does not have what the application had there, and nothing is asked of it", at.cluster, at.identity)
	}
	return fmt.Sprintf("cluster %s has lost volumes of which %s holds copies: VolumeReplicationGroup %s is another object than the one that reported %s",
		at.cluster, w.at(s.Peer()).cluster, w.group, strings.Join(w.missing(s), ", "))
}

// explainLoss says how to bring back what a side has lost, or to do without it.
func (w *world) explainLoss(s plan.Side) words {
	at, peer := w.at(s), w.at(s.Peer())
	out := words{fact: "VolumesLost", user: true, message: w.bereftText(s)}
	out.next = fmt.Sprintf("only if nobody needs them: %s, and the application starts on %s with what is there",
		w.accept(word(lossReplaced, at.cluster, w.successor(s))), at.cluster)
	if !w.facts.At(s.Peer()).Bereft() {
		out.next = fmt.Sprintf("to bring the data back from %s, set action Failover and failoverCluster to %s; %s", peer.cluster, peer.cluster, out.next)
	}
	return out
}

// explainReplaced says what to do about another cluster that uses the name of a side.
func (w *world) explainReplaced(s plan.Side) words {
	at := w.at(s)
	return words{fact: reasonReplaced, user: true, message: lostLink(at), since: at.link.LastRenewal,
		next: fmt.Sprintf("if it replaces %[1]s: kubectl annotate drcluster %[1]s %[2]s=%[3]s --overwrite; if it does not, delete the Secret with the credentials of %[1]s there%[4]s",
			at.cluster, v1alpha1.AnnotationAcceptCluster, at.link.Stranger, w.without(s))}
}
