// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/ramendr/ramen-direct/mirror/credential"
	"github.com/ramendr/ramen-direct/tests/apiserver"
)

// TestAMirrorRenewsItsTokenUntilTheSecretIsDeleted, with the rights that are installed: on the hub as the agent of a cluster,
// and on a cluster in push mode. Nothing that it may ask for outlives the Secret.
func TestAMirrorRenewsItsTokenUntilTheSecretIsDeleted(t *testing.T) {
	s := apiserver.Start(t)
	for _, dir := range []string{"config/hub", "config/admission", "config/mirror/push/cluster", "config/mirror/push/hub"} {
		s.Kubectl(t, "apply", "-k", dir)
	}
	for name, labels := range map[string]map[string]string{
		"inbox-dr1": {"ramendr.openshift.io/exchange": "inbox", "ramendr.openshift.io/cluster": "dr1"},
	} {
		require.NoError(t, s.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: map[string]string{breakGlass: "a test"}}}))
		require.NoError(t, s.Client.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "mirror"}}))
		require.NoError(t, s.Client.Create(t.Context(), secret(name, "mirror-credential")))
		require.NoError(t, s.Client.Create(t.Context(), &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "mirror"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "ramen-mirror-inbox"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: name, Name: "mirror"}},
		}))
	}
	h := &hub{Server: s, t: t}
	t.Run("and hubctrl writes only what is the exchange's", h.holdsHubctrl)
	t.Run("and the mirror only copies", h.holdsMirror)
	t.Run("and a mirror on the hub only its credentials", h.holdsPush)
	for name, namespace := range map[string]string{"as the agent on the hub": "inbox-dr1", "on a cluster": "ramen-system"} {
		t.Run(name, func(t *testing.T) { renewsUntilRevoked(t, s, namespace) })
	}
}

func renewsUntilRevoked(t *testing.T, s *apiserver.Server, namespace string) {
	mirror := types.NamespacedName{Namespace: namespace, Name: "mirror"}
	bound := &corev1.Secret{}
	require.NoError(t, s.Client.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: "mirror-credential"}, bound))
	require.NoError(t, s.Client.Create(t.Context(), secret(namespace, "another")))

	first, err := credential.Request(t.Context(), s.Admin, mirror, time.Hour)
	require.NoError(t, err)
	as := rest.AnonymousClientConfig(s.Admin)
	as.BearerToken = first
	var renewed string
	require.EventuallyWithT(t, func(c *assert.CollectT) { // a policy and a right take a moment to be applied
		err := ask(t, as, mirror, nil)
		require.True(c, apierrors.IsForbidden(err), "a token that is not bound: %v", err)
		renewed, err = credential.Request(t.Context(), as, mirror, credential.Lifetime)
		require.NoError(c, err, "the mirror renews its token")
	}, 30*time.Second, 100*time.Millisecond)
	token, err := credential.Read(renewed)
	require.NoError(t, err)
	assert.Equal(t, bound.UID, token.BoundTo)
	assert.Equal(t, 30*24*time.Hour, token.Expires.Sub(token.Issued), "by default an API server grants weeks")

	as.BearerToken = renewed
	for what, err := range map[string]error{
		"a token that is not bound":           ask(t, as, mirror, nil),
		"a token bound to another Secret":     ask(t, as, mirror, &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Secret", Name: "another"}),
		"a token of another ServiceAccount":   ask(t, as, types.NamespacedName{Namespace: namespace, Name: "default"}, &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Secret", Name: "mirror-credential"}),
		"a Secret that becomes such a token":  makeLegacy(t, as, namespace),
		"the deletion of the Secret in a box": kubernetes.NewForConfigOrDie(as).CoreV1().Secrets("inbox-dr1").Delete(t.Context(), "another", metav1.DeleteOptions{}),
	} {
		if what == "the deletion of the Secret in a box" && namespace != "inbox-dr1" {
			continue // on a cluster the mirror may write Secrets
		}
		assert.True(t, apierrors.IsForbidden(err), "%s: %v", what, err)
	}

	require.NoError(t, s.Client.Delete(t.Context(), bound))
	refused := func(token string) {
		as := rest.AnonymousClientConfig(s.Admin)
		as.BearerToken = token
		require.Eventually(t, func() bool { return apierrors.IsUnauthorized(whoAmI(t, as)) }, 20*time.Second, 100*time.Millisecond, "a token of a deleted Secret is accepted")
	}
	refused(first)
	refused(renewed)
	require.NoError(t, s.Client.Create(t.Context(), secret(namespace, "mirror-credential")))
	assert.Never(t, func() bool { return !apierrors.IsUnauthorized(whoAmI(t, as)) }, 2*time.Second, 200*time.Millisecond, "another Secret of the name is another one")
}

func ask(t *testing.T, as *rest.Config, account types.NamespacedName, bound *authenticationv1.BoundObjectReference) error {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{BoundObjectRef: bound}}
	_, err := kubernetes.NewForConfigOrDie(as).CoreV1().ServiceAccounts(account.Namespace).CreateToken(t.Context(), account.Name, request, metav1.CreateOptions{})
	return err
}

// makeLegacy makes a Secret that a control plane would fill with a token.
func makeLegacy(t *testing.T, as *rest.Config, namespace string) error {
	s := secret(namespace, "legacy")
	s.Type, s.Annotations = corev1.SecretTypeServiceAccountToken, map[string]string{corev1.ServiceAccountNameKey: "mirror"}
	_, err := kubernetes.NewForConfigOrDie(as).CoreV1().Secrets(namespace).Create(t.Context(), s, metav1.CreateOptions{})
	return err
}

func whoAmI(t *testing.T, as *rest.Config) error {
	_, err := kubernetes.NewForConfigOrDie(as).AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	return err
}
