// SPDX-License-Identifier: Apache-2.0

package volsync_test

import (
	"testing"

	volsyncv1 "github.com/backube/volsync/api/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// movers are all that a user can ask of the movers of claim data.
func movers() []v1alpha1.MoverConfig {
	return []v1alpha1.MoverConfig{{
		PVCNamespace: "app", PVCName: "data", MoverServiceAccount: new("mover"),
		MoverSecurityContext: &corev1.PodSecurityContext{RunAsUser: new(int64(7)), FSGroup: new(int64(8))},
	}}
}

// TestWhatTheUserTakesBackIsTakenBack from both ends, whole or in part.
func TestWhatTheUserTakesBackIsTakenBack(t *testing.T) {
	t.Run("of a destination", func(t *testing.T) {
		s := receiving(t)
		follow := func(why string) *volsyncv1.ReplicationDestinationRsyncTLSSpec {
			t.Helper()
			require.False(t, s.only().Exact, why)
			s.receive()
			require.True(t, s.only().Exact, why)
			return s.destination().Spec.RsyncTLS
		}
		s.g.VolSync.MoverConfig, s.g.Copies.ServiceAnnotations = movers(), map[string]string{"a": "b", "c": "d"}
		is := follow("asked for")
		require.Equal(t, "mover", *is.MoverServiceAccount)
		s.g.VolSync.MoverConfig[0].MoverServiceAccount = nil
		s.g.VolSync.MoverConfig[0].MoverSecurityContext.FSGroup = nil
		s.g.Copies.ServiceAnnotations = map[string]string{"a": "b"}
		is = follow("taken back in part")
		assert.Nil(t, is.MoverServiceAccount)
		assert.Equal(t, &corev1.PodSecurityContext{RunAsUser: new(int64(7))}, is.MoverSecurityContext)
		assert.Equal(t, map[string]string{"a": "b"}, *is.ServiceAnnotations)
		s.g.VolSync.MoverConfig, s.g.Copies.ServiceAnnotations = nil, nil
		is = follow("taken back")
		assert.Nil(t, is.MoverSecurityContext)
		assert.Nil(t, is.ServiceAnnotations)
	})
	t.Run("of a source", func(t *testing.T) {
		ctx, c, v := t.Context(), cluster(t, snapshotClass("snap")), volume()
		follow := func(why string) *volsyncv1.ReplicationSourceRsyncTLSSpec {
			t.Helper()
			require.False(t, observe(t, c, v).Exact, why)
			tell(ctx, t, c, v, plan.Primary)
			require.True(t, observe(t, c, v).Exact, why)
			return source(ctx, t, c).Spec.RsyncTLS
		}
		v.Group.VolSync.MoverConfig = movers()
		require.Equal(t, "mover", *follow("asked for").MoverServiceAccount)
		v.Group.VolSync.MoverConfig[0].MoverServiceAccount = nil
		assert.Nil(t, follow("taken back in part").MoverServiceAccount)
		v.Group.VolSync.MoverConfig = nil
		assert.Nil(t, follow("taken back").MoverSecurityContext)
	})
}

// TestWhatOthersAddToACopyIsNoDifference : it is not ours to take back, and would be written about for ever.
func TestWhatOthersAddToACopyIsNoDifference(t *testing.T) {
	s := receiving(t)
	rd := s.destination()
	rd.Spec.RsyncTLS.MoverResources = &corev1.ResourceRequirements{}
	rd.Spec.RsyncTLS.MoverServiceAccount = new("theirs")
	rd.Labels["theirs"] = "1"
	require.NoError(t, s.c.Update(t.Context(), rd))
	assert.True(t, s.only().Exact)
	delete(rd.Annotations, "volumereplicationgroups.ramendr.openshift.io/protected-pvc")
	require.NoError(t, s.c.Update(t.Context(), rd))
	assert.False(t, s.only().Exact, "but what they take away is one")
}
