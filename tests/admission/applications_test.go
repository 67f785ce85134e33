// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

const (
	mallory      = "mallory" // may do everything in namespaces mallory and ramen-ops
	owner        = "olivia"  // may do everything in namespaces mallory and shop
	appNamespace = "drplacementcontrol.ramendr.openshift.io/app-namespace"
)

// drpc is an object of namespace mallory about namespace about; empty: its own.
func drpc(about string) *v1alpha1.DRPlacementControl {
	d := &v1alpha1.DRPlacementControl{ObjectMeta: metav1.ObjectMeta{Namespace: "mallory", Name: "db"}}
	d.Spec.DRPolicyRef.Name = "policy"
	d.Spec.PVCSelector.MatchLabels = map[string]string{"app": "db"}
	if about != "" {
		d.Annotations = map[string]string{appNamespace: about}
	}
	return d
}

// spanning is an object of namespace ramen-ops about several namespaces.
func spanning(namespaces ...string) *v1alpha1.DRPlacementControl {
	d := drpc("")
	d.Namespace, d.Spec.ProtectedNamespaces = "ramen-ops", namespaces
	return d
}

// rule lets users do everything with DRPlacementControls in a namespace.
func (h *hub) rule(namespace string, users ...string) {
	h.t.Helper()
	h.create(h.Client, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	h.create(h.Client, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "ruler"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"ramendr.openshift.io"}, Resources: []string{"drplacementcontrols"}, Verbs: []string{"*"}}}})
	var subjects []rbacv1.Subject
	for _, user := range users {
		subjects = append(subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: "User", Name: user})
	}
	h.create(h.Client, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "ruler"}, Subjects: subjects,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "ruler"}})
}

func TestARightOnOneNamespaceIsNoRightOnAnother(t *testing.T) {
	h := startHub(t)
	h.rule("mallory", mallory, owner)
	h.rule("shop", owner)
	h.rule("ramen-ops", mallory, owner)
	for _, namespace := range []string{"n1", "n2", "n3", "n4", "n5"} {
		h.rule(namespace, owner)
	}
	require.Eventually(t, func() bool { // an API server takes a moment to apply a policy
		return h.as(mallory).Create(t.Context(), drpc("shop"), client.DryRunAll) != nil &&
			h.as(editor).Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "outbox-dr1"}}, client.DryRunAll) != nil
	}, 30*time.Second, 100*time.Millisecond, "the policies are not applied")
	refused := func(err error, text, what string) {
		t.Helper()
		if assert.Error(t, err, what) {
			assert.True(t, apierrors.IsForbidden(err) || apierrors.IsInvalid(err), "%s: %v", what, err)
			assert.Contains(t, err.Error(), text, what)
		}
	}
	ctx := t.Context()
	const toShop = " drplacementcontrols in namespace shop, which annotation " + appNamespace + " names: that right is needed too"

	require.NoError(t, h.as(mallory).Create(ctx, drpc(""), client.DryRunAll), "about its own namespace")
	require.NoError(t, h.as(mallory).Create(ctx, drpc("mallory"), client.DryRunAll), "about its own namespace, by name")
	refused(h.as(mallory).Create(ctx, drpc("shop"), client.DryRunAll), "mallory may not create"+toShop, "create")
	require.NoError(t, h.as(owner).Create(ctx, drpc("shop"), client.DryRunAll), "who has the right in both")
	require.NoError(t, h.as(admin).Create(ctx, drpc("shop"), client.DryRunAll), "who has it everywhere")

	t.Run("of an object that names another namespace", func(t *testing.T) {
		h.create(h.as(owner), drpc("shop"))
		change := func(user, patch string) error {
			return h.as(user).Patch(ctx, drpc(""), client.RawPatch("application/merge-patch+json", []byte(patch)), client.DryRunAll)
		}
		const relocate = `{"spec":{"action":"Relocate","preferredCluster":"dr2"}}`
		refused(change(mallory, relocate), "mallory may not update"+toShop, "relocate")
		require.NoError(t, change(owner, relocate))
		refused(change(mallory, `{"metadata":{"annotations":{"`+appNamespace+`":null}}}`), "mallory may not update"+toShop, "the group stays where it is")
		refused(change(mallory, `{"metadata":{"annotations":{"ramendr.openshift.io/abandon-cluster":"dr1"}}}`), "mallory may not update"+toShop, "annotations are commands")
		require.NoError(t, change(mallory, `{"metadata":{"labels":{"a":"b"}}}`), "a label says nothing")
		require.NoError(t, change(hubctrl, `{"metadata":{"finalizers":["drpc.ramendr.openshift.io/finalizer"]}}`))
		refused(h.as(mallory).Delete(ctx, drpc(""), client.DryRunAll), "mallory may not delete"+toShop, "disable DR")
		require.NoError(t, h.as(owner).Delete(ctx, drpc(""), client.DryRunAll))
		require.NoError(t, h.as(emptier).Delete(ctx, drpc(""), client.DryRunAll), "a namespace can be emptied")
	})
	t.Run("of an object of several namespaces", func(t *testing.T) {
		const all = "may not create drplacementcontrols in each of the namespaces that spec.protectedNamespaces lists: "
		refused(h.as(mallory).Create(ctx, spanning("mallory", "shop"), client.DryRunAll), all+"mallory, shop", "one of two")
		require.NoError(t, h.as(owner).Create(ctx, spanning("mallory", "shop"), client.DryRunAll))
		refused(h.as(owner).Create(ctx, spanning("mallory", "shop", "n1", "other"), client.DryRunAll), all, "the last of four")
		refused(h.as(owner).Create(ctx, spanning("mallory", "shop", "n1", "n2", "n3", "n4", "n5", "other"), client.DryRunAll), all, "the last of eight")
		require.NoError(t, h.as(owner).Create(ctx, spanning("mallory", "shop", "n1", "n2", "n3", "n4", "n5"), client.DryRunAll))
		many := spanning("a", "b", "c", "d", "e", "f", "g", "h", "i")
		refused(h.as(owner).Create(ctx, many.DeepCopy(), client.DryRunAll), "more than 8 protectedNamespaces", "too many to ask for each")
		require.NoError(t, h.as(admin).Create(ctx, many, client.DryRunAll))
	})
	t.Run("and an outbox or inbox is nobody's application", func(t *testing.T) {
		for _, namespace := range []string{"outbox-dr1", "inbox-dr1"} {
			d := drpc("")
			d.Namespace = namespace
			refused(h.as(admin).Create(ctx, d, client.DryRunAll), "create the DRPlacementControl in the namespace of the application", namespace)
		}
		h.create(h.Client, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "post", Labels: map[string]string{"ramendr.openshift.io/exchange": "outbox"},
			Annotations: map[string]string{breakGlass: "a test"}}})
		d := drpc("")
		d.Namespace = "post"
		refused(h.as(admin).Create(ctx, d, client.DryRunAll), "create the DRPlacementControl in the namespace of the application", "one by its label")
	})
	t.Run("and a name is a name", func(t *testing.T) {
		for _, name := range []string{"x.y", "Bad_NS", "-a", "a/b"} {
			refused(h.as(admin).Create(ctx, drpc(name), client.DryRunAll), `app-namespace is "`+name+`"`, name)
			refused(h.as(admin).Create(ctx, spanning(name), client.DryRunAll), "lists what is no name of a namespace", name)
		}
	})
	t.Run("an outbox is not deleted by mistake", h.keepsNamespaces)
	t.Run("or made in advance", h.makesNamespaces)
	t.Run("and an application has no owner", h.refusesOwners)
	t.Run("and its definition stays", h.keepsDefinitions)
}

// makesNamespaces sees that nobody makes an outbox or inbox that hubctrl would use later: they could have rights there.
func (h *hub) makesNamespaces(t *testing.T) {
	ctx := t.Context()
	const exchange, cluster = "ramendr.openshift.io/exchange", "ramendr.openshift.io/cluster"
	named := func(labels map[string]string) *corev1.Namespace {
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "outbox-dr3", Labels: labels}}
	}
	for what, labels := range map[string]map[string]string{
		"both":         {exchange: "outbox", cluster: "dr3"},
		"the cluster":  {cluster: "dr3"},
		"the box only": {exchange: "outbox"},
	} {
		for _, user := range []string{editor, admin, agent} {
			err := h.as(user).Create(ctx, named(labels), client.DryRunAll)
			assert.True(t, apierrors.IsForbidden(err), "%s by %s: %v", what, user, err)
			assert.ErrorContains(t, err, "only "+hubctrl+" makes namespace outbox-dr3, through which the hub protects applications: create the DRCluster instead", what)
		}
		assert.NoError(t, h.as(hubctrl).Create(ctx, named(labels), client.DryRunAll), what)
	}
	broken := named(map[string]string{exchange: "outbox", cluster: "dr3"})
	broken.Annotations = map[string]string{breakGlass: "restored from a backup"}
	assert.Error(t, h.as(editor).Create(ctx, broken.DeepCopy(), client.DryRunAll), "who can't remove the policy can't break the glass")
	assert.NoError(t, h.as(admin).Create(ctx, broken.DeepCopy(), client.DryRunAll))

	h.create(h.as(editor), named(nil))
	for _, labels := range []string{`{"ramendr.openshift.io/exchange":"outbox"}`, `{"ramendr.openshift.io/cluster":"dr3"}`} {
		err := h.as(editor).Patch(ctx, named(nil), client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":`+labels+`}}`)), client.DryRunAll)
		assert.ErrorContains(t, err, "changes the labels of namespace outbox-dr3", "one that becomes one")
	}
}

func (h *hub) keepsNamespaces(t *testing.T) {
	ctx := t.Context()
	box := func() *corev1.Namespace { return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "outbox-dr1"}} }
	label := func(user, labels string) error {
		return h.as(user).Patch(ctx, box(), client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":`+labels+`}}`)), client.DryRunAll)
	}
	for _, user := range []string{editor, admin, agent} {
		err := h.as(user).Delete(ctx, box(), client.DryRunAll)
		assert.True(t, apierrors.IsForbidden(err), "delete by %s: %v", user, err)
		assert.ErrorContains(t, err, "only "+hubctrl+" deletes namespace outbox-dr1, through which the hub protects applications: delete the DRCluster instead", user)
		err = label(user, `{"ramendr.openshift.io/exchange":null}`)
		assert.ErrorContains(t, err, "changes the labels of namespace outbox-dr1", "without the label nothing is guarded (%s)", user)
		assert.Error(t, label(user, `{"ramendr.openshift.io/cluster":"dr2"}`), user)
		assert.NoError(t, label(user, `{"team":"storage"}`), user)
	}
	assert.ErrorContains(t, label(admin, `{"ramendr.openshift.io/exchange":"inbox"}`), "changes the labels of namespace outbox-dr1")
	require.NoError(t, h.as(hubctrl).Delete(ctx, box(), client.DryRunAll))
	require.NoError(t, h.as(emptier).Delete(ctx, box(), client.DryRunAll))
	require.NoError(t, h.as(editor).Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, client.DryRunAll), "others are none of our business")

	broken := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"`+breakGlass+`":"the cluster is gone for good"}}}`))
	require.NoError(t, h.as(admin).Patch(ctx, box(), broken))
	assert.True(t, apierrors.IsForbidden(h.as(editor).Delete(ctx, box(), client.DryRunAll)), "who can't remove the policy can't break the glass")
	assert.NoError(t, h.as(admin).Delete(ctx, box(), client.DryRunAll))
}
