// SPDX-License-Identifier: Apache-2.0

package wish

import (
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/plan"
	"github.com/ramendr/ramen-direct/hubctrl/snapshot"
	"github.com/ramendr/ramen-direct/internal/ramenconfig"
)

// TestI9_AnObjectMadeAgainDropsNoNamespace: of an application of several. An edit of the list is the user's word.
func TestI9_AnObjectMadeAgainDropsNoNamespace(t *testing.T) {
	drpc := &v1alpha1.DRPlacementControl{ObjectMeta: metav1.ObjectMeta{Namespace: "ramen-ops", Name: "wide", UID: "wide"}}
	drpc.Spec.PVCSelector.MatchLabels, drpc.Spec.ProtectedNamespaces = map[string]string{"app": "db"}, []string{"web"}
	w := &snapshot.Snapshot{DRPC: drpc, Config: &ramenconfig.Config{RamenOpsNamespace: "ramen-ops"}}
	told := &v1alpha1.VolumeReplicationGroup{}
	told.Spec.PVCSelector, told.Spec.ProtectedNamespaces = w.DRPC.Spec.PVCSelector, []string{"shop", "web"}
	w.Sides[0].Wish = told
	uid := func(uid string) {
		told.Annotations = map[string]string{"drplacementcontrol.ramendr.openshift.io/drpc-uid": uid}
	}

	uid("wide")
	assert.Equal(t, []string{"web"}, scopeFor(w, plan.First).Namespaces, "the object was edited")
	uid("an earlier one")
	assert.Equal(t, []string{"shop", "web"}, scopeFor(w, plan.First).Namespaces)
	assert.Equal(t, []string{"shop", "web"}, scopeFor(w, plan.Second).Namespaces, "which was told nothing yet")
	uid("wide")
	told.Annotations["exchange.ramendr.openshift.io/scope-kept"] = "wide"
	assert.Equal(t, []string{"shop", "web"}, scopeFor(w, plan.First).Namespaces, "until the user accepts it")
	w.DRPC.Annotations = map[string]string{"ramendr.openshift.io/accept-loss": "selection/dr1/wide"}
	w.Sides[0].Cluster = "dr1"
	w.SelectionAccepted = w.AcceptsSelection(w.DRPC.UID)
	assert.Equal(t, []string{"web"}, scopeFor(w, plan.First).Namespaces)

	now := metav1.Now()
	w.DRPC.Annotations, w.SelectionAccepted = nil, false
	uid("an earlier one")
	told.DeletionTimestamp = &now
	assert.Equal(t, []string{"web"}, scopeFor(w, plan.First).Namespaces, "DR was disabled, and the application is protected again")
}
