// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestManyLongMessagesSilenceNoStatus : an API server refuses a status with a message over 32768 bytes, and the cluster would
// fall silent just when much is wrong.
func TestManyLongMessagesSilenceNoStatus(t *testing.T) {
	const many = 45
	s := newStores()
	dr1, dr2, dr3 := newCluster(t, "dr1", s), newCluster(t, "dr2", s), newCluster(t, "dr3", s)
	claim := func(i int) string { return fmt.Sprintf("data-%d-%s", i, strings.Repeat("x", 200)) }
	for i := range many {
		dr1.provision(claim(i))
	}
	dr1.wish(v1alpha1.Primary, "1")
	dr1.settle()

	for i := range many { // the deployment tool was faster
		dr2.provision(claim(i), func(pvc *corev1.PersistentVolumeClaim) { pvc.Spec.VolumeName = "other-" + pvc.Name[:12] })
	}
	dr2.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	_, err := dr2.pass()
	require.NoError(t, err)
	assert.Equal(t, "False/ClusterDataConflictPrimary", dr2.says("NoClusterDataConflict"))
	assert.Contains(t, dr2.message("NoClusterDataConflict"), "and 40 more")

	dr3.wish(v1alpha1.Primary, "2", action(v1alpha1.VRGActionFailover))
	dr3.before = func(verb string, _ any) error {
		if verb == "create" {
			return errors.New("exceeded quota: " + strings.Repeat("q", 1000))
		}
		return nil
	}
	_, err = dr3.pass()
	require.Error(t, err)
	assert.Equal(t, "False/Error", dr3.says("ClusterDataReady"))
	assert.Contains(t, dr3.message("ClusterDataReady"), "exceeded quota")
	assert.Contains(t, dr3.message("ClusterDataReady"), "and 40 more")

	dr1.wish(v1alpha1.Secondary, "1")
	for i := range many {
		pvc := dr1.claim(claim(i))
		pvc.Annotations, pvc.Labels, pvc.Finalizers = nil, map[string]string{"app": "x"}, nil
		require.NoError(t, dr1.client.Update(t.Context(), pvc))
		if vr := dr1.replica(claim(i)); vr != nil {
			vr.Finalizers = nil
			require.NoError(t, dr1.client.Update(t.Context(), vr))
			require.NoError(t, dr1.client.Delete(t.Context(), vr))
		}
		pv := dr1.pv("pv-" + claim(i))
		pv.Annotations = nil
		require.NoError(t, dr1.client.Update(t.Context(), pv))
	}
	_, err = dr1.pass()
	require.NoError(t, err)
	assert.Equal(t, "False/ClusterDataConflictSecondary", dr1.says("NoClusterDataConflict"))
	assert.Contains(t, dr1.message("NoClusterDataConflict"), "and 35 more")
}
