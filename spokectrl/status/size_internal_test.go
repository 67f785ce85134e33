// SPDX-License-Identifier: Apache-2.0

package status

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/spokectrl/provider"
)

func TestAMessageFitsIntoACondition(t *testing.T) {
	long := condition("DataReady", no("Error", strings.Repeat("é", 100_000)))
	assert.LessOrEqual(t, len(long.Message), 8192)
	assert.Equal(t, "short", condition("DataReady", no("Error", "short")).Message)
}

func volumesOf(n int, copied bool, message string) []v1alpha1.ProtectedPVC {
	var out []v1alpha1.ProtectedPVC
	for i := range n {
		p := v1alpha1.ProtectedPVC{
			Namespace: "shop", Name: fmt.Sprintf("data-%04d-%s", i, strings.Repeat("n", 60)), ProtectedByVolSync: copied,
			Labels: map[string]string{"app": strings.Repeat("l", 60), "tier": "db"},
		}
		for _, kind := range []string{"DataReady", "DataProtected", "ClusterDataProtected"} {
			p.Conditions = append(p.Conditions, condition(kind, no(provider.ReasonError, message)))
		}
		out = append(out, p)
	}
	return out
}

func sizeOf(t *testing.T, pvcs []v1alpha1.ProtectedPVC) int {
	t.Helper()
	text, err := json.Marshal(pvcs)
	require.NoError(t, err)
	return len(text)
}

// TestManyVolumesFitIntoAStatus : etcd takes 1.5 MB, and the hub's copy is as large.
func TestManyVolumesFitIntoAStatus(t *testing.T) {
	long := strings.Repeat("e", 20_000)
	for name, tc := range map[string]struct {
		volumes []v1alpha1.ProtectedPVC
		listed  int
	}{
		"few with long errors":        {volumesOf(5, false, long), 5},
		"500 with long errors":        {volumesOf(500, false, long), 500},
		"500 copies with long errors": {volumesOf(500, true, long), 500},
		"1,500 that are all well":     {volumesOf(1500, false, "ready"), exchange.MaxVolumes},
		"1,500 copies that are not":   {volumesOf(1500, true, long), exchange.MaxVolumes},
	} {
		t.Run(name, func(t *testing.T) {
			got := fitting(tc.volumes)
			assert.Len(t, got, tc.listed)
			assert.LessOrEqual(t, sizeOf(t, got), 1_100_000)
			for i, p := range got {
				assert.Equal(t, tc.volumes[i].Name, p.Name)
				require.Len(t, p.Conditions, 3)
				assert.Equal(t, metav1.ConditionFalse, p.Conditions[0].Status)
				if p.ProtectedByVolSync {
					assert.Len(t, p.Labels, 2, "the peer's claim gets them")
				}
			}
		})
	}
	few := volumesOf(3, false, "a message")
	assert.Equal(t, few, fitting(few))

	mixed := append(volumesOf(1200, false, "x"), volumesOf(10, true, "x")...)
	var copies int
	for _, p := range fitting(mixed) {
		if p.ProtectedByVolSync {
			copies++
		}
	}
	assert.Equal(t, 10, copies, "what the peer is told by the list comes first")
}
