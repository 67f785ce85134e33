// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/cli"
)

var rewrite = flag.Bool("rewrite", false, "write docs/cli.md from the help of the commands")

// shown are the files with what commands print, by command: tests of package text write and compare them.
var shown = map[string][]string{
	"status":     {"status.txt"},
	"why":        {"why-relocating.txt"},
	"plan":       {"plan.txt", "plan-blocked.txt", "site-plan.txt"},
	"failover":   {"failover.txt", "failover-refused.txt", "site-run.txt"},
	"relocate":   {"relocate.txt"},
	"clear":      {"clear.txt"},
	"validate":   {"validate.txt"},
	"gather":     {"gather.txt"},
	"history":    {"history.txt", "history-wide.txt"},
	"promote":    {"promote.txt", "promote-refused.txt", "promote-all.txt"},
	"protect":    {"protect.txt", "protect-refused.txt", "protect-manifest.txt"},
	"unprotect":  {"unprotect.txt", "unprotect-git.txt"},
	"connect":    {"connect.txt"},
	"disconnect": {"disconnect.txt", "disconnect-refused.txt"},
}

const before = `# kubectl ramen-direct

<!-- Written from the help of the commands, and from what tests see them print: go test ./cli -run TestTheDocs -rewrite -->

A plugin of kubectl for those who manage the disaster recovery of applications: what is protected, what blocks and who can help, and operations that are confirmed before they begin.
It talks to the hub, and to a cluster only if you name its context, by the kubeconfig and rights that kubectl uses, and has no configuration of its own.

Build it with ` + "`make plugin`" + ` and put the two files from ` + "`bin`" + ` on your ` + "`PATH`" + `: ` + "`kubectl-ramen_direct`" + ` is the plugin, ` + "`kubectl_complete-ramen_direct`" + ` lets kubectl complete its words.

It reads DRPlacementControls, DRPolicies, the Leases ` + "`mirror`" + ` in the inboxes and the Lease of the hub's controller in ` + "`ramen-system`" + `.
All commands but ` + "`status`" + ` also read DRClusters and the VolumeReplicationGroups in outboxes and inboxes.
What you may not read is said to be unknown.
` + "`plan`" + ` reads all that the hub reads about the application, and fails if you may not: half of the facts would decide something else.
It does not look at other applications.
Ages are by the clock of the hub's API server.

` + "`failover`" + `, ` + "`relocate`" + ` and ` + "`clear`" + ` write three fields of the DRPlacementControl's spec, on condition that nobody changed it since the command looked at it.
The field manager is ` + "`kubectl-ramen-direct`" + `.
In annotation ` + "`ramendr.openshift.io/request`" + ` they say who you are to the API server and, with ` + "`--reason`" + `, why, for the history that the hub keeps.
Without a terminal they need ` + "`--yes`" + `, which passes no guard: each guard has a flag of its own.
Where Argo CD, Flux or another tool takes the object from Git they print the YAML to commit instead.

` + "`failover --from`" + ` also writes an annotation, in the same request as the action, and keeps its record in the ConfigMap ` + "`site-failover-<cluster>`" + ` in ` + "`ramen-system`" + `, each version on condition that nobody else wrote one since.
Who carries it out needs, for all namespaces, ` + "`get`, `list`, `watch` and `patch`" + ` of DRPlacementControls, and in ` + "`ramen-system`" + ` ` + "`create`" + ` of ConfigMaps and ` + "`get` and `update`" + ` of those records, which a Role can name; no other ConfigMap there.
` + "`failover --from --dry-run=client`" + ` prints all that would be written, for a Git repository.

` + "`protect`" + ` creates a DRPlacementControl and ` + "`unprotect`" + ` deletes it.
Before ` + "`protect`" + ` writes, it asks the API server by a dry run, and reads all DRPlacementControls and what lies in outboxes and inboxes, as far as you may, to know what the hub would decide.
On a cluster whose context you name it reads the PVCs of the application, and the Recipe if one is named.

` + "`promote`" + ` talks to one cluster and no hub: it reads the VolumeReplicationGroup, the Deployment ` + "`mirror`" + ` and the Secrets of mirrors, and writes the VolumeReplicationGroup, on condition that nobody changed it since the command looked at it.
With ` + "`--all`" + ` it lists the VolumeReplicationGroups of all namespaces, or of the one that ` + "`-n`" + ` names.

` + "`connect`" + ` creates the DRCluster, and reads the ServiceAccount ` + "`mirror`" + ` and the Secret ` + "`mirror-credential`" + ` of the inbox, for which it asks for a token.
` + "`disconnect`" + ` deletes the DRCluster, with ` + "`--revoke`" + ` that Secret instead, and has to see all DRPlacementControls, DRPolicies and wishes that may need the cluster.
On a cluster whose context you name they write only the Secret ` + "`mirror-<cluster>`" + ` in ` + "`ramen-system`" + `.
With ` + "`--mode=push`" + ` the ends are exchanged: the ServiceAccount ` + "`mirror`" + ` and the Secret ` + "`mirror-credential`" + ` are those of ` + "`ramen-system`" + ` on the cluster, and the Secret ` + "`mirror-<cluster>`" + ` is written to the hub.
In both modes they read that Secret on the hub, to see which mirror keeps the link.

` + "`validate`" + ` and ` + "`gather`" + ` read more, with the rights that you have, and say what they could not read.
Of Secrets they show fingerprints, never the content.

` + "`-o json`" + ` and ` + "`-o yaml`" + ` print an envelope with a version; the text is made from it, and has nothing that it lacks.
Characters that a terminal obeys are printed as escapes.
Colors are for terminals only, none if ` + "`NO_COLOR`" + ` is set, and a word stands beside each.

| exit code | meaning |
|---|---|
| 0 | asked, and all is well; or done |
| 1 | the command itself failed: no connection, no right, a wrong flag |
| 2 | asked, and something is not well; with ` + "`--strict`" + ` also for a warning |
| 3 | waited too long; the operation continues |
| 4 | refused by a guard, or not confirmed; nothing was changed |
| 130 | interrupted; an operation that was begun continues |
`

const session = `A test runs these commands on [the lab](lab.md), whose policy calls two seconds a minute, and writes down what a terminal of 100 columns shows.
What is printed below the help of a command above is made of invented facts.

Who has read nothing but the help, and does what each command offers, needs four commands for a first failover: ` + "`status`, `status -A`, `why` and `failover`" + `.
`

var command = regexp.MustCompile(`(?m)^  ([a-z]+) `)

func help(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	env := cli.Env{Out: &out, Err: &out, Clock: clock.RealClock{}}
	require.Zero(t, cli.Run(t.Context(), env, append(append([]string{"kubectl-ramen_direct"}, args...), "--help")))
	text, _, _ := strings.Cut(out.String(), "\nGlobal Flags:")
	return text
}

// TestTheDocsSayWhatTheCommandsSay compares docs/cli.md with the help of the commands and with what they print.
func TestTheDocsSayWhatTheCommandsSay(t *testing.T) {
	t.Setenv("HOME", "/home/ada") // defaults of flags name it
	var page strings.Builder
	page.WriteString(before)
	root := help(t)
	_, list, ok := strings.Cut(root, "Available Commands:")
	require.True(t, ok)
	list, _, _ = strings.Cut(list, "\nFlags:")
	for _, m := range command.FindAllStringSubmatch(list, -1) {
		name := m[1]
		if name == "help" || name == "completion" {
			continue
		}
		fmt.Fprintf(&page, "\n## %s\n\n```\n%s\n```\n", name, strings.TrimSpace(help(t, name)))
		assert.Contains(t, shown, name, "show what the command prints")
		for _, file := range shown[name] {
			raw, err := os.ReadFile(filepath.Join("text", "testdata", file))
			require.NoError(t, err)
			fmt.Fprintf(&page, "\n```\n%s```\n", raw)
		}
	}
	recorded, err := os.ReadFile(filepath.Join("testdata", "session.txt"))
	require.NoError(t, err)
	page.WriteString("\n## A session\n\n" + session + "\n```\n" + string(recorded) + "```\n")
	path := filepath.Join("..", "docs", "cli.md")
	if *rewrite {
		require.NoError(t, os.WriteFile(path, []byte(page.String()), 0o600))
	}
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(raw), page.String(), "run go test ./cli -run TestTheDocs -rewrite, and read the difference")
}

// asked is a command of the plugin as documents spell it out.
var asked = regexp.MustCompile(`(?m)^(?:\$ |    )?kubectl ramen-direct ([a-z].*?)(?: #.*| \| .*)?$`)

// TestTheCommandsInDocumentsExist: every command, with its flags, is one that the plugin knows, and the recorded session has all.
func TestTheCommandsInDocumentsExist(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "docs", "*.md"))
	require.NoError(t, err)
	seen := map[string]bool{}
	check := func(file, line string) string {
		words := strings.Fields(strings.NewReplacer("failover|relocate|clear", "failover", "NAME|--from CLUSTER", "NAME", "NAME|--all", "NAME").Replace(line))
		assert.Contains(t, shown, words[0], "%s: %s", file, line)
		var out strings.Builder
		env := cli.Env{Out: &out, Err: &out, Clock: clock.RealClock{}}
		assert.Zero(t, cli.Run(t.Context(), env, append(append([]string{"kubectl-ramen_direct"}, words...), "--help")), "%s: %s: %s", file, line, out.String())
		return words[0]
	}
	n := 0
	for _, file := range append(files, filepath.Join("..", "README.md")) {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range asked.FindAllStringSubmatch(string(raw), -1) {
			n++
			check(file, m[1])
		}
	}
	assert.Greater(t, n, 40)
	recorded, err := os.ReadFile(filepath.Join("testdata", "session.txt"))
	require.NoError(t, err)
	for _, m := range asked.FindAllStringSubmatch(string(recorded), -1) {
		seen[check("session.txt", m[1])] = true
	}
	for name := range shown {
		assert.True(t, seen[name], "the session has %s", name)
	}
}
