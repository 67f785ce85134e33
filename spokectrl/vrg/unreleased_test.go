// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestAClaimThatIsNotReleasedIsPromotedWithTheOthers : where single volumes are never released, a promotion releases none either.
func TestAClaimThatIsNotReleasedIsPromotedWithTheOthers(t *testing.T) {
	for name, demoted := range map[string]bool{"promoted again": false, "a relocate that is taken back": true} {
		t.Run(name, func(t *testing.T) {
			s := newStores()
			c := deployed(t, s)
			config := get(c, &corev1.ConfigMap{}, "ramen-system", "ramen-dr-cluster-operator-config")
			config.Data["ramen_manager_config.yaml"] += "volumeUnprotectionEnabled: false\n"
			require.NoError(t, c.client.Update(t.Context(), config))
			claim := c.claim("data")
			claim.Labels["app"] = "another"
			require.NoError(t, c.client.Update(t.Context(), claim))
			c.settle()
			replica := c.replica("data").UID
			if demoted {
				c.wish(v1alpha1.Secondary, "1", action(v1alpha1.VRGActionRelocate))
				c.settle()
			}
			c.wish(v1alpha1.Primary, "3", action(v1alpha1.VRGActionFailover))
			c.settle()
			assert.Equal(t, v1alpha1.PrimaryState, c.group().Status.State, c.message("DataReady"))
			require.NotNil(t, c.replica("data"))
			assert.Equal(t, replica, c.replica("data").UID)
			assert.Contains(t, c.message("DataReady"), "volumeUnprotectionEnabled is false")
			assert.Len(t, s.keys(t, "dr1"), 4)
		})
	}
}
