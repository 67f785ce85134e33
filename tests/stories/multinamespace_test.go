// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/app"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/journal"
)

// TestAnApplicationOfTwoNamespacesMovesAsOne: both have a claim of the same name, one on storage that replicates, one that
// VolSync copies. One DRPlacementControl moves them, and nothing of either is lost by a relocate.
func TestAnApplicationOfTwoNamespacesMovesAsOne(t *testing.T) {
	l := shared.Lab(t)
	ctx := t.Context()
	spans := []string{"span-front", "span-back"}
	part := func(namespace, class string) *actor {
		a := app.New(l, namespace, "span")
		a.Spans, a.Class = spans, class
		return actors.Bring(t, l, a, interval)
	}
	front, back := part(spans[0], lab.StorageClass), part(spans[1], lab.SnapshotStorageClass)
	require.NoError(t, front.Protect(ctx, lab.DR1))
	require.NoError(t, back.Begin(ctx, lab.DR1))
	group := front.Group(lab.DR1)
	assert.Equal(t, client.ObjectKey{Namespace: lab.OpsNamespace, Name: "span"}, client.ObjectKeyFromObject(group))
	assert.Equal(t, map[string]bool{"span-front/span": false, "span-back/span": true}, protectedBy(group), "what VolSync copies")

	relocate := func(from, to string) {
		t.Helper()
		_, err := front.Relocate(ctx, to)
		require.NoError(t, err)
		require.NoError(t, back.Ends(ctx, v1alpha1.Relocated, to))
		last, err := back.App.Acknowledged(from, back.App.Ran(from))
		require.NoError(t, err)
		now, err := back.App.Journal(to, back.App.Ran(to))
		require.NoError(t, err)
		loss, err := app.LostSince(last, journal.Report{}, now)
		require.NoError(t, err)
		assert.Zero(t, loss.Records, "of what VolSync copied")
	}
	relocate(lab.DR1, lab.DR2)

	copied, err := back.Before(ctx, lab.DR2)
	require.NoError(t, err)
	moved, err := front.FailoverWithout(ctx, lab.DR1, faultproxy.BlackHole)
	require.NoError(t, err)
	t.Logf("failover: %s", moved.Loss)
	_, err = front.Return(ctx, lab.DR2)
	require.NoError(t, err)
	require.NoError(t, back.GoesOn(ctx, lab.DR1))
	require.NoError(t, back.Kept(copied, lab.DR1))
	relocate(lab.DR1, lab.DR2)

	_, err = front.Disable(ctx)
	require.NoError(t, err)
	_, err = back.Disabled(ctx, lab.DR2)
	require.NoError(t, err)
}

// protectedBy says of each claim of a group whether VolSync protects it.
func protectedBy(group *v1alpha1.VolumeReplicationGroup) map[string]bool {
	out := map[string]bool{}
	for _, p := range group.Status.ProtectedPVCs {
		out[p.Namespace+"/"+p.Name] = p.ProtectedByVolSync
	}
	return out
}
