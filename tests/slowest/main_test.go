// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheSlowestArePrintedFirst(t *testing.T) {
	var text strings.Builder
	text.WriteString("go: downloading something\n")
	for i := range 12 {
		fmt.Fprintf(&text, `{"Action":"pass","Package":"github.com/ramendr/ramen-direct/p","Test":"Test%d","Elapsed":%d.5}`+"\n", i, i)
	}
	text.WriteString(`{"Action":"pass","Package":"github.com/ramendr/ramen-direct/p","Test":"Test1/a_part","Elapsed":99}
{"Action":"output","Package":"github.com/ramendr/ramen-direct/p","Test":"Test1","Output":"Elapsed"}
{"Action":"fail","Package":"github.com/ramendr/ramen-direct/q","Elapsed":7.25}
{"Action":"pass","Package":"github.com/ramendr/ramen-direct/p","Elapsed":78}
`)
	file := filepath.Join(t.TempDir(), "tests.json")
	require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
	var out bytes.Buffer
	require.NoError(t, run([]string{file}, &out))
	want := "slowest packages:\n    78.0 s  p\n     7.2 s  q\nslowest tests:\n    11.5 s  p Test11\n    10.5 s  p Test10\n"
	assert.Equal(t, want, out.String()[:len(want)])
	assert.Equal(t, 2+2+10, strings.Count(out.String(), "\n"))
	assert.NotContains(t, out.String(), "a_part")
}

func TestAFileThatIsMissingIsNamed(t *testing.T) {
	require.ErrorContains(t, run([]string{"none.json"}, &bytes.Buffer{}), "none.json")
}
