// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

const (
	// fickleRuns is how often a fickle user comes if the environment does not say.
	fickleRuns = 1
	// changesOfMind is how many wishes follow each other without waiting for the one before.
	changesOfMind = 6
	// thinking is how long a user thinks at most. A relocate takes about two seconds.
	thinking = 3 * time.Second
)

// TestRelocatesMayBeTakenBackAtAnyMoment: a user relocates here and there and clears the action at random moments, while
// controllers are killed. The last wish is carried out, and no record is lost on the way.
func TestRelocatesMayBeTakenBackAtAnyMoment(t *testing.T) {
	fickle(t, "fickle", lab.StorageClass, relocating, func(a *actor) { a.NothingLost() })
}

// TestRelocatesOfCopiedVolumesMayBeTakenBackAtAnyMoment is the same for volumes that VolSync copies.
func TestRelocatesOfCopiedVolumesMayBeTakenBackAtAnyMoment(t *testing.T) {
	fickle(t, "fickle-copied", lab.SnapshotStorageClass, relocating, func(a *actor) { a.NothingLost() })
}

func relocating(random *rand.Rand, s *v1alpha1.DRPlacementControlSpec) {
	s.Action = []v1alpha1.DRAction{"", v1alpha1.ActionRelocate, v1alpha1.ActionRelocate}[random.IntN(3)]
	s.PreferredCluster = lab.Spokes()[random.IntN(2)]
}

// TestAllWishesMayChangeAtAnyMoment: a user fails over as well, which may lose what was not synchronized yet, and nothing
// that came before that.
func TestAllWishesMayChangeAtAnyMoment(t *testing.T) {
	fickle(t, "wild", lab.StorageClass, func(random *rand.Rand, s *v1alpha1.DRPlacementControlSpec) {
		s.Action = []v1alpha1.DRAction{"", v1alpha1.ActionRelocate, v1alpha1.ActionFailover}[random.IntN(3)]
		s.PreferredCluster = lab.Spokes()[random.IntN(2)]
		s.FailoverCluster = lab.Spokes()[random.IntN(2)]
	}, func(*actor) {})
}

func fickle(t *testing.T, name, class string, wish func(*rand.Rand, *v1alpha1.DRPlacementControlSpec), check func(*actor)) {
	t.Helper()
	l := shared.Lab(t)
	runs, seed := labtest.Number(t, envRuns, fickleRuns), labtest.Number(t, envSeed, uint64(time.Now().UnixNano()))
	t.Logf("to repeat: %s=%d %s=%d", envSeed, seed, envRuns, runs)
	for run := range runs {
		t.Run(fmt.Sprintf("run %d", run), func(t *testing.T) {
			a := enter(t, l, fmt.Sprintf("%s-%d", name, run))
			a.App.Class = class
			require.NoError(t, a.Protect(t.Context(), lab.DR1))
			a.Witness.Limit = killedSilent
			random := rand.New(rand.NewPCG(seed, run))
			stop := kill(t, l, rand.New(rand.NewPCG(seed, run)))
			t.Cleanup(stop)
			for range changesOfMind {
				a.Ask(func(s *v1alpha1.DRPlacementControlSpec) {
					wish(random, s)
					t.Logf("wish: action %q, preferred %s, failover %s", s.Action, s.PreferredCluster, s.FailoverCluster)
				})
				think(t, time.Duration(random.Int64N(int64(thinking))))
			}
			target := lab.Spokes()[random.IntN(2)]
			a.Ask(func(s *v1alpha1.DRPlacementControlSpec) {
				s.Action, s.PreferredCluster = v1alpha1.ActionRelocate, target
			})
			a.Settled(v1alpha1.Relocated, target)
			require.NoError(t, a.GoesOn(t.Context(), target))
			check(a)
			_, err := a.Disable(t.Context())
			require.NoError(t, err)
			stop()
		})
	}
}

// think lets time pass in which a user does nothing.
func think(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
