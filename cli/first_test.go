// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

var (
	// begins is what the help says to begin with.
	begins = regexp.MustCompile(`Begin with (\w+):`)
	// offered is a command that is spelled out, on a line of its own or at the end of one.
	offered = regexp.MustCompile(`(?m)kubectl ramen-direct ([a-z]+ .*)$`)
)

// next is the command that an output offers; of several the one that begins with a word.
func next(t *testing.T, output, word string) []string {
	t.Helper()
	for _, m := range offered.FindAllStringSubmatch(output, -1) {
		if strings.HasPrefix(m[1], word) {
			return strings.Fields(m[1])
		}
	}
	require.Fail(t, "no command is offered", output)
	return nil
}

// assertFirstFailover: somebody who has read nothing but the help, and does what each command offers, fails an application over. They
// are in a namespace where nothing is, and a cluster has been lost. It takes them four commands.
func assertFirstFailover(t *testing.T, w *world) {
	d := application("bank", "vault")
	w.clusters()
	w.create(d)
	w.protected(d, homeLost)
	w.groups(d)
	w.heard("dr1", "an-hour-ago")
	commands := 0
	do := func(answer string, args ...string) string {
		t.Helper()
		commands++
		got := w.at(answer, append([]string{"--namespace", "default"}, args...)...)
		t.Logf("$ kubectl ramen-direct %s\n%s%s[%d]", strings.Join(args, " "), got.err, got.out, got.code)
		return got.err + got.out
	}

	first := begins.FindStringSubmatch(w.run("--help").out)
	require.NotNil(t, first, "the help says where to begin")
	said := do("", first[1])
	said = do("", next(t, said, "status")...)
	said = do("", next(t, said, "why")...)
	w.before(http.MethodPatch, func() { go w.carryOut(t, d, v1alpha1.FailedOver, "dr2") })
	said = do("vault\n", next(t, said, "failover")...)
	assert.Contains(t, oneLine(said), "of data is lost", "before they confirm, they know what it costs")
	assert.Contains(t, said, "Done: bank/vault runs on dr2.")
	assert.Equal(t, "Failover dr2 dr1", w.spec(d))
	assert.Equal(t, 4, commands)

	w.heard("dr1", "now")
	require.NoError(t, w.Client.Delete(t.Context(), d))
}
