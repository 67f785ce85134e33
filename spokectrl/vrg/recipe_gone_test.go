// SPDX-License-Identifier: Apache-2.0

package vrg_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// TestARecipeIsDeletedWhileItProtects : volumes are stored, the last capture stays, and the group can be deleted with all that it
// stored.
func TestARecipeIsDeletedWhileItProtects(t *testing.T) {
	s := newStores()
	dr1, dr2 := capturing(t, s)
	with := signers(dr1, dr2)
	r := &v1alpha1.Recipe{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "shop"}, Spec: v1alpha1.RecipeSpec{
		AppType: "shop", Groups: []v1alpha1.RecipeGroup{{Name: "all", Type: v1alpha1.RecipeGroupResource}},
		Workflows: []v1alpha1.RecipeWorkflow{
			{Name: "backup", Sequence: []map[string]string{{"group": "all"}}}, {Name: "restore", Sequence: []map[string]string{{"group": "all"}}},
		},
	}}
	require.NoError(t, dr1.client.Create(t.Context(), r))
	e := dr1.holds("deployment", "service")
	first := dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom
	dr1.wish(v1alpha1.Primary, "1", with, func(g *v1alpha1.VolumeReplicationGroup) {
		g.Spec.KubeObjectProtection = &v1alpha1.KubeObjectProtectionSpec{RecipeRef: &v1alpha1.RecipeRef{Name: "shop"}}
	})
	dr1.clock.Step(5 * time.Minute)
	require.Eventually(t, func() bool {
		_, err := dr1.pass()
		require.NoError(t, err)
		steps := e.Seen().Steps
		return len(steps) > 0 && steps[len(steps)-1] == "capture group/all" &&
			*dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom != *first && len(captured(t, s, "dr1")) == 2
	}, time.Minute, 5*time.Millisecond, "it captures, and lets the one before the last go")
	dr1.until("KubeObjectsReady", "True/Captured")

	require.NoError(t, dr1.client.Delete(t.Context(), r))
	last := dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom
	before := captured(t, s, "dr1")
	dr1.clock.Step(time.Hour)
	dr1.until("KubeObjectsReady", "False/NotSupported")
	dr1.settle()
	assert.Contains(t, dr1.message("KubeObjectsReady"), "there is no Recipe app/shop on this cluster: create it, or correct")
	assert.Equal(t, "True/Uploaded", dr1.says("ClusterDataProtected"))
	assert.Equal(t, "True/Ready", dr1.says("DataReady"))
	assert.Equal(t, last, dr1.group().Status.KubeObjectProtection.CaptureToRecoverFrom)
	assert.Equal(t, before, captured(t, s, "dr1"))

	require.NoError(t, dr1.client.Delete(t.Context(), dr1.group()))
	for range 10 {
		_, err := dr1.pass()
		require.NoError(t, err)
		dr1.neighbors()
	}
	assert.Nil(t, dr1.group())
	assert.Empty(t, s.keys(t, "dr1"))
	assert.Empty(t, s.keys(t, "dr2"))
}
