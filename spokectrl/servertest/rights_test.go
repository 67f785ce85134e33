// SPDX-License-Identifier: Apache-2.0

package servertest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/spokectrl/capsule"
	"github.com/ramendr/ramen-direct/spokectrl/objects"
	"github.com/ramendr/ramen-direct/spokectrl/objects/builtin"
	"github.com/ramendr/ramen-direct/spokectrl/objects/hooks"
	"github.com/ramendr/ramen-direct/spokectrl/recipe"
)

// grants binds a ClusterRole in a namespace, and takes that away with the test.
func grants(t *testing.T, c client.Client, namespace, role string, to rbacv1.Subject) *rbacv1.RoleBinding {
	t.Helper()
	b := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: role}, Subjects: []rbacv1.Subject{to},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
	}
	require.NoError(t, c.Create(t.Context(), b))
	return b
}

// workload is a Deployment in a namespace, of which no controller makes Pods, and a Pod on no node.
func workload(t *testing.T, c client.Client, namespace string) *appsv1.Deployment {
	t.Helper()
	labels := map[string]string{"app": "web"}
	spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"}, Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
	}}
	require.NoError(t, c.Create(t.Context(), d))
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "db-0", Labels: map[string]string{"app": "db"}}, Spec: spec}
	require.NoError(t, c.Create(t.Context(), p))
	p.Status.Phase = corev1.PodRunning
	require.NoError(t, c.Status().Update(t.Context(), p))
	return d
}

// spokectrlIs is the subject of its RoleBindings.
var spokectrlIs = rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: operator, Name: "spokectrl"}

// spaces makes two namespaces with a workload in each, of which spokectrl may reach the first one.
func spaces(t *testing.T, names ...string) client.Client {
	t.Helper()
	all, err := client.New(admin, client.Options{})
	require.NoError(t, err)
	require.NoError(t, install(t.Context(), filepath.Join("..", "..", "config", "spoke", "objects"), "role.yaml"))
	for _, name := range names {
		require.NoError(t, all.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
		workload(t, all, name)
	}
	grants(t, all, names[0], "ramen-spokectrl-objects", spokectrlIs)
	return all
}

type sink struct{ parts [][]byte }

func (s *sink) Put(_ context.Context, part []byte) error {
	s.parts = append(s.parts, part)
	return nil
}

func (s *sink) Each(_ context.Context, do func([]byte) error) error {
	for _, part := range s.parts {
		if err := do(part); err != nil {
			return err
		}
	}
	return nil
}

func ended(t *testing.T, ask func(func()) (objects.Progress, error)) objects.Progress {
	t.Helper()
	done := make(chan struct{})
	_, err := ask(func() { close(done) })
	require.NoError(t, err)
	<-done
	p, err := ask(nil)
	require.NoError(t, err)
	return p
}

// TestRightsInOneNamespaceReachNoOther : of the other one each type is named that is not captured, and each object that is not made.
func TestRightsInOneNamespaceReachNoOther(t *testing.T) {
	all := spaces(t, "granted", "bare")
	e, err := builtin.New(spokectrl)
	require.NoError(t, err)
	of := objects.Selection{Namespaces: []string{"granted", "bare"}, Included: []string{"deployments.apps", "configmaps"}}
	group := capsule.Group{Namespace: "granted", Name: "g"}
	capture := func(e *builtin.Engine) (*sink, objects.Progress) {
		into := &sink{}
		return into, ended(t, func(done func()) (objects.Progress, error) {
			return e.Capture(t.Context(), objects.CaptureRequest{Group: group, ID: "rights", Select: of, Into: into, Ended: done})
		})
	}
	_, p := capture(e)
	require.NoError(t, p.Err)
	assert.Equal(t, 1, p.Counts["deployments.apps"])
	assert.Equal(t, 2, p.Findings.Count[objects.NotAllowed])
	for _, f := range p.Findings.List {
		assert.Regexp(t, "^(deployments.apps|configmaps) in namespace bare: the right to list it is missing$", f.String())
	}

	from, p := capture(engine(t, admin))
	require.NoError(t, p.Err)
	require.Equal(t, 2, p.Counts["deployments.apps"])
	for _, ns := range of.Namespaces {
		require.NoError(t, all.Delete(t.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "web"}}))
	}
	p = ended(t, func(done func()) (objects.Progress, error) {
		return e.Restore(t.Context(), objects.RestoreRequest{Group: group, ID: "rights", Select: of, From: from, Ended: done})
	})
	require.Error(t, p.Err)
	assert.Equal(t, 1, p.Findings.Count[objects.NotAllowed])
	assert.Equal(t, "Deployment bare/web", p.Findings.List[0].Object)
	require.NoError(t, all.Get(t.Context(), client.ObjectKey{Namespace: "granted", Name: "web"}, &appsv1.Deployment{}), "the rest is made")
}

// TestHooksActWithTheRightsOfTheirNamespace : of nobody else, whatever a Recipe asks for.
func TestHooksActWithTheRightsOfTheirNamespace(t *testing.T) {
	all := spaces(t, "hooked", "foreign")
	ctx := t.Context()
	runner, err := hooks.New(spokectrl)
	require.NoError(t, err)
	down := recipe.Hook{Type: "scale", Op: "down", Namespace: "hooked", Kind: recipe.KindDeployment, NamePattern: "web", Timeout: 5 * time.Second}
	command := recipe.Hook{Type: "exec", Namespace: "hooked", NamePattern: "db-0", Command: []string{"run"}, Timeout: 5 * time.Second}
	check := recipe.Hook{Type: "check", Namespace: "hooked", Kind: recipe.KindPod, NamePattern: "db-0", Condition: "{$.status.phase} == {Running}", Timeout: 5 * time.Second}
	untouched := func(ns string) {
		t.Helper()
		d := &appsv1.Deployment{}
		require.NoError(t, all.Get(ctx, client.ObjectKey{Namespace: ns, Name: "web"}, d))
		assert.Equal(t, int32(2), *d.Spec.Replicas)
		assert.Empty(t, d.Annotations)
	}

	err = runner.Run(ctx, &down, "1")
	require.ErrorContains(t, err, `cannot list resource "deployments"`)
	require.ErrorContains(t, err, "kubectl -n hooked create rolebinding ramen-hooks", "nobody gave it a right")
	untouched("hooked")
	foreign := check
	foreign.Namespace = "foreign"
	err = runner.Run(ctx, &foreign, "1")
	require.ErrorContains(t, err, "cannot impersonate")
	require.ErrorContains(t, err, "apply config/spoke/objects to this cluster")
	foreign = down
	foreign.Namespace = "foreign"
	require.ErrorContains(t, runner.Run(ctx, &foreign, "1"), "may scale it, too", "spokectrl may not even look there")
	untouched("foreign")

	// Somebody gives hooks less than all, as who may write Recipes may not run commands.
	account := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: "hooked", Name: "ramen-hooks"}
	require.NoError(t, all.Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "only-look"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}},
		{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, Verbs: []string{"get", "list", "watch"}},
	}}))
	grants(t, all, "hooked", "only-look", account)
	require.NoError(t, runner.Run(ctx, &check, "2"), "what it may do is done")
	err = runner.Run(ctx, &command, "2")
	require.ErrorContains(t, err, "pods/exec")
	require.ErrorContains(t, err, "create rolebinding ramen-hooks")
	require.ErrorContains(t, runner.Run(ctx, &down, "2"), `cannot patch resource "deployments"`)
	untouched("hooked")

	full := grants(t, all, "hooked", "ramen-hooks", account)
	err = runner.Run(ctx, &command, "3")
	require.Error(t, err, "there is no node")
	assert.NotContains(t, err.Error(), "rolebinding", "it is allowed")
	require.ErrorContains(t, runner.Run(ctx, &down, "3"), "did not succeed within 5s", "no controller is there")
	d := &appsv1.Deployment{}
	require.NoError(t, all.Get(ctx, client.ObjectKey{Namespace: "hooked", Name: "web"}, d))
	assert.Zero(t, *d.Spec.Replicas)
	untouched("foreign")

	// The application is removed with its rights: first the rights, then what hooks acted on.
	up := down
	up.Op = "up"
	require.NoError(t, all.Delete(ctx, full))
	err = runner.Undo(ctx, &up, "4")
	require.ErrorContains(t, err, "cannot patch resource")
	assert.False(t, hooks.Absent(err), "the workload is there")
	require.NoError(t, all.Delete(ctx, d))
	assert.True(t, hooks.Absent(runner.Undo(ctx, &up, "5")), "nothing is left to act on")
}
