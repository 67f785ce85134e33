// SPDX-License-Identifier: Apache-2.0

package condition_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/spokectrl/recipe/condition"
)

const deployment = `
metadata: {labels: {app.kubernetes.io/name: web}}
spec: {replicas: 2, paused: false, version: "1.20", empty: null}
status:
  readyReplicas: 1
  phase: Running
  title: Not Running
  conditions: [{type: Progressing, status: "False"}, {type: Available, status: "True"}]
  containers: [{ready: true}, {ready: false}]
  ports: [80, 443]
`

func TestConditionsAreJudged(t *testing.T) {
	var object map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(deployment), &object))
	for text, want := range map[string]string{
		`{$.spec.replicas} == {$.status.readyReplicas}`:                                       "false",
		`{$.spec.replicas}>={$.status.readyReplicas}`:                                         "true",
		`{$.status.phase} == {Running}`:                                                       "true",
		`{$.status.phase}=={'Running'}`:                                                       "true",
		`{$.status.phase} != {"my-phase"}`:                                                    "true",
		`{$.status.title} == {'Not Running'}`:                                                 "true",
		`{$.status.title} == {'a } in quotes'}`:                                               "false",
		`{$.status.conditions[?(@.type=="Available")].status} == {True}`:                      "true",
		`{$.status.conditions[?(@.type=="Available")].status} == {true}`:                      "true",
		`{$.status.conditions[?(@.type=="Lost")].status} == {True}`:                           "not yet: $.status.conditions[?(@.type==\"Lost\")].status",
		`{$.status.updatedReplicas} == {0}`:                                                   "not yet: $.status.updatedReplicas",
		`{$.status.updatedReplicas} != {0}`:                                                   "not yet: $.status.updatedReplicas",
		`{$.spec.empty} == {0}`:                                                               "not yet: $.spec.empty",
		`{$.status.updatedReplicas} == {0} || {$.spec.replicas} == {2}`:                       "true",
		`{$.status.updatedReplicas} == {0} && {$.spec.replicas} == {9}`:                       "false",
		`{$.spec.version} == {1.2}`:                                                           "true",
		`{$.spec.replicas} > {-1}`:                                                            "true",
		`{$.spec.paused} == {False}`:                                                          "true",
		`{$.spec.paused} == {0}`:                                                              "false and 0 can't be compared",
		`{$.status.phase} < {Stopped}`:                                                        "are no numbers",
		`{$.spec} == {1}`:                                                                     "is a list or an object",
		`{$.status.containers[*].ready} == {true}`:                                            "false",
		`{$.status.ports[*]} > {79}`:                                                          "true",
		`{$.metadata.labels['app.kubernetes.io/name']} == {web}`:                              "true",
		`{$.metadata.labels['app\.kubernetes\.io/name']} == {web}`:                            "true",
		`{$.spec.replicas} == {9} && {$.spec.replicas} == {9} || {$.spec.replicas} == {2}`:    "use parentheses",
		`({$.spec.replicas} == {9} && {$.spec.replicas} == {9}) || {$.spec.replicas} == {2}`:  "true",
		`{$.spec.replicas} == {9} && ({$.spec.replicas} == {9} || {$.spec.replicas} == {2})`:  "false",
		`{$.spec.replicas} == {2} && {$.spec.replicas} == {9} || {$.spec.replicas} == {2}`:    "true",
		`{$.spec.replicas} == {9} || {$.spec.replicas} == {2} && {$.status.phase} == {Ended}`: "false",
	} {
		c, err := condition.Parse(text)
		require.NoError(t, err, text)
		is, missing, err := c.Judge(object)
		if err != nil {
			assert.Equal(t, condition.False, is, text)
			require.ErrorContains(t, err, want, text)
			continue
		}
		got := map[condition.Truth]string{condition.False: "false", condition.Pending: "not yet: " + missing, condition.True: "true"}[is]
		assert.Equal(t, want, got, text)
	}
}

func TestAMistakeIsFoundWhenTheConditionIsRead(t *testing.T) {
	for text, says := range map[string]string{
		``:                                    "in braces is expected",
		`Running`:                             "in braces is expected",
		`{$.status.phase} == Running`:         "in braces is expected",
		`{$.status.phase}`:                    "one of == !=",
		`{$.status.phase} = {Running}`:        "one of == !=",
		`{$.status.phase} == {my-phase}`:      "put it in quotes",
		`{$.status.phase} == {Not Running}`:   "put it in quotes",
		`{$.status.phase} == {Running`:        "not closed",
		`{$.status.phase} == {'Running}`:      "not closed",
		`({$.status.phase} == {Running}`:      "a parenthesis is not closed",
		`{$.status.phase} == {Running})`:      `")" is not expected`,
		`{$.status.phase} == {Running} &&`:    "in braces is expected",
		`!{$.status.phase} == {Running}`:      "in braces is expected",
		`{$.status.phase[} == {Running}`:      "unterminated",
		`{$.status.list[?(@.a==]} == {Ready}`: "unterminated",
	} {
		_, err := condition.Parse(text)
		assert.ErrorContains(t, err, says, text)
	}
}

// Whatever somebody writes, it is refused or judged.
func FuzzParse(f *testing.F) {
	f.Add(`({$.a[*].b} == {1} || {'x'} != {$.c}) && {2} < {3}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := condition.Parse(text)
		if err != nil {
			return
		}
		_, _, _ = c.Judge(map[string]any{"a": []any{map[string]any{"b": int64(1)}}, "c": "x"})
	})
}
