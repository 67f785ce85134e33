// SPDX-License-Identifier: Apache-2.0

package binaries

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheProgressOfABuild(t *testing.T) {
	two := []program{{name: "large", share: 0.75}, {name: "small", share: 0.25}}
	for name, tc := range map[string]struct {
		progress
		building time.Duration
		want     string
	}{
		"at the beginning the usual time is all that is known": {
			progress{todo: two}, 0, "[1/2] large: building for 0s; 0% of all is done, about 8 minutes left"},
		"half of the first one": {
			progress{todo: two}, 3 * time.Minute, "[1/2] large: building for 3m0s; 38% of all is done, about 5 minutes left"},
		"a first one that takes longer than usual is never called done": {
			progress{todo: two}, time.Hour, "[1/2] large: building for 1h0m0s; 71% of all is done, about 2 minutes left"},
		"the first one tells how fast the machine is": {
			progress{todo: two, now: 1, took: 30 * time.Minute}, 0, "[2/2] small: building for 0s; 75% of all is done, about 10 minutes left"},
		"the end is near": {
			progress{todo: two, now: 1, took: 3 * time.Minute}, 55 * time.Second, "[2/2] small: building for 55s; 98% of all is done, about 10 s left"},
		"fewer programs take less": {
			progress{todo: two[1:]}, time.Minute, "[1/1] small: building for 1m0s; 50% of all is done, about 60 s left"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, tc.progress.building(tc.building)) })
	}
}

func TestTheSharesOfAllProgramsAreTheWholeBuild(t *testing.T) {
	sum := 0.0
	for _, p := range programs() {
		assert.Positive(t, p.share, p.name)
		sum += p.share
	}
	assert.InDelta(t, 1, sum, 0.001)
}
