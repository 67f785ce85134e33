// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLinksAreSpreadAndMoveNoMoreThanTheyMust(t *testing.T) {
	three, four := []string{"mirror-1", "mirror-2", "mirror-3"}, []string{"mirror-1", "mirror-2", "mirror-3", "mirror-4"}
	const clusters = 1000
	count, moved := map[string]int{}, 0
	for i := range clusters {
		cluster := fmt.Sprintf("dr%d", i)
		was, is := preferred(cluster, three), preferred(cluster, four)
		count[is]++
		if was != is {
			moved++
			assert.Equal(t, "mirror-4", is, "a link moved to a replica that was there before")
		}
	}
	for _, member := range four {
		assert.InDelta(t, clusters/4, count[member], clusters/10, member)
	}
	assert.InDelta(t, clusters/4, moved, clusters/10)
	assert.Empty(t, preferred("dr1", nil))
}
