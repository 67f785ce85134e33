// SPDX-License-Identifier: Apache-2.0

package testlayer

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSlowTestsRunOnlyIfAllAreAskedFor(t *testing.T) {
	for value, ran := range map[string]bool{"": false, "0": false, "1": true} {
		t.Run("value "+value, func(t *testing.T) {
			t.Setenv(Variable, value)
			assert.Equal(t, ran, All())
			reached := false
			t.Run("slow", func(t *testing.T) {
				Slow(t, "TestOther")
				reached = true
			})
			assert.Equal(t, ran, reached)
		})
	}
}

func TestRowsAreDrawnBySeedAndAllAreDrawnInTheEnd(t *testing.T) {
	rows := []string{"a", "b", "c", "d"}
	t.Setenv(Variable, "1")
	assert.Equal(t, rows, Drawn(t, rows, 2, "TestOther"))
	t.Setenv(Variable, "")
	played := map[string]bool{}
	for seed := range 20 {
		t.Setenv(Seed, strconv.Itoa(seed))
		drawn := Drawn(t, rows, 2, "TestOther")
		assert.Len(t, drawn, 2)
		assert.IsIncreasing(t, drawn)
		assert.Equal(t, drawn, Drawn(t, rows, 2, "TestOther"), "the same seed draws the same")
		for _, row := range drawn {
			played[row] = true
		}
	}
	assert.Len(t, played, len(rows))
	assert.Equal(t, rows, Drawn(t, rows, 9, "TestOther"))
}
