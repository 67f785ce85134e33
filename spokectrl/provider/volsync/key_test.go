// SPDX-License-Identifier: Apache-2.0

package volsync_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/plan"
)

// TestAnotherKeyReachesBothEnds by the name of its Secret: movers that run take no other key for the same name.
func TestAnotherKeyReachesBothEnds(t *testing.T) {
	const name = "g-vs-secret-0123456789"
	s := receiving(t)
	assert.Equal(t, "g-vs-secret", *s.destination().Spec.RsyncTLS.KeySecret, "of a hub that names none")
	s.g.VolSync.KeySecret = name
	require.False(t, s.only().Exact)
	s.receive()
	require.True(t, s.only().Exact)
	assert.Equal(t, name, *s.destination().Spec.RsyncTLS.KeySecret)

	for _, role := range []plan.Role{plan.Primary, plan.Secondary} {
		ctx, c, v := t.Context(), cluster(t, snapshotClass("snap")), volume()
		tell(ctx, t, c, v, role)
		v.Group.Role, v.Group.VolSync.KeySecret = role, name
		require.False(t, observe(t, c, v).Exact)
		tell(ctx, t, c, v, role)
		assert.Equal(t, name, *source(ctx, t, c).Spec.RsyncTLS.KeySecret)
	}
}
