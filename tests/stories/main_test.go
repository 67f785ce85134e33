// SPDX-License-Identifier: Apache-2.0

// Package stories tests the whole system on the lab: three real API servers, real object stores, real bytes, and the
// project's programs as processes with the rights that they have in production. It promises what users see: each story
// ends as the README promises, in status and in counted records, whatever is killed or wrong meanwhile, and at no moment
// does anything wait without saying why.
package stories

import (
	"os"
	"testing"
	"time"

	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// interval is how long the scheduling interval of the policy, a minute, lasts here.
const interval = 2 * time.Second

// How long a test waits, and how often it looks.
const (
	patience = actors.Patience
	tick     = actors.Tick
)

// shared is the lab of all stories, each with applications in namespaces of their own. A link that is cut is cut for all, so
// only those that are calm run beside each other.
var shared = labtest.Shared{Options: lab.Options{
	Intervals: map[string]time.Duration{lab.SchedulingInterval: interval, samplePolicyInterval: interval},
	Restart:   true, Storage: "rbd", CSIAddons: lab.AddonsQuick,
}}

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }
