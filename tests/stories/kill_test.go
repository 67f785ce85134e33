// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// What the environment may choose: how often the story is told under kills, and the seed of the moments.
const (
	envRuns = "RAMEN_STORY_RUNS"
	envSeed = "RAMEN_STORY_SEED"
)

// runsUnlessTold is how often the story is told if the environment does not say.
func runsUnlessTold() uint64 {
	if testlayer.All() {
		return 2
	}
	return 1
}

// The time between two kills. A controller takes two seconds or so to be back.
const (
	killAfterAtLeast = 300 * time.Millisecond
	killAfterAtMost  = 4 * time.Second
)

// killedSilent takes the place of actors.Silent under kills: a controller that is dead says nothing until it is back.
const killedSilent = 4 * actors.Silent

// victims are all processes of the project's own that hold what they know in memory.
var victims = []string{"hubctrl", "spokectrl-dr1", "spokectrl-dr2", "mirror-dr1", "mirror-dr2"}

// TestKilledControllersChangeNothing tells the demo's story while controllers are killed at random moments. All counts
// are as without.
func TestKilledControllersChangeNothing(t *testing.T) {
	l := shared.Lab(t)
	runs, seed := labtest.Number(t, envRuns, runsUnlessTold()), labtest.Number(t, envSeed, uint64(time.Now().UnixNano()))
	t.Logf("to repeat: %s=%d %s=%d", envSeed, seed, envRuns, runs)
	for run := range runs {
		t.Run(fmt.Sprintf("run %d", run), func(t *testing.T) {
			a, copied := enter(t, l, fmt.Sprintf("killed-%d", run)), enter(t, l, fmt.Sprintf("killed-copied-%d", run))
			copied.App.Class = lab.SnapshotStorageClass
			a.Witness.Limit, copied.Witness.Limit = killedSilent, killedSilent
			stop := kill(t, l, rand.New(rand.NewPCG(seed, run)))
			t.Cleanup(stop)
			tellDemo(t, []*actor{a, copied}, func() {})
			stop()
		})
	}
}

// kill kills controllers until stop is called.
func kill(t *testing.T, l *lab.Lab, random *rand.Rand) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	var gone sync.WaitGroup
	gone.Go(func() {
		for {
			pause := killAfterAtLeast + time.Duration(random.Int64N(int64(killAfterAtMost-killAfterAtLeast)))
			victim := victims[random.IntN(len(victims))]
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			if err := l.Kill(victim); err != nil {
				t.Errorf("kill %s: %v", victim, err)
				return
			}
			t.Logf("%6.1fs killed %s", time.Since(began).Seconds(), victim)
		}
	})
	return func() { cancel(); gone.Wait() }
}
