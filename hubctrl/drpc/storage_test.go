// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance/modes"
)

// needy returns a hub whose application runs on dr1, and whose dr2 needs a maintenance mode for a failover.
func needy(t *testing.T) *hub {
	t.Helper()
	h := deployed(t)
	h.config("dr2", func(c *v1alpha1.DRClusterConfig) {
		c.Status.Classes[0].Labels["ramendr.openshift.io/maintenancemodes"] = "Failover"
	})
	return h
}

// config changes what dr1 or dr2 is told and tells.
func (h *hub) config(cluster string, edit func(*v1alpha1.DRClusterConfig)) {
	h.t.Helper()
	c := &v1alpha1.DRClusterConfig{}
	require.True(h.t, h.get(c, clientKey("", cluster)))
	edit(c)
	require.NoError(h.t, h.api.Update(h.t.Context(), c))
}

// requested asks dr2 for the mode, as the other controller does.
func (h *hub) requested() {
	h.config("dr2", func(c *v1alpha1.DRClusterConfig) {
		c.Spec.MaintenanceModes = modes.Requests([]modes.Mode{{Provisioner: "d", TargetID: "rep"}}, nil, start.Add(-time.Minute))
	})
}

// answered lets dr2 answer the request.
func (h *hub) answered(edit func(*v1alpha1.MaintenanceModeAnswer)) {
	h.config("dr2", func(c *v1alpha1.DRClusterConfig) {
		a := v1alpha1.MaintenanceModeAnswer{Name: c.Spec.MaintenanceModes[0].Name, RequestedTime: c.Spec.MaintenanceModes[0].RequestedTime, Generation: 1}
		edit(&a)
		c.Status.MaintenanceModes = []v1alpha1.MaintenanceModeAnswer{a}
	})
}

func activation(status metav1.ConditionStatus, message string) []metav1.Condition {
	return []metav1.Condition{condition("FailoverActivated", status, "Switching", message)}
}

func TestAFailoverWaitsUntilItsStorageIsReady(t *testing.T) {
	h := needy(t)
	h.cut("dr1")
	h.failover("dr2")
	const prefix = "the storage of cluster dr2 is not in the maintenance mode that a failover needs: driver d, target rep: "
	for _, step := range []struct {
		do   func()
		says string
	}{
		{func() {}, "it is not asked for yet"},
		{h.requested, "asked for since 2026-01-01T11:59:00Z, the cluster has not answered yet"},
		{func() {
			h.answered(func(a *v1alpha1.MaintenanceModeAnswer) {
				a.Generation, a.Message = 0, "a MaintenanceMode of this name is in the way"
			})
		}, "a MaintenanceMode of this name is in the way"},
		{func() { h.answered(func(*v1alpha1.MaintenanceModeAnswer) {}) }, "asked for since 2026-01-01T11:59:00Z, no operator of the storage has answered yet"},
		{func() {
			h.answered(func(a *v1alpha1.MaintenanceModeAnswer) {
				a.State, a.Conditions = "Progressing", activation("False", "3 of 7 pools")
			})
		}, "asked for since 2026-01-01T11:59:00Z, its state is Progressing, FailoverActivated is False, Switching: 3 of 7 pools"},
		{func() {
			h.answered(func(a *v1alpha1.MaintenanceModeAnswer) {
				a.Generation, a.ObservedGeneration, a.State, a.Conditions = 2, 1, "Completed", activation("True", "")
			})
		}, "asked for since 2026-01-01T11:59:00Z, the storage's operator has not looked at the latest request yet"},
	} {
		step.do()
		h.pass()
		assert.Empty(t, h.wrote(), "nothing moves: %s", step.says)
		assert.Equal(t, "Initiating/WaitForStorageMaintenanceActivation [dr1 Run] dr1:primary@1 dr2:secondary@1", h.shows())
		w := h.drpc().Status.Waiting
		require.NotNil(t, w)
		assert.Equal(t, []string{"StorageReady", "dr2", prefix + step.says}, []string{w.Fact, w.Cluster, w.Message})
		assert.Equal(t, "the operation continues automatically when the storage's operator has set FailoverActivated: kubectl --context dr2 get maintenancemode failover-3f8e38c9df937f47fef50a52354bde33 -o yaml", w.NextStep)
		h.log = nil
		h.pass()
		assert.Empty(t, h.log, "nothing is new")
	}
	assert.Equal(t, start.Add(-time.Minute), h.drpc().Status.Waiting.Since.UTC(), "since it was asked for")

	h.answered(func(a *v1alpha1.MaintenanceModeAnswer) { a.State, a.Conditions = "Completed", activation("True", "") })
	h.settle()
	assert.Equal(t, "FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())

	h.config("dr2", func(c *v1alpha1.DRClusterConfig) { c.Spec.MaintenanceModes, c.Status.MaintenanceModes = nil, nil })
	h.settle()
	assert.Equal(t, "FailedOver/Cleaning Up [dr1 Retain, dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows(), "once it is over, the mode is needed no more")
}

func TestAnAnswerToAnEarlierRequestLetsNoFailoverPass(t *testing.T) {
	h := needy(t)
	h.requested()
	h.answered(func(a *v1alpha1.MaintenanceModeAnswer) { a.Conditions = activation("True", "") })
	h.config("dr2", func(c *v1alpha1.DRClusterConfig) {
		c.Spec.MaintenanceModes[0].RequestedTime = metav1.NewMicroTime(start)
	})
	h.failover("dr2")
	h.settle()
	assert.True(t, strings.HasPrefix(h.shows(), "Initiating/WaitForStorageMaintenanceActivation"), h.shows())
}

func TestAFailoverWaitsWhileTheClassesOfItsTargetAreNotKnown(t *testing.T) {
	h := deployed(t)
	h.config("dr2", func(c *v1alpha1.DRClusterConfig) { c.Status.Classes = nil })
	h.failover("dr2")
	h.settle()
	w := h.drpc().Status.Waiting
	require.NotNil(t, w)
	assert.Equal(t, "StorageReady", w.Fact)
	assert.Equal(t, "cluster dr2 has not reported its storage classes, so it is not known which maintenance modes a failover needs", w.Message)
	h.config("dr2", func(c *v1alpha1.DRClusterConfig) { c.Status = classes("dr2").Status })
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@2 dr2:primary@2", h.shows())
}

func TestOnlyAFailoverAsksForTheStorage(t *testing.T) {
	h := needy(t)
	h.relocate("dr2")
	h.settle()
	assert.Equal(t, "Relocated/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows())
	h.failover("dr2")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr2 Run] dr1:secondary@1 dr2:primary@2", h.shows(), "it runs there already")
	h.failover("dr1")
	h.settle()
	assert.Equal(t, "FailedOver/Completed [dr1 Run] dr1:primary@3 dr2:secondary@3", h.shows(), "dr1 needs none")
}

func TestTheAnswerOfAClusterWakesThoseThatFailOver(t *testing.T) {
	h := needy(t)
	config := classes("dr2")
	assert.Empty(t, h.r.FailingOver(t.Context(), config))
	h.failover("dr2")
	require.Len(t, h.r.FailingOver(t.Context(), config), 1)
	assert.Equal(t, app, h.r.FailingOver(t.Context(), config)[0].NamespacedName)

	other := classes("dr2")
	assert.False(t, drpc.ModesChanged().Update(event.UpdateEvent{ObjectOld: config, ObjectNew: other}))
	other.Status.MaintenanceModes = []v1alpha1.MaintenanceModeAnswer{{Name: "m"}}
	assert.True(t, drpc.ModesChanged().Update(event.UpdateEvent{ObjectOld: config, ObjectNew: other}))
}
