// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	mirror     = "system:serviceaccount:ramen-system:mirror"
	mirrorPush = "system:serviceaccount:ramen-system:mirror-push"
	wishUID    = "exchange.ramendr.openshift.io/wish-uid"
)

// typed is a Secret of a type, and the copy of a wish if it is said to be.
func typed(namespace, name string, of corev1.SecretType, copied bool) *corev1.Secret {
	s := secret(namespace, name)
	s.Type = of
	if copied {
		s.Annotations = map[string]string{wishUID: "uid"}
	}
	if of == corev1.SecretTypeServiceAccountToken {
		s.Annotations = map[string]string{corev1.ServiceAccountNameKey: "default", wishUID: "uid"}
	}
	return s
}

// held returns what tells that an identity may, or may not, do something because of a policy and not for want of a right.
func held(t *testing.T, message string) (may func(error, string), refused func(error, string)) {
	t.Helper()
	return func(err error, what string) {
			t.Helper()
			assert.NoError(t, err, what)
		}, func(err error, what string) {
			t.Helper()
			if assert.True(t, apierrors.IsForbidden(err), "%s: %v", what, err) {
				assert.ErrorContains(t, err, message, what)
			}
		}
}

// holdsHubctrl sees what the identity of hubctrl may do with the rights of config/hub, and that these are no way to all rights.
func (h *hub) holdsHubctrl(t *testing.T) {
	ctx := t.Context()
	as := h.as(hubctrl)
	may, refused := held(t, "hubctrl ")
	role := func(kind, name string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
	}
	bind := func(namespace, roleName, subjectNamespace, subject string) error {
		return as.Create(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "b"}, RoleRef: role("ClusterRole", roleName),
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: subjectNamespace, Name: subject}}}, client.DryRunAll)
	}
	namespace := func(name, box, cluster string) *corev1.Namespace {
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"ramendr.openshift.io/exchange": box, "ramendr.openshift.io/cluster": cluster}}}
	}
	require.NoError(t, as.Create(ctx, namespace("outbox-dr1", "outbox", "dr1")))
	require.Eventually(t, func() bool { return bind("kube-system", "ramen-hubctrl-outbox", "ramen-system", "hubctrl") != nil }, patience, tick, "the policy is not applied")

	refused(bind("kube-system", "ramen-hubctrl-outbox", "ramen-system", "hubctrl"), "the Secrets of kube-system")
	refused(bind("ramen-system", "ramen-hubctrl-outbox", "ramen-system", "hubctrl"), "those of its own namespace")
	may(bind("outbox-dr1", "ramen-hubctrl-outbox", "ramen-system", "hubctrl"), "its outbox")
	may(bind("outbox-dr1", "ramen-mirror-outbox", "inbox-dr1", "mirror"), "the agent")
	refused(bind("outbox-dr1", "ramen-mirror-outbox", "inbox-dr2", "mirror"), "another agent")
	refused(bind("outbox-dr1", "ramen-hubctrl-outbox", "default", "default"), "a stranger")
	may(bind("inbox-dr1", "ramen-mirror-push-inbox", "ramen-system", "mirror-push"), "a mirror on the hub")

	refused(as.Create(ctx, namespace("outbox-dr3", "outbox", "dr4"), client.DryRunAll), "a name that is another cluster's")
	refused(as.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "any"}}, client.DryRunAll), "any namespace")
	labeled := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"ramendr.openshift.io/exchange":"outbox","ramendr.openshift.io/cluster":"x"}}}`))
	h.create(h.Client, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "outbox-x"}})
	refused(as.Patch(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "outbox-x"}}, labeled, client.DryRunAll), "one that others made")
	refused(as.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "outbox-x"}}, client.DryRunAll), "a namespace of others")
	may(as.Patch(ctx, namespace("outbox-dr1", "", ""), client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"a":"b"}}}`)), client.DryRunAll), "its own")
	may(as.Delete(ctx, namespace("outbox-dr1", "", ""), client.DryRunAll), "its own")

	account := func(namespace, name string) error {
		return as.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}, client.DryRunAll)
	}
	refused(account("kube-system", "mirror"), "a ServiceAccount elsewhere")
	refused(account("inbox-dr1", "another"), "another ServiceAccount")
	refused(account("outbox-dr1", "mirror"), "one in an outbox")

	require.NoError(t, h.Client.Create(ctx, &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "outbox-dr1", Name: "hubctrl"}, RoleRef: role("ClusterRole", "ramen-hubctrl-outbox"),
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "ramen-system", Name: "hubctrl"}}}))
	require.Eventually(t, func() bool {
		return as.Create(ctx, typed("outbox-dr1", "s", corev1.SecretTypeOpaque, false), client.DryRunAll) == nil
	}, patience, tick, "hubctrl can't write its wishes")
	refused(as.Create(ctx, typed("outbox-dr1", "s", corev1.SecretTypeServiceAccountToken, false), client.DryRunAll), "a token")

	wide := func(kind string, o client.Object) { refused(as.Delete(ctx, o, client.DryRunAll), kind) }
	wide("a ClusterRole of others", &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "admin"}})
	wide("a ClusterRoleBinding of others", &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "cluster-admin"}})
	own := func(name, namespace string) error {
		return as.Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: role("ClusterRole", name),
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "mirror"}}}, client.DryRunAll)
	}
	require.NoError(t, as.Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "ramen-mirror-cluster-dr1"}}))
	may(own("ramen-mirror-cluster-dr1", "inbox-dr1"), "that of the agent")
	refused(own("ramen-mirror-cluster-dr1", "inbox-dr2"), "that of another agent")
	refused(as.Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "any"}}, client.DryRunAll), "any ClusterRole")
}

// holdsMirror sees what the identity of the mirror may do with Secrets of its cluster.
func (h *hub) holdsMirror(t *testing.T) {
	ctx := t.Context()
	as := h.as(mirror)
	may, refused := held(t, "the mirror ")
	create := func(s *corev1.Secret) error { return as.Create(ctx, s, client.DryRunAll) }
	require.Eventually(t, func() bool { return create(secret("default", "s")) != nil }, patience, tick, "the policy is not applied")
	may(create(typed("default", "s", corev1.SecretTypeOpaque, true)), "a copy")
	refused(create(secret("default", "s")), "one that is no copy")
	refused(create(typed("kube-system", "bootstrap-token-abcdef", "bootstrap.kubernetes.io/token", true)), "a token of a node")
	refused(create(typed("default", "s", corev1.SecretTypeServiceAccountToken, true)), "a token")
	refused(create(typed("default", "s", "example.com/any", true)), "any other type")
	refused(create(typed("ramen-system", "ramen-signing-key", corev1.SecretTypeOpaque, true)), "the key of spokectrl")

	h.create(h.Client, secret("ramen-system", "ramen-signing-key"))
	h.create(h.Client, secret("default", "of-an-application"))
	way := secret("ramen-system", "mirror-dr1")
	way.Labels = map[string]string{"ramendr.openshift.io/cluster": "dr1"}
	h.create(h.Client, way)
	h.create(h.Client, typed("default", "copy", corev1.SecretTypeOpaque, true))
	change := client.RawPatch("application/merge-patch+json", []byte(`{"data":{"a":"YQ=="},"metadata":{"annotations":{"`+wishUID+`":"uid"}}}`))
	for _, s := range []*corev1.Secret{secret("ramen-system", "ramen-signing-key"), secret("default", "of-an-application")} {
		refused(as.Patch(ctx, s.DeepCopy(), change, client.DryRunAll), "overwriting "+s.Name)
		refused(as.Delete(ctx, s.DeepCopy(), client.DryRunAll), "deleting "+s.Name)
	}
	may(as.Patch(ctx, secret("default", "copy"), change, client.DryRunAll), "changing a copy")
	may(as.Delete(ctx, secret("default", "copy"), client.DryRunAll), "deleting a copy")
	may(as.Patch(ctx, secret("ramen-system", "mirror-dr1"), change, client.DryRunAll), "renewing its token")
	refused(as.Delete(ctx, secret("ramen-system", "mirror-dr1"), client.DryRunAll), "deleting its credentials")
}

// holdsPush sees what a mirror on the hub may do with Secrets in the namespace that it shares with the keys of object stores.
func (h *hub) holdsPush(t *testing.T) {
	ctx := t.Context()
	as := h.as(mirrorPush)
	may, refused := held(t, "the mirror on the hub changes no Secrets but those with its ways to clusters")
	h.create(h.Client, secret("ramen-system", "s3-keys"))
	update := func(name string) error {
		s := secret("ramen-system", name)
		require.NoError(t, h.Client.Get(ctx, client.ObjectKeyFromObject(s), s))
		s.Data = map[string][]byte{"a": []byte("a")}
		return as.Update(ctx, s, client.DryRunAll)
	}
	require.Eventually(t, func() bool { return update("s3-keys") != nil }, patience, tick, "the policy is not applied")
	refused(update("s3-keys"), "the keys of an object store")
	may(update("mirror-dr1"), "its credentials")
}
