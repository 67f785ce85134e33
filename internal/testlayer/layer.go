// SPDX-License-Identifier: Apache-2.0

// Package testlayer says which layer of tests runs: the gate (make test), which holds every rule and every fault once, or all of
// them (make test-all), which adds repetitions, crowds and long schedules.
//
// A test may leave the gate only if a cheaper test in the gate fails for the same kind of mistake; Slow names that test.
package testlayer

import (
	"os"
	"testing"
)

// Variable is the environment variable that asks for all tests when it is 1.
const Variable = "RAMEN_TEST_ALL"

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
