// SPDX-License-Identifier: Apache-2.0

package drpolicy

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpolicy/peerclass"
)

// Reasons of the condition Validated.
const (
	reasonSucceeded   = "Succeeded"
	reasonNotFound    = "DRClusterNotFound"
	reasonUnavailable = "DRClustersUnavailable"
	reasonNoClasses   = "ClassesNotReported"
	reasonOneCluster  = "DRClustersAreOne"
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
	if a.reported() == "" && b.reported() == "" {
		v.known = true
		v.peers, skipped = peerclass.Match(policy.Spec.SchedulingInterval, a.side(), b.side())
	}
	v.reason, v.message = flaw(a, b)
	if v.reason == "" {
		v.valid, v.reason, v.message = true, reasonSucceeded, summary(v.peers, skipped)
	}
	return v
}

// flaw is the first reason why a policy over the two clusters can't be used; empty: none.
func flaw(a, b cluster) (reason, message string) {
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

// mostNamed is how many classes of each sort are named: a condition holds no more than 32 KiB.
const mostNamed = 20

func summary(peers []v1alpha1.PeerClass, skipped []peerclass.Skipped) string {
	var names, others []string
	for _, p := range peers {
		names = append(names, p.StorageClassName)
	}
	for _, s := range skipped {
		others = append(others, s.StorageClass+": "+s.Why)
	}
	text := "drpolicy validated; StorageClasses that can be protected: " + named(names, ", ")
	switch {
	case names == nil && others == nil:
		return "drpolicy validated, but no StorageClass can be protected: none has the label " + v1alpha1.LabelStorageID
	case names == nil:
		text = "drpolicy validated, but no StorageClass can be protected"
	case others != nil:
		text += ". These can't"
	}
	if others != nil {
		text += ". " + named(others, ". ")
	}
	return text
}

func named(list []string, between string) string {
	if len(list) <= mostNamed {
		return strings.Join(list, between)
	}
	return fmt.Sprintf("%s%sand %d more", strings.Join(list[:mostNamed], between), between, len(list)-mostNamed)
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
	if p := meta.FindStatusCondition(c.config.Status.Conditions, v1alpha1.ConditionProcessed); p != nil && p.Status != metav1.ConditionTrue {
		return "the cluster could not read its classes (" + p.Message + ")"
	}
	return ""
}

func (c cluster) side() peerclass.Side {
	return peerclass.Side{ClusterID: c.config.Status.ClusterID, Classes: c.config.Status.Classes}
}
