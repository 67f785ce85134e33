// SPDX-License-Identifier: Apache-2.0

package recipe_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

const database = `
appType: database
volumes: {name: data, type: volume, labelSelector: {matchLabels: {app: db}}}
groups:
- {name: config, type: resource, includedResourceTypes: [configmaps, secrets], includedNamespaces: ["${NAMESPACES}"]}
- {name: rest, type: resource, excludedResourceTypes: [configmaps], labelSelector: {matchLabels: {app: $APP}}, essential: false}
- {name: again, type: resource, backupRef: rest, restoreOverwriteResources: true, restoreStatus: {includedResources: [widgets]}}
hooks:
- name: db
  namespace: shop
  type: exec
  labelSelector: {matchLabels: {app: db}}
  timeout: 60
  ops:
  - {name: quiesce, command: sh -c "echo $HOME; quiesce '$APP'" $LEVELS, inverseOp: unquiesce, timeout: 7}
  - {name: unquiesce, container: db, command: '["unquiesce","$APP"]', onError: continue}
- {name: web, namespace: shop, type: scale, selectResource: deployment, nameSelector: web}
- name: ready
  namespace: shop
  type: check
  selectResource: pod
  nameSelector: "db-[0-9]+"
  skipHookIfNotPresent: true
  essential: false
  chks: [{name: running, condition: "{$.status.phase} == {$APP}"}]
- {name: load, namespace: shop, type: job, jobs: [{name: loader, inverseOp: db/unquiesce, forceCreate: true}]}
jobs:
- loader: |
    apiVersion: batch/v1
    kind: Job
    spec: {template: {spec: {containers: [{name: a, image: b, args: ["$APP", "$LEVELS", "$(HOSTNAME)", "$PATH"]}]}}}
workflows:
- name: backup
  sequence: [{hook: db/quiesce}, {group: data}, {group: config}, {group: rest}, {group: rest}, {hook: db/unquiesce}]
- name: restore
  failOn: essential-error
  sequence: [{group: config}, {group: again}, {hook: load/loader}, {hook: web/up}, {hook: ready/running}]
`

func application() recipe.Application {
	return recipe.Application{
		Namespaces: []string{"shop", "shop-db"},
		Parameters: map[string][]string{"NAMESPACES": {"shop", "shop-db"}, "APP": {"db"}, "LEVELS": {"-v", "-v 2"}},
	}
}

func parse(t *testing.T, text string) *v1alpha1.RecipeSpec {
	t.Helper()
	spec := &v1alpha1.RecipeSpec{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), spec))
	return spec
}

func resolve(t *testing.T, text string, app recipe.Application) recipe.Resolved {
	t.Helper()
	out, problems := recipe.Resolve(parse(t, text), app)
	require.Empty(t, problems)
	return out
}

func TestARecipeBecomesTheStepsOfACaptureAndOfARestore(t *testing.T) {
	out := resolve(t, database, application())

	require.NotNil(t, out.Volumes)
	assert.Equal(t, []string{"shop", "shop-db"}, out.Volumes.Namespaces, "without namespaces it is about those of the application")

	assert.Equal(t, v1alpha1.FailOnAny, out.Backup.FailOn)
	require.Len(t, out.Backup.Steps, 4, "volumes are no step, and a group is captured once")
	quiesce := out.Backup.Steps[0].Hook
	require.NotNil(t, quiesce)
	assert.Equal(t, []string{"sh", "-c", "echo $HOME; quiesce 'db'", "-v", "-v 2"}, quiesce.Command)
	assert.Equal(t, 7*time.Second, quiesce.Timeout)
	assert.Equal(t, "db/unquiesce", quiesce.Inverse)
	require.Contains(t, out.Backup.Inverses, "db/unquiesce")
	assert.Equal(t, []string{"unquiesce", "db"}, out.Backup.Inverses["db/unquiesce"].Command)
	assert.False(t, quiesce.Continue)
	assert.True(t, quiesce.Essential, "not set is essential, as documented")
	config, rest := out.Backup.Steps[1].Group, out.Backup.Steps[2].Group
	assert.Equal(t, "config", config.Name)
	assert.Equal(t, []string{"shop", "shop-db"}, config.Namespaces)
	assert.Equal(t, []string{"configmaps", "secrets"}, config.Included)
	assert.True(t, config.Essential)
	assert.Equal(t, map[string]string{"app": "db"}, rest.Selector.MatchLabels)
	assert.False(t, rest.Essential)
	unquiesce := out.Backup.Steps[3].Hook
	assert.Equal(t, []string{"unquiesce", "db"}, unquiesce.Command)
	assert.Equal(t, "db", unquiesce.Container)
	assert.True(t, unquiesce.Continue)
	assert.Equal(t, time.Minute, unquiesce.Timeout, "the hook's")

	assert.Equal(t, v1alpha1.FailOnEssential, out.Restore.FailOn)
	require.Len(t, out.Restore.Steps, 5)
	again := out.Restore.Steps[1].Group
	assert.Equal(t, "rest", again.Of)
	assert.True(t, again.Overwrite)
	assert.Equal(t, []string{"widgets"}, again.Status.IncludedResources)
	loader := out.Restore.Steps[2].Hook
	assert.Equal(t, "db/unquiesce", loader.Inverse)
	assert.True(t, loader.Replace)
	assert.JSONEq(t, `{"apiVersion":"batch/v1","kind":"Job","spec":{"template":{"spec":{"containers":[
		{"name":"a","image":"b","args":["db","-v","-v 2","$(HOSTNAME)","$PATH"]}]}}}}`, loader.Manifest)
	assert.Equal(t, "up", out.Restore.Steps[3].Hook.Op)
	ready := out.Restore.Steps[4].Hook
	assert.Equal(t, "{$.status.phase} == {db}", ready.Condition)
	assert.Equal(t, 300*time.Second, ready.Timeout)
	assert.True(t, ready.SkipAbsent)
	assert.False(t, ready.Essential)
	assert.True(t, ready.Matches("db-12"))
	assert.False(t, ready.Matches("web"))
}

// A resolved Recipe is stored with what was captured, and resolved again on the other cluster, where the parameters may be
// others.
func TestAnExpandedRecipeResolvesToTheSameWithoutParameters(t *testing.T) {
	first := resolve(t, database, application())
	app := application()
	app.Parameters = nil
	again, problems := recipe.Resolve(first.Spec, app)
	require.Empty(t, problems)
	assert.Equal(t, first.Backup, again.Backup)
	assert.Equal(t, first.Restore, again.Restore)
}

func TestWithoutARecipeAllOfTheApplicationIsCapturedAndRestored(t *testing.T) {
	app := recipe.Application{Namespaces: []string{"shop"}, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}}
	for name, out := range map[string]recipe.Resolved{
		"no Recipe":               recipe.Default(app),
		"a Recipe without a word": resolve(t, "appType: none", app),
	} {
		for _, w := range []recipe.Workflow{out.Backup, out.Restore} {
			assert.Equal(t, v1alpha1.FailOnAny, w.FailOn, name)
			require.Len(t, w.Steps, 1, name)
			assert.Equal(t, &recipe.Group{Namespaces: []string{"shop"}, Selector: app.Selector, Essential: true}, w.Steps[0].Group, name)
		}
	}
}

func TestAParameterStaysAValue(t *testing.T) {
	app := application()
	app.Parameters["APP"] = []string{`x"; rm -rf / #', "y": "z`}
	app.Parameters["LEVELS"] = nil
	spec := parse(t, database)
	spec.Hooks[2].Chks[0].Condition = "{$.status.phase} == {Running}"
	spec.Groups[1].LabelSelector = nil
	out, problems := recipe.Resolve(spec, app)
	require.Empty(t, problems)
	assert.Equal(t, []string{"sh", "-c", `echo $HOME; quiesce 'x"; rm -rf / #', "y": "z'`}, out.Backup.Steps[0].Hook.Command, "and no value is no word")
	assert.Equal(t, []string{"unquiesce", `x"; rm -rf / #', "y": "z`}, out.Backup.Steps[3].Hook.Command)
	job := struct {
		Spec struct {
			Template struct {
				Spec struct{ Containers []struct{ Args []string } }
			}
		}
	}{}
	require.NoError(t, yaml.Unmarshal([]byte(out.Restore.Steps[2].Hook.Manifest), &job))
	assert.Equal(t, []string{`x"; rm -rf / #', "y": "z`, "$(HOSTNAME)", "$PATH"}, job.Spec.Template.Spec.Containers[0].Args)
}

func TestCapturesAreStoppedByAParameter(t *testing.T) {
	for value, stopped := range map[string]bool{"true": true, "TRUE": true, "false": false, "": false} {
		app := recipe.Application{Parameters: map[string][]string{recipe.ParameterStop: {value}}}
		assert.Equal(t, stopped, resolve(t, "appType: a", app).Stopped, value)
		assert.Equal(t, stopped, recipe.Default(app).Stopped, value)
	}
}

func TestWhatHasNoEffectIsToldAndStopsNothing(t *testing.T) {
	app := application()
	app.Parameters["TYPO"] = []string{"a"}
	out := resolve(t, database+`
- {name: other, sequence: []}
`, app)
	var paths []string
	for _, n := range out.Notes {
		paths = append(paths, n.Path)
		assert.NotEmpty(t, n.Remedy)
	}
	assert.Equal(t, []string{"spec.workflows[backup].sequence", "recipeParameters.TYPO"}, paths)

	lasting := resolve(t, `
appType: a
groups: [{name: g, type: resource}]
hooks: [{name: h, namespace: shop, type: exec, nameSelector: a, ops: [{name: stop, command: a, inverseOp: go}, {name: go, command: a}]}]
workflows: [{name: backup, sequence: [{hook: h/stop}, {group: g}]}, {name: restore, sequence: [{group: g}, {hook: h/stop}]}]
`, recipe.Application{Namespaces: []string{"shop"}})
	require.Len(t, lasting.Notes, 1, "a restore may leave what it did")
	assert.Contains(t, lasting.Notes[0].String(), "h/stop is not undone when the capture succeeds")

	dead := resolve(t, `
appType: a
groups: [{name: g, type: resource, parent: p, nameSelector: n, selectResource: pod, excludedNamespaces: [x], includedNamespacesByLabel: {}}]
`, recipe.Application{Namespaces: []string{"shop"}})
	assert.Len(t, dead.Notes, 5)
}
