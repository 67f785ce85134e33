// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/cli"
)

// assertSaysWhatIsWrong: an error names the word, the flag or the field that is wrong, and what to do.
func assertSaysWhatIsWrong(t *testing.T, w *world) {
	there := filepath.Join(t.TempDir(), "there.tar.gz")
	require.NoError(t, os.WriteFile(there, nil, 0o600))
	for asked, row := range map[string]struct {
		code int
		says []string
	}{
		"nonsense":                                  {1, []string{`unknown command "nonsense"`, "kubectl ramen-direct --help"}},
		"stauts":                                    {1, []string{`unknown command "stauts"`, "did you mean status?"}},
		"status -q":                                 {1, []string{"-q", "kubectl ramen-direct status --help"}},
		"status -o xml":                             {1, []string{"-o xml", "json, yaml, wide, name"}},
		"status -l =;":                              {1, []string{"--selector"}},
		"status none":                               {1, []string{"DRPlacementControl none in namespace shop", "kubectl ramen-direct status -A"}},
		"status orders none":                        {1, []string{"DRPlacementControl none in namespace shop", "kubectl ramen-direct status -A"}},
		"status --namespace nowhere":                {0, nil},
		"why":                                       {1, []string{"NAME is missing", "kubectl ramen-direct why NAME"}},
		"why orders ledger":                         {1, []string{"one NAME", "not 2", "kubectl ramen-direct why NAME"}},
		"why none":                                  {1, []string{"DRPlacementControl none in namespace shop", "kubectl ramen-direct status -A"}},
		"history":                                   {1, []string{"NAME is missing"}},
		"plan":                                      {1, []string{"failover, relocate or clear", "kubectl ramen-direct plan"}},
		"plan dance orders":                         {1, []string{`"dance"`, "failover, relocate or clear"}},
		"plan failover":                             {1, []string{"NAME is missing", "--from"}},
		"plan failover orders extra":                {1, []string{"one NAME"}},
		"plan failover --from dr9":                  {1, []string{"the hub has no DRCluster dr9", "dr1, dr2", "--from"}},
		"plan relocate --from dr1":                  {1, []string{"--from", "relocate"}},
		"plan relocate orders --to dr9":             {1, []string{"dr9", "dr1 and dr2", "--to"}},
		"failover":                                  {1, []string{"NAME is missing", "--from"}},
		"failover orders --from dr1":                {1, []string{"a name and --from exclude each other"}},
		"failover --from dr9 --yes":                 {1, []string{"the hub has no DRCluster dr9", "dr1, dr2", "--from"}},
		"failover orders --max-loss=-5m":            {1, []string{"--max-loss", "-5m", "15m"}},
		"failover orders --max-loss=5":              {1, []string{"--max-loss", "missing unit"}},
		"failover orders --timeout=-1s":             {1, []string{"--timeout", "-1s"}},
		"failover orders --dry-run=x":               {1, []string{"--dry-run=x", "none, client, server"}},
		"relocate none --yes":                       {1, []string{"DRPlacementControl none in namespace shop", "kubectl ramen-direct status -A"}},
		"protect a":                                 {1, []string{"--policy", "5m"}},
		"protect a --policy 5m":                     {1, []string{"--cluster", "dr1 and dr2"}},
		"protect a --policy 5m --cluster dr1":       {1, []string{"-l", "--all-pvcs"}},
		"protect a --policy 5m --cluster dr1 -l =;": {1, []string{"--selector"}},
		"protect a -n nowhere --policy 5m --cluster dr1 --all-pvcs":             {1, []string{"namespace nowhere", "kubectl create namespace nowhere"}},
		"protect a --policy 5m --cluster dr1 --all-pvcs --cluster-context nope": {1, []string{"--cluster-context nope", "has dead, hub"}},
		"promote a":                          {1, []string{"--on-cluster", "has dead, hub"}},
		"promote a --on-cluster nope":        {1, []string{"--on-cluster nope", "has dead, hub"}},
		"promote none --on-cluster hub":      {1, []string{"VolumeReplicationGroup none in namespace shop", "kubectl --context hub get vrg -A"}},
		"connect":                            {1, []string{"CLUSTER is missing"}},
		"connect dr1 --cluster-context nope": {1, []string{"--cluster-context nope", "has dead, hub"}},
		"gather --file " + there:             {1, []string{"--file", "exists"}},
		"gather --cluster-context dr1=nope":  {1, []string{"--cluster-context nope", "has dead, hub"}},
	} {
		got := w.run(strings.Fields(asked)...)
		assert.Equal(t, row.code, got.code, "%s: %s", asked, got.err)
		for _, s := range row.says {
			assert.Contains(t, oneLine(got.err), s, asked)
		}
	}
	got := w.run("status", "--context", "nope")
	assert.Equal(t, 1, got.code)
	assert.Contains(t, got.err, "--context nope: the kubeconfig has no context of that name: it has dead, hub")
	got = w.run("status", "--kubeconfig", filepath.Join(t.TempDir(), "none"))
	assert.Equal(t, 1, got.code)
	assert.Contains(t, got.err, "none")
	t.Run("without a kubeconfig", func(t *testing.T) {
		t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
		t.Setenv("KUBERNETES_SERVICE_HOST", "")
		var out strings.Builder
		env := cli.Env{Out: &out, Err: &out, Clock: clock.RealClock{}}
		assert.Equal(t, 1, cli.Run(t.Context(), env, []string{"kubectl-ramen_direct", "status"}))
		assert.Contains(t, out.String(), "no kubeconfig names a hub: name one with --kubeconfig or KUBECONFIG")
	})
	got = w.run("status", "--namespace", "nowhere")
	assert.Contains(t, got.out, "No applications are protected in namespace nowhere.")
	assert.Contains(t, got.out, "kubectl ramen-direct status -A")
	got = w.run("relocate", "orders", "--to", "dr1", "-o", "json", "--dry-run=client")
	assert.Contains(t, got.out, `"kind": "OperationOrder"`, "-o is obeyed")
	got = w.run("plan", "relocate", "orders", "--to", "dr1")
	assert.Equal(t, "Nothing to do: the application is on dr1 already.\n", got.out)
	assert.Equal(t, "Nothing to do: no action is asked for.\n", w.run("plan", "clear", "orders").out)
}

// TestYAMLIsJSON: both formats hold the same, whatever the strings are, and a terminal obeys neither.
func TestYAMLIsJSON(t *testing.T) {
	for _, s := range []string{"a: b\nc: d\n", "true", "1e3", "", " ", "- x", "\u202eesrever\u202c \x1b[2J\u200b", "one\ntwo\x1b", "C:\\n", "#", "\U000e0041", "é", "null", "2026-01-01", "\x7f", "a\u009bb\u0085", "\ufeffbom", "\uffff \ufffe", "\U0001f600\u009b"} {
		envelope := map[string]any{"kind": "Any", "s": s, "list": []any{s, map[string]any{s: s}}, "n": 12345678901234567, "empty": []any{}, "no": nil}
		raw, err := cli.AsYAML(envelope)
		require.NoError(t, err)
		var back map[string]any
		require.NoError(t, yaml.Unmarshal(raw, &back), "%s", raw)
		assert.Equal(t, s, back["s"], "%s", raw)
		assert.Equal(t, []any{s, map[string]any{s: s}}, back["list"], "%s", raw)
		assert.NotContains(t, string(raw), "\u202e")
		assert.NotContains(t, string(raw), "\x1b")
		assert.NotContains(t, string(raw), "\u200b")
		assert.NotContains(t, string(raw), "\U000e0041")
		assert.NotContains(t, string(raw), "\u009b")
	}
	raw, err := cli.AsYAML(map[string]any{"manifest": "a: b\nc: d\n"})
	require.NoError(t, err)
	assert.Equal(t, "manifest: |\n  a: b\n  c: d\n", string(raw), "lines stay lines")
}
