// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/gitops/record"
)

func TestTheContractOfTheGenerator(t *testing.T) {
	with := func(status any) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{}}
		if status != nil {
			o.Object["status"] = status
		}
		return o
	}
	entry := func(cluster, reason string) map[string]any {
		return map[string]any{"clusterName": cluster, "clusterNamespace": cluster, "reason": reason}
	}
	type list = []any
	type object = map[string]any
	for name, tc := range map[string]struct {
		objects []*unstructured.Unstructured
		want    string
	}{
		"no object":                           {nil, "left alone"},
		"no status":                           {[]*unstructured.Unstructured{with(nil)}, "none"},
		"an empty status":                     {[]*unstructured.Unstructured{with(object{})}, "none"},
		"a status without decisions":          {[]*unstructured.Unstructured{with(object{"phase": "Deploying"})}, "left alone"},
		"null in place of decisions":          {[]*unstructured.Unstructured{with(object{"decisions": nil})}, "left alone"},
		"an empty list":                       {[]*unstructured.Unstructured{with(object{"decisions": list{}})}, "none"},
		"it is to run":                        {[]*unstructured.Unstructured{with(object{"decisions": list{entry("dr1", "Run")}})}, "dr1 synced"},
		"a failed side":                       {[]*unstructured.Unstructured{with(object{"decisions": list{entry("dr1", "Retain"), entry("dr2", "Run")}})}, "dr1 kept, dr2 synced"},
		"a cluster that Argo CD doesn't know": {[]*unstructured.Unstructured{with(object{"decisions": list{entry("dr7", "Run")}})}, "none"},
		"one of two objects has no status":    {[]*unstructured.Unstructured{with(object{"decisions": list{entry("dr1", "Run")}}), with(nil)}, "dr1 synced"},
		"a field that is no string":           {[]*unstructured.Unstructured{with(object{"decisions": list{object{"clusterName": "dr1", "weight": int64(1)}}})}, "left alone"},
	} {
		assert.Equal(t, tc.want, applications(t, tc.objects...), name)
	}
}

func TestAtMostOneClusterIsToldToRunTheWorkload(t *testing.T) {
	for name, obj := range record.Load(t, drpcs) {
		assert.LessOrEqual(t, strings.Count(applications(t, obj), "synced"), 1, name)
	}
}

func TestNothingIsDeployedOnATargetBeforeItIsReady(t *testing.T) {
	under := map[v1alpha1.DRState]bool{v1alpha1.Initiating: true, v1alpha1.FailingOver: true, v1alpha1.Relocating: true}
	seen := 0
	for name, obj := range record.Load(t, drpcs) {
		d := typed(t, obj)
		target := d.Spec.FailoverCluster
		if d.Spec.Action == v1alpha1.ActionRelocate {
			target = d.Spec.PreferredCluster
		}
		if d.Spec.Action == "" || !under[d.Status.Phase] {
			continue
		}
		seen++
		assert.NotContains(t, applications(t, obj), target, name)
	}
	assert.Greater(t, seen, 10)
}

func TestAFailedSideIsLeftAsItIsUntilItIsDemoted(t *testing.T) {
	recorded := record.Load(t, drpcs)
	for _, name := range []string{"failing-over", "failed-over-source-lost", "deleting-failed-over"} {
		require.NotNil(t, recorded[name], name)
		params, err := generate(duckType(t), argoClusters(), recorded[name])
		require.NoError(t, err)
		require.Equal(t, "dr1", params[0]["name"])
		assert.Equal(t, "Retain", params[0]["reason"])
		assert.False(t, automated(t, params[0]), "nothing is synchronized, healed or pruned there")
	}
}

func TestTheExampleOfAnApplicationSet(t *testing.T) {
	set := applicationSet(t)
	recorded := record.Load(t, drpcs)["deployed"]
	params, err := generate(duckType(t), argoClusters(), recorded)
	require.NoError(t, err)
	require.Len(t, params, 1)
	assert.Equal(t, map[string]string{
		"name": "dr1", "server": "https://dr1.example.com", "clusterName": "dr1", "clusterNamespace": "dr1", "reason": "Run",
	}, params[0])
	assert.Equal(t, "busybox-dr1", render(t, set.Spec.Template.Metadata.Name, params[0]), "one name for each cluster")
	assert.Equal(t, "dr1", render(t, set.Spec.Template.Spec.Destination["name"], params[0]))
	assert.True(t, set.Spec.GoTemplate)
	assert.NotContains(t, set.Spec.Template.Spec.SyncPolicy, "automated", "only the patch turns it on")

	require.Len(t, set.Spec.Generators, 1)
	assert.NotContains(t, set.Spec.Generators[0], "selector", "what is not selected is deleted")
	generator := set.Spec.Generators[0]["clusterDecisionResource"]
	assert.Equal(t, "drplacementcontrol", generator.ConfigMapRef)
	assert.NotEmpty(t, generator.Name, "an object that is missing is an error")
	assert.Equal(t, "sync", set.Spec.SyncPolicy.ApplicationsSync, "a workload leaves when its Application is deleted")
	assert.False(t, set.Spec.SyncPolicy.PreserveResourcesOnDeletion)
}
