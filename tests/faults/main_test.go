// SPDX-License-Identifier: Apache-2.0

// Package faults breaks the lab in each way that the exchange has to survive, while applications are deployed, failed
// over, relocated and let go. It promises that once the faults end each operation ends as asked, with all bytes that had
// to be kept, that at no moment two clusters are wished or are Primary for an application that relocates, that the mirror
// deletes nothing but what was wished away, and that no wait is silent meanwhile.
package faults

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// What the environment may choose: how many schedules of faults are drawn, the seed of all that is drawn, the number of the
// first schedule, how many labs play them, and whether each fault strikes on both sides.
const (
	envRuns  = "RAMEN_FAULT_RUNS"
	envSeed  = "RAMEN_FAULT_SEED"
	envFirst = "RAMEN_FAULT_FIRST"
	envLabs  = "RAMEN_FAULT_LABS"
	envSides = "RAMEN_FAULT_SIDES"
)

// runsUnlessTold is how many schedules are drawn if the environment does not say.
func runsUnlessTold() uint64 {
	if testlayer.All() {
		return 5
	}
	return 1
}

// interval is how long the scheduling interval of the policy, a minute, lasts here.
const interval = 2 * time.Second

var shared = labtest.Shared{Options: lab.Options{
	Intervals: map[string]time.Duration{lab.SchedulingInterval: interval},
	Restart:   true, Storage: "rbd", CSIAddons: lab.AddonsQuick,
}}

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// drawn are the runs and the seed.
func drawn(t *testing.T) (runs, seed uint64) {
	t.Helper()
	runs, seed = labtest.Number(t, envRuns, runsUnlessTold()), labtest.Number(t, envSeed, uint64(time.Now().UnixNano()))
	fmt.Printf("to repeat: %s=%d %s=%d\n", envSeed, seed, envRuns, runs)
	return runs, seed
}
