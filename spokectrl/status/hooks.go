// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

// hooks is condition HooksReady; none if no hook is asked for, and nothing is to be undone. Until this process has run hooks, what
// the one before it said stays, unless it said that something is to be undone and nothing is.
func (o Objects) hooks(was *v1alpha1.VolumeReplicationGroup) []metav1.Condition {
	f := cycle.OfHooks(&o.Want, &o.Is)
	if f == nil || o.None {
		return nil
	}
	undone := func(said string) bool {
		return o.Is.Recovered && o.Is.Undo == nil && strings.HasPrefix(said, cycle.NotUndone)
	}
	if old := meta.FindStatusCondition(was.Status.Conditions, v1alpha1.VRGHooksReady); old != nil && f.Status == metav1.ConditionUnknown && !undone(old.Message) {
		said, _, _ := strings.Cut(old.Message, cycle.Now)
		return []metav1.Condition{{Type: old.Type, Status: old.Status, Reason: old.Reason, Message: said + o.Is.Waiting()}}
	}
	return []metav1.Condition{condition(v1alpha1.VRGHooksReady, provider.Finding{Status: f.Status, Reason: f.Reason, Message: f.Message})}
}
