// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/app"
)

// quiescing is a Recipe that quiesces the writer of the lab. Its captures take as long as HOLD, so that somebody can come in between.
const quiescing = `
appType: writer
groups: [{name: all, type: resource}]
hooks:
- name: writer
  namespace: quiesced
  type: exec
  selectResource: deployment
  nameSelector: quiesced
  timeout: 20
  ops:
  - {name: quiesce, command: quiesce, inverseOp: unquiesce}
  - {name: hold, command: wait $HOLD}
  - {name: unquiesce, command: unquiesce}
- name: ready
  namespace: quiesced
  type: check
  selectResource: deployment
  nameSelector: quiesced
  chks: [{name: replicas, condition: "{$.status.readyReplicas} == {$.spec.replicas}"}]
- {name: load, namespace: quiesced, type: job, jobs: [{name: loader}]}
jobs:
- loader: |
    apiVersion: batch/v1
    kind: Job
    spec: {template: {spec: {restartPolicy: Never, containers: [{name: run, image: lab/run}]}}}
workflows:
- {name: backup, sequence: [{hook: writer/quiesce}, {hook: writer/hold}, {group: all}, {hook: writer/unquiesce}]}
- {name: restore, sequence: [{group: all}, {hook: ready/replicas}, {hook: load/loader}]}
`

func commands(t require.TestingT, a *actor, cluster string) []app.Command {
	out, err := a.App.Commands(cluster)
	require.NoError(t, err)
	return out
}

// TestAnApplicationIsQuiescedWhileItIsCaptured : by commands that run through the API server, as the ServiceAccount for hooks. It
// writes nothing meanwhile. spokectrl is killed while it is quiesced; the next process ends that before it captures anything. After a
// failover the hooks of the restore run on the other cluster.
func TestAnApplicationIsQuiescedWhileItIsCaptured(t *testing.T) {
	l := shared.Lab(t)
	require.NoError(t, l.GrantObjects(t.Context()))
	a := protected(t, l, "quiesced", lab.DR1)
	a.Leave() // nobody deploys it from here on
	spec := v1alpha1.RecipeSpec{}
	require.NoError(t, yaml.UnmarshalStrict([]byte(quiescing), &spec))
	for _, o := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "ramen-hooks"}},
		&v1alpha1.Recipe{ObjectMeta: metav1.ObjectMeta{Name: "writer"}, Spec: spec},
	} {
		o.SetNamespace(a.App.Namespace)
		require.NoError(t, l.Cluster(lab.DR1).Client.Create(t.Context(), o))
	}
	recipe := func(hold string) func(*v1alpha1.DRPlacementControlSpec) {
		return func(spec *v1alpha1.DRPlacementControlSpec) {
			spec.KubeObjectProtection = &v1alpha1.KubeObjectProtectionSpec{
				CaptureInterval: &metav1.Duration{Duration: time.Second}, RecipeRef: &v1alpha1.RecipeRef{Name: "writer"},
				RecipeParameters: map[string][]string{"HOLD": {hold}},
			}
		}
	}
	a.Ask(recipe("1s"))
	a.Control("the missing right is named, and what gives it", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		p := meta.FindStatusCondition(drpc.Status.Conditions, v1alpha1.ConditionProtected)
		require.NotNil(c, p)
		assert.Contains(c, p.Message, fmt.Sprintf("kubectl -n %s create rolebinding ramen-hooks --clusterrole=ramen-hooks", a.App.Namespace))
	})
	require.NoError(t, l.Cluster(lab.DR1).Client.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.App.Namespace, Name: "ramen-hooks"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "ramen-hooks"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: a.App.Namespace, Name: "ramen-hooks"}},
	}))
	a.Control("it is captured with its hooks", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		require.NotNil(c, drpc.Status.LastKubeObjectProtectionTime)
		assert.True(c, meta.IsStatusConditionTrue(drpc.Status.Conditions, v1alpha1.ConditionProtected), "%+v", drpc.Status.Conditions)
		assert.True(c, meta.IsStatusConditionTrue(a.Group(lab.DR1).Status.Conditions, v1alpha1.VRGHooksReady))
	})

	a.Ask(recipe("15s"))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		all := commands(c, a, lab.DR1)
		require.NotEmpty(c, all)
		last := all[len(all)-1]
		assert.Equal(c, "wait", last.What)
		assert.Greater(c, time.Since(last.At), 2*time.Second, "this one is long")
	}, patience, tick)
	before := len(commands(t, a, lab.DR1))
	require.NoError(t, l.Kill("spokectrl-dr1"))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Greater(c, len(commands(c, a, lab.DR1)), before)
	}, patience, tick)
	assert.Equal(t, "unquiesce", commands(t, a, lab.DR1)[before].What, "the next process undoes it before anything else")
	a.Ask(recipe("0s"))
	since := metav1.Now()
	a.Control("it is captured again", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.True(c, since.Before(drpc.Status.LastKubeObjectProtectionTime))
	})
	quiet, err := a.App.Quiet(lab.DR1)
	require.NoError(t, err)
	assert.Zero(t, quiet.Records, "no record was written while the application was quiesced")
	assert.GreaterOrEqual(t, quiet.Periods, 3)
	assert.Positive(t, quiet.Between, "between, it writes")

	_, err = a.Failover(t.Context(), lab.DR2)
	require.NoError(t, err)
	a.Control("all is restored", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.NotEqual(c, v1alpha1.ProgressionWaitingForResourceRestore, drpc.Status.Progression)
		available := meta.FindStatusCondition(drpc.Status.Conditions, v1alpha1.ConditionAvailable)
		assert.Equal(c, "the workload runs on dr2", available.Message)
	})
	jobs := &batchv1.JobList{}
	require.NoError(t, l.Cluster(lab.DR2).Client.List(t.Context(), jobs, client.InNamespace(a.App.Namespace)))
	require.Len(t, jobs.Items, 1)
	assert.Equal(t, int32(1), jobs.Items[0].Status.Succeeded)
}
