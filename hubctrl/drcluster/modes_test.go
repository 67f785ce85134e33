// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestMaintenanceModesAreLeftAlone: another controller asks for them and shows them.
func TestMaintenanceModesAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	config, dc := &v1alpha1.DRClusterConfig{}, w.dr1()
	require.True(t, w.get(config, "", "dr1"))
	config.Spec.MaintenanceModes = []v1alpha1.MaintenanceModeRequest{{Name: "m", StorageProvisioner: "d", TargetID: "rep", RequestedTime: metav1.NewMicroTime(w.clock.Now())}}
	w.update(config)
	dc.Status.MaintenanceModes = []v1alpha1.ClusterMaintenanceMode{{StorageProvisioner: "d", TargetID: "rep", State: "Unknown"}}
	require.NoError(t, w.client.Status().Update(t.Context(), dc))
	w.store["s3-dr1"] = errors.New("down")
	w.mustReconcile()
	require.True(t, w.get(config, "", "dr1"))
	assert.Len(t, config.Spec.MaintenanceModes, 1)
	assert.Len(t, w.dr1().Status.MaintenanceModes, 1)
}
