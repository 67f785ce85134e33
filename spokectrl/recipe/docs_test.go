// SPDX-License-Identifier: Apache-2.0

package recipe_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

func TestTheExamplesOfThePageCanBeFollowed(t *testing.T) {
	page, err := os.ReadFile("../../docs/objects.md")
	require.NoError(t, err)
	examples := 0
	for _, block := range strings.Split(string(page), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if !strings.HasPrefix(text, "  hooks:") {
			continue
		}
		examples++
		out := resolve(t, "  appType: a\n  groups: [{name: all, type: resource}]\n"+text, recipe.Application{Namespaces: []string{"shop"}})
		assert.Empty(t, out.Notes, "%d", examples)
		assert.True(t, out.Backup.Hooks())
	}
	assert.Equal(t, 3, examples)
}
