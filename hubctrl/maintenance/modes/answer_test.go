// SPDX-License-Identifier: Apache-2.0

package modes_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/maintenance/modes"
)

// activated is a cluster that was asked for the modes and has activated each.
func activated(asked ...mode) *v1alpha1.DRClusterConfig {
	c := &v1alpha1.DRClusterConfig{}
	c.Spec.MaintenanceModes = modes.Requests(asked, nil, noon)
	for _, r := range c.Spec.MaintenanceModes {
		c.Status.MaintenanceModes = append(c.Status.MaintenanceModes, v1alpha1.MaintenanceModeAnswer{
			Name: r.Name, StorageProvisioner: r.StorageProvisioner, TargetID: r.TargetID, RequestedTime: r.RequestedTime,
			Generation: 1, ObservedGeneration: 1, State: "Completed",
			Conditions: []metav1.Condition{{Type: "FailoverActivated", Status: "True", ObservedGeneration: 1}},
		})
	}
	return c
}

func TestAModeIsActiveOnlyByAnAnswerToThisRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(request *v1alpha1.MaintenanceModeRequest, answer *v1alpha1.MaintenanceModeAnswer)
		want bool // active
	}{
		"activated": {func(*v1alpha1.MaintenanceModeRequest, *v1alpha1.MaintenanceModeAnswer) {}, true},
		"by a vendor who tells no generation": {func(_ *v1alpha1.MaintenanceModeRequest, a *v1alpha1.MaintenanceModeAnswer) {
			a.ObservedGeneration, a.Conditions[0].ObservedGeneration = 0, 0
		}, true},
		"for an older spec": {func(_ *v1alpha1.MaintenanceModeRequest, a *v1alpha1.MaintenanceModeAnswer) { a.Generation = 2 }, false},
		"by a vendor who tells the generation only in the status": {func(_ *v1alpha1.MaintenanceModeRequest, a *v1alpha1.MaintenanceModeAnswer) {
			a.Generation, a.Conditions[0].ObservedGeneration = 2, 0
		}, false},
		"by a condition of an older spec": {func(_ *v1alpha1.MaintenanceModeRequest, a *v1alpha1.MaintenanceModeAnswer) {
			a.Generation, a.ObservedGeneration = 2, 2
		}, false},
		"at an earlier request": {func(r *v1alpha1.MaintenanceModeRequest, _ *v1alpha1.MaintenanceModeAnswer) {
			r.RequestedTime = metav1.NewMicroTime(noon.Add(time.Microsecond))
		}, false},
		"but asked for no more": {func(r *v1alpha1.MaintenanceModeRequest, _ *v1alpha1.MaintenanceModeAnswer) { r.Name = "other" }, false},
		"of another name":       {func(_ *v1alpha1.MaintenanceModeRequest, a *v1alpha1.MaintenanceModeAnswer) { a.Name = "other" }, false},
		"not yet": {func(_ *v1alpha1.MaintenanceModeRequest, a *v1alpha1.MaintenanceModeAnswer) {
			a.Conditions[0].Status = "False"
		}, false},
		"perhaps": {func(_ *v1alpha1.MaintenanceModeRequest, a *v1alpha1.MaintenanceModeAnswer) {
			a.Conditions[0].Status = "Unknown"
		}, false},
		"without a word of the vendor": {func(_ *v1alpha1.MaintenanceModeRequest, a *v1alpha1.MaintenanceModeAnswer) { a.Conditions = nil }, false},
		"without an object on the cluster": {func(_ *v1alpha1.MaintenanceModeRequest, a *v1alpha1.MaintenanceModeAnswer) {
			a.Generation, a.ObservedGeneration, a.Conditions[0].ObservedGeneration = 0, 0, 0
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			config := activated(mode{"d", "rep"})
			tc.edit(&config.Spec.MaintenanceModes[0], &config.Status.MaintenanceModes[0])
			assert.Equal(t, tc.want, modes.Lacking([]mode{{"d", "rep"}}, config) == nil)
		})
	}
}

func TestWhatIsLacked(t *testing.T) {
	config := activated(mode{"d", "rep"})
	lacks := modes.Lacking([]mode{{"d", "rep"}, {"e", "rep"}}, config)
	assert.Equal(t, []modes.Lack{{Mode: mode{"e", "rep"}}}, lacks, "not asked for yet")
	assert.Len(t, modes.Lacking([]mode{{"d", "rep"}}, nil), 1)
	assert.Empty(t, modes.Lacking(nil, nil))
	config.Status.MaintenanceModes[0].Conditions[0].Status = "False"
	lacks = modes.Lacking([]mode{{"d", "rep"}}, config)
	assert.Equal(t, &config.Spec.MaintenanceModes[0], lacks[0].Request)
	assert.Equal(t, &config.Status.MaintenanceModes[0], lacks[0].Answer)
}

func TestEachRequestIsShown(t *testing.T) {
	config := activated(mode{"e", "rep"}, mode{"d", "rep"})
	config.Status.MaintenanceModes = config.Status.MaintenanceModes[:1]
	assert.Equal(t, []v1alpha1.ClusterMaintenanceMode{
		{StorageProvisioner: "d", TargetID: "rep", State: "Unknown"},
		{StorageProvisioner: "e", TargetID: "rep", State: "Completed", Conditions: config.Status.MaintenanceModes[0].Conditions},
	}, modes.Shown(config))
}

func TestWhatOfADRClusterConfigConcernsModes(t *testing.T) {
	first := activated(mode{"d", "rep"})
	for name, tc := range map[string]struct {
		edit func(*v1alpha1.DRClusterConfig)
		want bool
	}{
		"a request": {func(c *v1alpha1.DRClusterConfig) { c.Spec.MaintenanceModes = nil }, true},
		"an answer": {func(c *v1alpha1.DRClusterConfig) { c.Status.MaintenanceModes[0].State = "Error" }, true},
		"a class": {func(c *v1alpha1.DRClusterConfig) {
			c.Status.Classes = []v1alpha1.ClassFact{replication("d", "rep", "")}
		}, true},
		"having no class": {func(c *v1alpha1.DRClusterConfig) {
			c.Status.Conditions = []metav1.Condition{{Type: "Processed", Status: "True"}}
		}, true},
		"not a store":    {func(c *v1alpha1.DRClusterConfig) { c.Status.Profiles = []v1alpha1.ProfileFact{{Name: "s3"}} }, false},
		"not a schedule": {func(c *v1alpha1.DRClusterConfig) { c.Spec.ReplicationSchedules = []string{"1h"} }, false},
		"not another status": {func(c *v1alpha1.DRClusterConfig) {
			c.Status.Conditions = []metav1.Condition{{Type: "Reachable", Status: "True"}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			second := first.DeepCopy()
			tc.edit(second)
			assert.Equal(t, tc.want, modes.Changed(first, second))
		})
	}
}
