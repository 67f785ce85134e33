// SPDX-License-Identifier: Apache-2.0

package modes

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/bounded"
)

// Lack is a mode that is needed and is not active.
type Lack struct {
	Mode
	Request *v1alpha1.MaintenanceModeRequest // nil: not asked for yet
	Answer  *v1alpha1.MaintenanceModeAnswer  // nil: this request is not answered yet
}

// Lacking are those of the modes that are not active on a cluster, whose DRClusterConfig this is. Nil: there is none.
func Lacking(modes []Mode, config *v1alpha1.DRClusterConfig) []Lack {
	var out []Lack
	for _, m := range modes {
		lack := Lack{Mode: m}
		if config != nil {
			lack.Request = find(config.Spec.MaintenanceModes, m.Name(), requestName)
			lack.Answer = answer(config, lack.Request)
		}
		if !active(lack.Answer) {
			out = append(out, lack)
		}
	}
	return out
}

// answer is what the cluster says to a request; nil: nothing, or only to an earlier one.
func answer(config *v1alpha1.DRClusterConfig, to *v1alpha1.MaintenanceModeRequest) *v1alpha1.MaintenanceModeAnswer {
	if to == nil {
		return nil
	}
	a := find(config.Status.MaintenanceModes, to.Name, answerName)
	if a == nil || !a.RequestedTime.Equal(&to.RequestedTime) {
		return nil
	}
	return a
}

// active reports whether the storage is in the mode. A vendor whose operator tells which generation it considered must have
// considered this one.
func active(a *v1alpha1.MaintenanceModeAnswer) bool {
	if a == nil || a.Generation == 0 || a.ObservedGeneration != 0 && a.ObservedGeneration != a.Generation {
		return false
	}
	c := meta.FindStatusCondition(a.Conditions, v1alpha1.ConditionFailoverActivated)
	return c != nil && c.Status == metav1.ConditionTrue && (c.ObservedGeneration == 0 || c.ObservedGeneration == a.Generation)
}

const (
	// maxState and maxConditions bound what a DRCluster repeats of an answer (X16).
	maxState      = 253
	maxConditions = 16
)

// quoted are the first of the conditions of an answer, each with the beginning of what it says.
func quoted(list []metav1.Condition) []metav1.Condition {
	out := slices.Clone(list[:min(len(list), maxConditions)])
	for i := range out {
		out[i].Message = bounded.Text(out[i].Message, bounded.Quote)
	}
	return out
}

// Shown is what a DRCluster shows: each mode that is asked for, as the cluster answers.
func Shown(config *v1alpha1.DRClusterConfig) []v1alpha1.ClusterMaintenanceMode {
	var out []v1alpha1.ClusterMaintenanceMode
	for i := range config.Spec.MaintenanceModes {
		request := &config.Spec.MaintenanceModes[i]
		shown := v1alpha1.ClusterMaintenanceMode{
			StorageProvisioner: request.StorageProvisioner, TargetID: request.TargetID, State: v1alpha1.MModeStateUnknown,
		}
		if a := answer(config, request); a != nil {
			shown.State, shown.Conditions = cmp.Or(v1alpha1.MModeState(bounded.Text(string(a.State), maxState)), v1alpha1.MModeStateUnknown), quoted(a.Conditions)
		}
		out = append(out, shown)
	}
	slices.SortFunc(out, func(a, b v1alpha1.ClusterMaintenanceMode) int {
		return cmp.Or(strings.Compare(a.StorageProvisioner, b.StorageProvisioner), strings.Compare(a.TargetID, b.TargetID))
	})
	return out
}

// Changed reports whether two versions of a DRClusterConfig differ in what concerns maintenance modes.
func Changed(a, b *v1alpha1.DRClusterConfig) bool {
	same := equality.Semantic.DeepEqual
	return !same(a.Spec.MaintenanceModes, b.Spec.MaintenanceModes) || !same(a.Status.MaintenanceModes, b.Status.MaintenanceModes) ||
		!same(a.Status.Classes, b.Status.Classes) ||
		meta.IsStatusConditionTrue(a.Status.Conditions, v1alpha1.ConditionProcessed) != meta.IsStatusConditionTrue(b.Status.Conditions, v1alpha1.ConditionProcessed)
}
