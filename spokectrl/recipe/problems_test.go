// SPDX-License-Identifier: Apache-2.0

package recipe_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// Each case is a Recipe with one mistake, and where and how it is told.
func TestEveryMistakeIsToldWithItsPlaceAndItsRemedy(t *testing.T) {
	const group = "groups: [{name: g, type: resource}]\n"
	const exec = "hooks: [{name: h, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: a}]}]\n"
	flow := func(sequence string) string {
		return "workflows: [{name: backup, sequence: [" + sequence + "]}, {name: restore, sequence: [{group: g}]}]\n"
	}
	for name, tc := range map[string]struct{ recipe, path, what string }{
		"a namespace of others":                 {"groups: [{name: g, type: resource, includedNamespaces: [kube-system]}]", "spec.groups[g].includedNamespaces", `"kube-system" is not of the application`},
		"claims of others":                      {"volumes: {name: v, type: volume, includedNamespaces: [kube-system]}", "spec.volumes.includedNamespaces", `"kube-system"`},
		"a hook in a foreign namespace":         {"hooks: [{name: h, namespace: kube-system, type: scale, selectResource: deployment, nameSelector: a}]", "spec.hooks[h].namespace", `"kube-system"`},
		"a namespace without a value":           {`groups: [{name: g, type: resource, includedNamespaces: ["${NS}"]}]`, "spec.groups[g].includedNamespaces[0]", "parameter NS has no value"},
		"a selector without a value":            {"groups: [{name: g, type: resource, labelSelector: {matchLabels: {app: $NAME}}}]", "spec.groups[g].labelSelector.matchLabels.app", "parameter NAME has no value"},
		"two values where one has room":         {"groups: [{name: g, type: resource, labelSelector: {matchLabels: {app: $TWO}}}]", "spec.groups[g].labelSelector.matchLabels.app", "2 values"},
		"a bad selector":                        {`groups: [{name: g, type: resource, labelSelector: {matchLabels: {app: "a b"}}}]`, "spec.groups[g].labelSelector", "a b"},
		"a value that changes a check":          {`hooks: [{name: h, namespace: shop, type: check, selectResource: pod, nameSelector: a, chks: [{name: c, condition: "{$.a} == {'$BAD'}"}]}]`, "spec.hooks[h].chks[c].condition", "parameter BAD"},
		"a check without a condition":           {"hooks: [{name: h, namespace: shop, type: check, selectResource: pod, nameSelector: a, chks: [{name: c}]}]", "spec.hooks[h].chks[c].condition", "empty"},
		"a check of a bad condition":            {"hooks: [{name: h, namespace: shop, type: check, selectResource: pod, nameSelector: a, chks: [{name: c, condition: '{$.status.phase} == Running'}]}]", "spec.hooks[h].chks[c].condition", "in braces is expected"},
		"a check of no type":                    {"hooks: [{name: h, namespace: shop, type: check, selectResource: apps/deployments, nameSelector: a, chks: [{name: c, condition: '{$.a} == {1}'}]}]", "spec.hooks[h].selectResource", "is no type"},
		"inverses that are too long":            {group + "hooks: [{name: h, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: a, inverseOp: stop}, {name: stop, command: '" + strings.Repeat("x", 20<<10) + "'}]}]\n" + flow("{hook: h/run}, {group: g}"), "spec.workflows[backup].sequence", "may have 16384"},
		"too many steps":                        {group + exec + flow(strings.Repeat("{hook: h/run}, ", 200)+"{group: g}"), "spec.workflows[backup].sequence", "may have 200"},
		"a check of nothing":                    {"hooks: [{name: h, namespace: shop, type: check, nameSelector: a, chks: [{name: c, condition: x}]}]", "spec.hooks[h].selectResource", "what is checked"},
		"a quote that is not closed":            {`hooks: [{name: h, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: "a 'b"}]}]`, "spec.hooks[h].ops[run].command", "quote is not closed"},
		"a command of blanks":                   {`hooks: [{name: h, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: " "}]}]`, "spec.hooks[h].ops[run].command", "no word"},
		"a hook that selects nothing":           {"hooks: [{name: h, namespace: shop, type: exec, ops: [{name: run, command: a}]}]", "spec.hooks[h]", "selects nothing"},
		"a name that is no expression":          {"hooks: [{name: h, namespace: shop, type: scale, selectResource: deployment, nameSelector: '('}]", "spec.hooks[h].nameSelector", "missing closing )"},
		"scaling Pods":                          {"hooks: [{name: h, namespace: shop, type: scale, selectResource: pod, nameSelector: a}]", "spec.hooks[h].selectResource", "can't be scaled"},
		"a hook without operations":             {"hooks: [{name: h, namespace: shop, type: exec, nameSelector: a}]", "spec.hooks[h]", "no operation"},
		"a negative timeout":                    {"hooks: [{name: h, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: a, timeout: -1}]}]", "spec.hooks[h].ops[run].timeout", "less than none"},
		"a timeout of an operation without end": {"hooks: [{name: h, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: a, timeout: 300000}]}]", "spec.hooks[h].ops[run].timeout", "may have 21600"},
		"a timeout of a hook without end":       {"hooks: [{name: h, namespace: shop, type: scale, selectResource: deployment, nameSelector: a, timeout: 9000000000000}]", "spec.hooks[h].timeout", "may have 21600"},
		"an unknown onError":                    {"hooks: [{name: h, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: a, onError: retry}]}]", "spec.hooks[h].ops[run].onError", `"retry"`},
		"an inverse that does not exist":        {"hooks: [{name: h, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: a, inverseOp: stop}]}]", "spec.hooks[h]", "h/stop"},
		"a job without its manifest":            {"hooks: [{name: h, namespace: shop, type: job, jobs: [{name: j}]}]", "spec.hooks[h].jobs[j]", `no manifest "j"`},
		"a manifest of something else":          {"hooks: [{name: h, namespace: shop, type: job, jobs: [{name: j}]}]\njobs: [{j: 'kind: Pod'}]", "spec.jobs.j", "no Job"},
		"a manifest that is no YAML":            {"jobs: [{j: '{'}]", "spec.jobs[0].j", "no YAML"},
		"an unknown group":                      {group + flow("{group: x}, {group: g}"), "spec.workflows[backup].sequence[0]", `no group "x"`},
		"an unknown hook":                       {group + flow("{group: g}, {hook: x/run}"), "spec.workflows[backup].sequence[1]", `no hook "x"`},
		"an unknown operation":                  {group + exec + flow("{group: g}, {hook: h/stop}"), "spec.workflows[backup].sequence[1]", `no operation "stop"`},
		"a hook without its operation":          {group + exec + flow("{group: g}, {hook: h}"), "spec.workflows[backup].sequence[1]", "does not name a hook and an operation"},
		"a hook with two slashes":               {group + exec + flow("{group: g}, {hook: h/run/x}"), "spec.workflows[backup].sequence[1]", "does not name a hook and an operation"},
		"a step with two keys":                  {group + exec + flow("{group: g, hook: h/run}, {group: g}"), "spec.workflows[backup].sequence[0]", "one key"},
		"a step with an unknown key":            {group + flow("{wait: g}, {group: g}"), "spec.workflows[backup].sequence[0]", "one key"},
		"a workflow without a group":            {group + exec + flow("{hook: h/run}"), "spec.workflows[backup].sequence", "no step is a group"},
		"a restore of no capture":               {"groups: [{name: g, type: resource, backupRef: x}, {name: a, type: resource}]\n" + flow("{group: a}"), "spec.workflows[restore].sequence", "capture of group x"},
		"a capture without a restore":           {group + "workflows: [{name: backup, sequence: [{group: g}]}]", "spec.workflows", "none to restore"},
		"an unknown failOn":                     {group + "workflows: [{name: restore, failOn: never, sequence: [{group: g}]}]", "spec.workflows[restore].failOn", `"never"`},
		"two groups of one name":                {"groups: [{name: v, type: resource}]\nvolumes: {name: v, type: volume}", "spec.volumes.name", `called "v"`},
	} {
		t.Run(name, func(t *testing.T) {
			app := recipe.Application{Namespaces: []string{"shop"}, Parameters: map[string][]string{"TWO": {"a", "b"}, "BAD": {"x'} || {1} == {'1"}}}
			out, problems := recipe.Resolve(parse(t, "appType: a\n"+tc.recipe), app)
			assert.Zero(t, out, "a Recipe is followed as a whole or not at all")
			require.NotEmpty(t, problems)
			found := false
			for _, p := range problems {
				assert.NotEmpty(t, p.Remedy)
				found = found || p.Path == tc.path && strings.Contains(p.What, tc.what)
			}
			assert.True(t, found, "%v", problems)
		})
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, problems := recipe.Resolve(parse(t, `
appType: a
groups: [{name: g, type: resource, includedNamespaces: [one, two]}]
hooks: [{name: h, namespace: three, type: exec}]
`), recipe.Application{Namespaces: []string{"shop"}})
	assert.Len(t, problems, 5)
	assert.Contains(t, problems[0].String(), "spec.groups[g].includedNamespaces: ")
}

// The name of a hook decides nothing about its command.
func TestVariablesOfAShellStay(t *testing.T) {
	out := resolve(t, `
appType: a
groups: [{name: g, type: resource}]
hooks: [{name: namespace-hook, namespace: shop, type: exec, nameSelector: a, ops: [{name: run, command: 'sh -c "echo $HOME ${USER} $1 $$ $(id)"'}]}]
workflows: [{name: backup, sequence: [{group: g}, {hook: namespace-hook/run}]}, {name: restore, sequence: [{group: g}]}]
`, recipe.Application{Namespaces: []string{"shop"}})
	assert.Equal(t, []string{"sh", "-c", "echo $HOME ${USER} $1 $$ $(id)"}, out.Backup.Steps[1].Hook.Command)
}
