// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// TestWishesDeletedByHandAreMadeAnew deletes the wishes of an application that runs: each alone, and both at once. Nobody
// helps, and the application is protected again where it runs: it relocates without a loss.
func TestWishesDeletedByHandAreMadeAnew(t *testing.T) {
	for name, deleted := range map[string][]string{
		"the Primary's":   {lab.DR1},
		"the Secondary's": {lab.DR2},
		"both":            {lab.DR1, lab.DR2},
	} {
		t.Run(name, func(t *testing.T) {
			c := &company{t: t, stay: t, l: shared.Lab(t), name: "by-hand", dir: t.TempDir(), home: lab.DR1, away: lab.DR2}
			a := c.enter(map[int]string{1: deleted[0], 2: "both"}[len(deleted)])
			watchOver(t, c.l, a)
			require.NoError(t, a.Protect(t.Context(), c.home))
			pod := a.Pod(c.home)
			was := map[string]types.UID{}
			for _, cluster := range deleted {
				key := a.WishKey(cluster)
				w := &v1alpha1.VolumeReplicationGroup{}
				w.Namespace, w.Name = key.Namespace, key.Name
				c.deleteByHand(w)
				was[cluster] = w.UID
			}
			for cluster, uid := range was {
				c.insist("the wish for "+cluster+" is re-created", func(ctx context.Context) error {
					w := &v1alpha1.VolumeReplicationGroup{}
					if err := c.l.Cluster(lab.Hub).Client.Get(ctx, a.WishKey(cluster), w); client.IgnoreNotFound(err) != nil {
						return err
					}
					if w.UID == "" || w.UID == uid {
						return errors.New("not yet")
					}
					return nil
				})
			}
			a.Settled(v1alpha1.Deployed, c.home)
			require.Equal(t, pod, a.Pod(c.home), "the workload was left alone")
			require.NoError(t, a.GoesOn(t.Context(), c.home), "its peer holds new copies")
			a.RunsOnlyOn(c.home)
			_, err := a.Relocate(t.Context(), c.away)
			require.NoError(t, err)
			a.NothingLost()
		})
	}
}
