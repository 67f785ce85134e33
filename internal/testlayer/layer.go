// SPDX-License-Identifier: Apache-2.0

// Package testlayer says which layer of tests runs: the gate (make test), which holds every rule and every fault once, or all of
// them (make test-all), which adds repetitions, crowds and long schedules.
//
// A test may leave the gate only if a cheaper test in the gate fails for the same kind of mistake; Slow names that test.
package testlayer

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
)

// Variable is the environment variable that asks for all tests when it is 1.
const Variable = "RAMEN_TEST_ALL"

// Seed is the environment variable from which rows are drawn; tests/run.sh sets it by the commit.
const Seed = "RAMEN_STORY_SEED"

// All says whether all tests were asked for, not only the gate.
func All() bool { return os.Getenv(Variable) == "1" }

// Slow skips t unless all tests were asked for. standIn is the test in the gate that fails for the same kind of mistake, as
// "TestName" or, if it is in another package, "folder/of/package TestName".
func Slow(t testing.TB, standIn string) {
	t.Helper()
	if !All() {
		t.Skipf("runs with %s=1 (make test-all); in the gate %s stands for it", Variable, standIn)
	}
}

// Drawn are n of the rows of a table, in their order: which ones is drawn from Seed, so that each commit plays others. It is for
// tables whose rows differ in the situation, not in the rule. If all tests are asked for, it is all rows. standIn is the test in
// the gate that fails for the same kind of mistake in the others, named as for Slow.
func Drawn[Row any](t testing.TB, rows []Row, n int, standIn string) []Row {
	t.Helper()
	if All() || n >= len(rows) {
		return rows
	}
	seed, err := strconv.ParseUint(os.Getenv(Seed), 10, 64)
	if err != nil {
		seed = rand.Uint64() //nolint:gosec // nothing is secret here
	}
	random := rand.New(rand.NewPCG(seed, uint64(len(rows)))) //nolint:gosec // nothing is secret here
	drawn := random.Perm(len(rows))[:n]
	slices.Sort(drawn)
	t.Logf("rows %v of %d are played (%s=%d); in the gate %s stands for the others", drawn, len(rows), Seed, seed, standIn)
	out := make([]Row, 0, n)
	for _, i := range drawn {
		out = append(out, rows[i])
	}
	return out
}
