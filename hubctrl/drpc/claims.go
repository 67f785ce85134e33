// SPDX-License-Identifier: Apache-2.0

package drpc

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Two applications are rivals if they overlap; see there. To find the rivals of one without looking at all, each object is
// indexed by what it may claim, whatever the configuration says about where it is; what is found is compared exactly.
const (
	claimGroup = "group" // a group on the clusters, <namespace>/<name>
	claimAny   = "any"   // PVCs of a namespace
	claimWhole = "whole" // perhaps all PVCs of a namespace
	claimSome  = "some"  // PVCs of a namespace, by a selector
)

// indexClaim finds the DRPlacementControls that may claim something.
const indexClaim = "claim"

func claim(kind string, of any) string { return fmt.Sprintf("%s:%v", kind, of) }

// claims are the index of a DRPlacementControl.
func claims(o client.Object) []string {
	drpc, ok := o.(*v1alpha1.DRPlacementControl)
	if !ok {
		return nil
	}
	group := exchange.GroupOf(drpc)
	out := []string{claim(claimGroup, group), claim(claimAny, group.Namespace), claim(claimSome, bySelector(group.Namespace, drpc))}
	if all(&drpc.Spec.PVCSelector) {
		out = append(out, claim(claimWhole, group.Namespace))
	}
	for _, ns := range drpc.Spec.ProtectedNamespaces {
		if ns != group.Namespace {
			out = append(out, claim(claimAny, ns))
		}
		if ns != group.Namespace || !all(&drpc.Spec.PVCSelector) {
			out = append(out, claim(claimWhole, ns))
		}
	}
	return out
}

// contested is what a rival of drpc would claim.
func contested(drpc *v1alpha1.DRPlacementControl, config *ramenconfig.Config) []string {
	out := []string{claim(claimGroup, exchange.GroupOf(drpc))}
	for _, ns := range namespacesOf(drpc, config) {
		if spans(drpc, config) || all(&drpc.Spec.PVCSelector) {
			out = append(out, claim(claimAny, ns))
		} else {
			out = append(out, claim(claimWhole, ns), claim(claimSome, bySelector(ns, drpc)))
		}
	}
	return out
}

func bySelector(namespace string, drpc *v1alpha1.DRPlacementControl) string {
	return fmt.Sprintf("%s/%x", namespace, hashOf(drpc.Spec.PVCSelector))
}

// all reports whether a selector selects every PVC.
func all(s *metav1.LabelSelector) bool {
	return len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0
}
