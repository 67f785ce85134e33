// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
	"github.com/ramendr/ramen-direct/tests/lab/journal"
)

// TestAClaimThatComesDuringARelocateMovesWithItsData: while the source prepares to leave, the user adds a part that writes to
// a volume of its own, of storage that replicates; the other one is copied by VolSync. Every record of both is on the target.
func TestAClaimThatComesDuringARelocateMovesWithItsData(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	a := enter(t, l, "meanwhile")
	a.App.Class = lab.SnapshotStorageClass
	require.NoError(t, a.Protect(t.Context(), lab.DR1))
	part := app.New(l, "meanwhile", "meanwhile-more")
	part.PartOf = "meanwhile"
	deploying, leave := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	t.Cleanup(func() {
		leave()
		gone.Wait()
		assert.NoError(t, part.Remove(cleanupContext(t), t.Logf))
	})

	// A deployment tool learns of the new part at the moment when the source is told to prepare.
	wishes, err := hubOf(a).Watch(t.Context(), &v1alpha1.VolumeReplicationGroupList{}, client.InNamespace(exchange.Outbox(lab.DR1)))
	require.NoError(t, err)
	defer wishes.Stop()
	preparing := func(e watch.Event) bool {
		wish, ok := e.Object.(*v1alpha1.VolumeReplicationGroup)
		return ok && client.ObjectKeyFromObject(wish) == a.WishKey(lab.DR1) && wish.Spec.PrepareForFinalSync
	}
	a.Ask(relocateTo(lab.DR2))
	for !preparing(<-wishes.ResultChan()) {
		require.NoError(t, t.Context().Err())
	}
	gone.Go(func() { part.Deploy(deploying, t.Logf) })

	require.NoError(t, a.Ends(t.Context(), v1alpha1.Relocated, lab.DR2))
	require.NotEmpty(t, part.Ran(lab.DR1), "the part had come before the workload was told to leave")
	a.NothingLost()
	last, err := part.Acknowledged(lab.DR1, part.Ran(lab.DR1))
	require.NoError(t, err)
	assert.Positive(t, last.Number, "the part wrote on dr1")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		handle, err := part.Volume(t.Context(), lab.DR2)
		require.NoError(c, err)
		now, err := part.Journal(lab.DR2, handle)
		require.NoError(c, err)
		lost, err := app.LostSince(last, journal.Report{}, now)
		require.NoError(c, err)
		assert.Zero(c, lost.Records, "of what the part had written on dr1: %s", lost)
		assert.Greater(c, now.Last.Number, last.Number, "the part goes on")
	}, patience, tick)
}
