// SPDX-License-Identifier: Apache-2.0

package bounded_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/ramendr/ramen-direct/internal/bounded"
)

func TestATextIsNeverCutInsideACharacter(t *testing.T) {
	text := strings.Repeat("é€😀a", 30)
	for limit := range len(text) + 2 {
		got := bounded.Text(text, limit)
		assert.LessOrEqual(t, len(got), limit)
		assert.True(t, utf8.ValidString(got), "%q", got)
		if limit >= len(text) {
			assert.Equal(t, text, got)
		} else if limit > 10 {
			assert.True(t, strings.HasSuffix(got, " ..."), "%q", got)
			assert.Greater(t, len(got), limit-4, "no more is cut than one character")
		}
	}
	assert.Equal(t, "a\uFFFDb", bounded.Text("a\xffb", 100), "what is no text becomes one")
	assert.Empty(t, bounded.Text("", 0))
}

func TestAListSaysHowManyMoreThereAre(t *testing.T) {
	var names []string
	for i := range 317 {
		names = append(names, fmt.Sprintf("app%d/db", i))
	}
	assert.Equal(t, "app0/db, app1/db, app2/db, app3/db, app4/db, app5/db, app6/db, app7/db, app8/db, app9/db, and 307 more", bounded.List(names, ", "))
	assert.Equal(t, "app0/db, app1/db, app2/db, app3/db, app4/db", bounded.List(names[:5], ", "))
	assert.Equal(t, "app0/db", bounded.List(names[:1], ", "))
	assert.Empty(t, bounded.List(nil, ", "))
	assert.LessOrEqual(t, len(bounded.List([]string{strings.Repeat("x", 100_000), "b"}, ", ")), 700, "a name is bounded too")
	assert.Equal(t, "app0/db", names[0])
}

func TestEntriesAreWholeAndWithinTheLimit(t *testing.T) {
	entries := []string{"app/a: refused", "app/b: refused", "app/c: refused"}
	whole := strings.Join(entries, ", ")
	for limit := range len(whole) + 2 {
		got := bounded.Entries(entries, ", ", limit)
		assert.LessOrEqual(t, len(got), limit)
		switch {
		case limit >= len(whole):
			assert.Equal(t, whole, got)
		case limit >= len("app/a: refused, app/b: refused, and 1 more"):
			assert.Equal(t, "app/a: refused, app/b: refused, and 1 more", got)
		case limit >= len("app/a: refused, and 2 more"):
			assert.Equal(t, "app/a: refused, and 2 more", got)
		case limit >= len("and 3 more"):
			assert.Equal(t, "and 3 more", got)
		}
	}
	assert.Empty(t, bounded.Entries(nil, ", ", 100))
	assert.Less(t, len(bounded.Entries([]string{strings.Repeat("x", 100_000), "b"}, ", ", 32<<10)), 1100, "an entry is bounded too")
}
