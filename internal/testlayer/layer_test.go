// SPDX-License-Identifier: Apache-2.0

package testlayer

import (
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
