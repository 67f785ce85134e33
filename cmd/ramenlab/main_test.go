// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/tests/lab"
)

func TestCommandsWithoutALab(t *testing.T) {
	// A cache of its own, so that no lab of the user is seen or ended.
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for name, c := range map[string]struct {
		args   []string
		out    string
		err    error
		errSay string
	}{
		"nothing asked":                  {err: errUsage},
		"help":                           {args: []string{"--help"}, out: "ramenlab up [--dir DIR]"},
		"help of a command":              {args: []string{"up", "--help"}, err: flag.ErrHelp},
		"an unknown command":             {args: []string{"start"}, err: errUsage, errSay: `no command "start"`},
		"an unknown flag":                {args: []string{"up", "--clusters=5"}, err: errUsage},
		"an interval without a duration": {args: []string{"up", "--interval=1m"}, err: errUsage},
		"a word too many":                {args: []string{"down", "now"}, err: errUsage},
		"nothing to end":                 {args: []string{"down"}, out: "no lab runs in"},
		"nothing to clean":               {args: []string{"clean"}},
		"status":                         {args: []string{"status"}, err: lab.ErrNotRunning, errSay: "ramenlab up"},
		"fault":                          {args: []string{"fault", "cut", "dr1"}, err: lab.ErrNotRunning, errSay: "ramenlab up"},
		"an unknown kind of fault":       {args: []string{"fault", "flood", "dr1"}, errSay: "blackhole"},
		"a fault on nothing":             {args: []string{"fault", "cut"}, err: errUsage},
		"kubectl":                        {args: []string{"kubectl", "hub", "get", "ns"}, err: lab.ErrNotRunning, errSay: "ramenlab up"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, progress strings.Builder
			err := dispatch(t.Context(), c.args, &out, &progress)
			if c.err == nil && c.errSay == "" {
				require.NoError(t, err)
			} else {
				require.Error(t, err)
			}
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
			}
			if c.errSay != "" {
				require.ErrorContains(t, err, c.errSay)
			}
			require.Contains(t, out.String(), c.out)
		})
	}
}
