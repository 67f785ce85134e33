// SPDX-License-Identifier: Apache-2.0

package condition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/spokectrl/recipe/condition"
)

// A user who writes a Recipe could end the process of all by a text that nests without an end, or by a path whose results multiply.
func TestAConditionIsBounded(t *testing.T) {
	for text, says := range map[string]string{
		strings.Repeat("(", 5000):                       "may have 4096",
		`{$..a[*]..b} == {1}`:                           "more than once",
		`{$.a[?(@..b=="1")]..c} == {1}`:                 "more than once",
		`{$['a','a']['b','b']} == {1}`:                  "has a comma",
		`{$.a[0,0][0,0][0,0]} == {1}`:                   "has a comma",
		`{$.a} == {1} && {$.b[?(@.c=="d,e")].f} == {1}`: "has a comma",
	} {
		_, err := condition.Parse(text)
		assert.ErrorContains(t, err, says, "%.60s", text)
	}
	_, err := condition.Parse(`{$..a[*].b} == {1}`)
	assert.NoError(t, err)
}
