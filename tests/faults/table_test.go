// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/tests/lab/actors"
)

// within is how far from the moment when the operations are asked for a fault strikes, at most.
const within = 2 * time.Second

// TestEachFaultDuringEachOperation strikes with each fault while applications are deployed, failed over, relocated and
// let go: on the side that they run on or on the one that they go to, or, with RAMEN_FAULT_SIDES, on one after the other.
func TestEachFaultDuringEachOperation(t *testing.T) {
	l := shared.Lab(t)
	_, seed := drawn(t)
	random := rand.New(rand.NewPCG(seed, 0))
	var c *company
	for i, f := range all() {
		sides := []string{"home", "away"}
		if f.awayOnly {
			sides = sides[1:]
		} else if first := random.IntN(2); os.Getenv(envSides) == "" {
			sides = sides[first : first+1]
		}
		for _, at := range sides {
			if c == nil {
				c = assemble(t, l, fmt.Sprintf("fault-%d%s", i, at[:1]))
			}
			t.Run(f.name+" "+at, func(t *testing.T) {
				c.in(t)
				c.bear(f, at, time.Duration(random.Int64N(int64(within))))
			})
			if c.t.Failed() {
				c = nil // those that something went wrong with are no measure for what comes next
			}
		}
	}
}

// bear lets a fault strike while the operations are under way, and requires that all becomes as asked.
func (c *company) bear(f fault, at string, moment time.Duration) {
	t, since := c.t, time.Now()
	side := map[string]string{"home": c.home, "away": c.away}[at]
	if !f.goesBack {
		watchOver(t, c.l, c.relocated)
	}
	if f.prepare != nil {
		f.prepare(c, side)
	}
	var repair func()
	if f.first {
		repair = f.strike(c, side)
	}
	c.ask()
	if !f.first {
		pause(t, moment)
		repair = f.strike(c, side)
	}
	struck := time.Now()
	if f.told != nil {
		require.EventuallyWithT(t, func(collect *assert.CollectT) { assert.NoError(collect, f.told(c, side)) }, actors.Patience, actors.Tick, "it is told")
	}
	told := time.Since(struck)
	pause(t, f.lasts-told)
	repair()
	repaired := time.Now()
	letGo := c.deleted.App.Namespace
	c.done()
	fmt.Printf("%s, %s: told after %s, settled %s after its end\n", f.name, at, told.Round(100*time.Millisecond), time.Since(repaired).Round(100*time.Millisecond))
	if !f.deletes {
		requireNoForeignDeletions(t, c.l, since, func(namespace string) bool {
			return namespace == letGo || !strings.HasPrefix(namespace, c.name)
		})
	}
}

// pause lets time pass.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func errNotTold(c *metav1.Condition) error { return fmt.Errorf("nobody is told: %+v", c) }
