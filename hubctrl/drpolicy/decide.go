// SPDX-License-Identifier: Apache-2.0

package drpolicy

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpolicy/peerclass"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// Reasons of the condition Validated.
const (
	reasonSucceeded   = "Succeeded"
	reasonNotFound    = "DRClusterNotFound"
	reasonUnavailable = "DRClustersUnavailable"
	reasonNoClasses   = "ClassesNotReported"
	reasonOneCluster  = v1alpha1.ReasonDRClustersAreOne
	reasonInvalid     = "ValidationFailed"
)

// verdict is what is to be said about a policy.
type verdict struct {
	valid           bool
	reason, message string

	known bool // whether peers is an answer
	peers []v1alpha1.PeerClass
}

// decide is pure. The peer classes are computed whenever the facts are there, also for a policy that is not valid.
func decide(policy *v1alpha1.DRPolicy, now seen) verdict {
	if len(now.clusters) != 2 {
		return verdict{reason: reasonInvalid, message: "drClusters must name exactly two DRClusters"}
	}
	a, b := now.clusters[0], now.clusters[1]
	var v verdict
	var skipped []peerclass.Skipped
	var ignored []string
	if a.reported() == "" && b.reported() == "" {
		v.known = true
		here, left := a.side()
		there, right := b.side()
		ignored = append(left, right...)
		v.peers, skipped = peerclass.Match(policy.Spec.SchedulingInterval, here, there)
	}
	v.reason, v.message = firstProblem(a, b)
	if v.reason == "" {
		v.valid, v.reason, v.message = true, reasonSucceeded, summary(v.peers, skipped)
	}
	if ignored != nil {
		v.message += ". Ignored in the reports of the clusters: " + bounded.List(ignored, "; ")
	}
	return v
}

// firstProblem is the first reason why a policy over the two clusters can't be used; empty: none.
func firstProblem(a, b cluster) (reason, message string) {
	both := []cluster{a, b}
	for _, c := range both {
		if c.object == nil {
			return reasonNotFound, fmt.Sprintf("there is no DRCluster %s: create it", c.name)
		}
	}
	// One is enough: a policy whose other cluster has a broken store must still allow a failover.
	if !a.validated() && !b.validated() {
		return reasonUnavailable, fmt.Sprintf("none of the DRClusters is Validated. %s: %s. %s: %s", a.name, a.complaint(), b.name, b.complaint())
	}
	for _, c := range both {
		// The agent of the second name applies and reports nothing, so its classes are never known.
		if told := meta.FindStatusCondition(c.object.Status.Conditions, v1alpha1.ConditionConnected); told != nil && told.Reason == reasonOneCluster {
			return reasonOneCluster, fmt.Sprintf("DRCluster %s: %s", c.name, told.Message)
		}
	}
	var silent []string
	for _, c := range both {
		if why := c.reported(); why != "" {
			silent = append(silent, c.name+": "+why)
		}
	}
	if silent != nil {
		return reasonNoClasses, "waiting for the classes of the clusters. " + strings.Join(silent, ". ")
	}
	if a.config.Status.ClusterID == b.config.Status.ClusterID {
		return reasonOneCluster, fmt.Sprintf("DRClusters %s and %s are one and the same cluster, with id %s: their agents must run on two",
			a.name, b.name, a.config.Status.ClusterID)
	}
	return "", ""
}

func summary(peers []v1alpha1.PeerClass, skipped []peerclass.Skipped) string {
	var names, others []string
	for _, p := range peers {
		names = append(names, p.StorageClassName)
	}
	for _, s := range skipped {
		others = append(others, s.StorageClass+": "+s.Why)
	}
	text := "drpolicy validated; StorageClasses that can be protected: " + bounded.List(names, ", ")
	switch {
	case names == nil && others == nil:
		return "drpolicy validated, but no StorageClass can be protected: none has the label " + v1alpha1.LabelStorageID
	case names == nil:
		text = "drpolicy validated, but no StorageClass can be protected"
	case others != nil:
		text += ". These can't"
	}
	if others != nil {
		text += ". " + bounded.List(others, ". ")
	}
	return text
}

func (c cluster) validated() bool {
	return meta.IsStatusConditionTrue(c.object.Status.Conditions, v1alpha1.ConditionValidated)
}

// complaint is what the DRCluster says about itself.
func (c cluster) complaint() string {
	if v := meta.FindStatusCondition(c.object.Status.Conditions, v1alpha1.ConditionValidated); v != nil {
		return v.Reason
	}
	return "not looked at yet"
}

// reported is empty if the cluster has reported its classes, else what is awaited.
func (c cluster) reported() string {
	if c.config == nil || c.config.Status.ClusterID == "" {
		return "the cluster has not reported yet"
	}
	if len(c.config.Status.ClusterID) > maxText {
		return "the cluster reports an invalid id"
	}
	if p := meta.FindStatusCondition(c.config.Status.Conditions, v1alpha1.ConditionProcessed); p != nil && p.Status != metav1.ConditionTrue {
		return "the cluster could not read its classes (" + bounded.Text(p.Message, bounded.Quote) + ")"
	}
	return ""
}

// side is what is believed of the classes of the cluster, and what is not.
func (c cluster) side() (side peerclass.Side, ignored []string) {
	classes, ignored := believed(c.name, c.config.Status.Classes)
	return peerclass.Side{ClusterID: c.config.Status.ClusterID, Classes: classes}, ignored
}
