// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/objects/cycle"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// A process before this one could not undo something. That is told until it is undone, and not until hooks run again.
func TestWhatIsUndoneIsNotToldAnyMore(t *testing.T) {
	spec := &v1alpha1.RecipeSpec{}
	require.NoError(t, yaml.Unmarshal([]byte(`
groups: [{name: all, type: resource}]
hooks: [{name: h, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: a}]}]
workflows: [{name: backup, sequence: [{hook: h/run}, {group: all}]}, {name: restore, sequence: [{group: all}]}]
`), spec))
	o := Objects{Want: cycle.Want{Mode: cycle.Capture, Recipe: "Recipe shop/r", Spec: spec, App: recipe.Application{Namespaces: []string{"shop"}}}}
	was := &v1alpha1.VolumeReplicationGroup{}
	was.Status.Conditions = []metav1.Condition{{Type: v1alpha1.VRGHooksReady, Status: metav1.ConditionFalse, Reason: cycle.ReasonHookFailed, Message: cycle.NotUndone + "it is locked"}}
	says := func() metav1.ConditionStatus {
		all := o.hooks(was)
		require.Len(t, all, 1)
		return all[0].Status
	}
	assert.Equal(t, metav1.ConditionFalse, says(), "it is not known yet what is left")
	o.Is.Recovered = true
	assert.Equal(t, metav1.ConditionUnknown, says())
	o.Is.Undo = &cycle.Undoing{}
	assert.Equal(t, metav1.ConditionFalse, says(), "it is under way")
	o.Is.Undo, was.Status.Conditions[0].Message = nil, "Capture hooks failed"
	assert.Equal(t, metav1.ConditionFalse, says(), "what became of the last attempt stays")

	was.Status.Conditions[0].Message = "Capture hooks failed; now: hook h/run is under way"
	assert.Equal(t, "Capture hooks failed", o.hooks(was)[0].Message, "but what an earlier process was at")
	o.Is.Unknown = errors.New("there is no API server")
	assert.Contains(t, o.hooks(was)[0].Message, "Capture hooks failed; now: what the hooks of an earlier process did could not be read")
}
