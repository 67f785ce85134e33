// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	hublinks "github.com/ramendr/ramen-direct/hubctrl/links"
)

// TestAReportThatIsNotKeptIsLookedAt after each change: its outline does not tell whether the target is ready, on which the end of a mode
// depends.
func TestAReportThatIsNotKeptIsLookedAt(t *testing.T) {
	budget := hublinks.NewBudget(0)
	kept := func(ready metav1.ConditionStatus) client.Object {
		o, err := budget.Transform(&v1alpha1.VolumeReplicationGroup{
			ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "shop.g"},
			Status: v1alpha1.VolumeReplicationGroupStatus{State: v1alpha1.PrimaryState, Conditions: []metav1.Condition{
				{Type: v1alpha1.VRGDataReady, Status: ready}, {Type: v1alpha1.VRGClusterDataReady, Status: "True"},
			}},
		})
		require.NoError(t, err)
		return o.(client.Object)
	}
	assert.True(t, groupChanged().Update(event.UpdateEvent{ObjectOld: kept("False"), ObjectNew: kept("True")}))
}
