// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// TestI9_AWrongPreferredClusterMovesNothing: applications run on dr1, and the DRPlacementControls that somebody makes for them
// name dr2. The deployment tool is told nothing, nothing is made on dr2, and the writers never stop; when dr1 is named, they
// are protected there with all that they wrote.
func TestI9_AWrongPreferredClusterMovesNothing(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	actors := []*actor{enter(t, l, "misnamed"), enter(t, l, "misnamed-copied")}
	actors[1].App.Class = lab.SnapshotStorageClass
	all(t, actors, "run on dr1 and prefer dr2", func(ctx context.Context, a *actor) error {
		if err := a.App.Install(ctx, lab.DR1, t.Logf); err != nil {
			return err
		}
		if err := a.Writes(ctx, lab.DR1); err != nil {
			return err
		}
		return a.App.Protect(ctx, lab.DR2)
	})
	for _, a := range actors {
		pod := a.Pod(lab.DR1)
		w := a.Waits("WorkloadElsewhere", lab.DR1)
		assert.Contains(t, w.Message, "the workload runs on dr1, or volumes of it are there: ")
		assert.Contains(t, w.NextStep, "the workload runs on dr1: set preferredCluster to it")
		require.NoError(t, a.Writes(t.Context(), lab.DR1))
		drpc := a.DRPC()
		assert.Equal(t, v1alpha1.WaitForUser, drpc.Status.Phase)
		assert.Nil(t, drpc.Status.Decisions, "absent, not empty: an empty list takes the workload away")
		assert.Empty(t, primaries(t, a))
		_, err := a.App.Claim(t.Context(), lab.DR2)
		assert.True(t, apierrors.IsNotFound(err), "no claim is made on dr2: %v", err)

		a.Ask(func(s *v1alpha1.DRPlacementControlSpec) { s.PreferredCluster = lab.DR1 })
		a.Settled(v1alpha1.Deployed, lab.DR1)
		require.NoError(t, a.GoesOn(t.Context(), lab.DR1))
		assert.Equal(t, pod, a.Pod(lab.DR1), "it was left alone")
		a.RunsOnlyOn(lab.DR1)
		a.NothingLost()
	}
}
