// SPDX-License-Identifier: Apache-2.0

package gitops

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/apply"
	"github.com/ramendr/ramen-direct/tests/apiserver"
)

func TestOnARealAPIServer(t *testing.T) {
	s := apiserver.Start(t)
	ns := &corev1.Namespace{}
	ns.Name = "argocd"
	require.NoError(t, s.Client.Create(t.Context(), ns))
	for _, file := range []string{"ducktype", "role", "drplacementcontrol"} {
		s.Kubectl(t, "-n", "argocd", "apply", "-f", "config/gitops/applicationset/"+file+".yaml")
	}
	cm := &corev1.ConfigMap{}
	cm.Namespace, cm.Name, cm.Data = "argocd", "argocd-cm", map[string]string{"url": "https://argocd.example.com"}
	require.NoError(t, s.Client.Create(t.Context(), cm))
	s.Kubectl(t, "-n", "argocd", "patch", "configmap", "argocd-cm", "--patch-file", "config/gitops/argocd/argocd-cm.yaml")
	require.NoError(t, s.Client.Get(t.Context(), client.ObjectKeyFromObject(cm), cm))
	assert.Len(t, cm.Data, 5, "what was there stays")

	read := func() *unstructured.Unstructured {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("DRPlacementControl"))
		require.NoError(t, s.Client.Get(t.Context(), client.ObjectKey{Namespace: "argocd", Name: "busybox"}, u))
		return u
	}

	// Until the hub looks at it, it is neither done nor wished nowhere.
	assert.Equal(t, map[string]any{"observedGeneration": int64(-1)}, read().Object["status"])
	assert.Equal(t, "InProgress", kstatus(t, read()))
	assert.Equal(t, "left alone", applications(t, read()))

	// An empty list stays an empty list; a status without one has none.
	publish := func(decisions []v1alpha1.ClusterDecision) {
		d := &v1alpha1.DRPlacementControl{}
		d.Namespace, d.Name, d.UID = "argocd", "busybox", read().GetUID()
		d.Status.Phase, d.Status.Decisions = v1alpha1.Relocating, decisions
		intent, err := apply.StatusOf(d, s.Scheme)
		require.NoError(t, err)
		require.NoError(t, apply.New(s.Client, "hubctrl-drpc-decisions").Status(t.Context(), intent))
	}
	publish(nil)
	assert.Equal(t, "left alone", applications(t, read()))
	publish([]v1alpha1.ClusterDecision{{ClusterName: "dr1", ClusterNamespace: "dr1", Reason: v1alpha1.DecisionRun}})
	assert.Equal(t, "dr1 synced", applications(t, read()))
	publish([]v1alpha1.ClusterDecision{})
	assert.Equal(t, "none", applications(t, read()))

	// The controller may list what the generator lists, there and nowhere else, and may not write.
	may := func(verb, namespace string) bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:argocd:argocd-applicationset-controller",
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Verb: verb, Group: "ramendr.openshift.io", Resource: duckType(t)["kind"],
			},
		}}
		require.NoError(t, s.Client.Create(t.Context(), review))
		return review.Status.Allowed
	}
	assert.True(t, may("list", "argocd"))
	assert.False(t, may("list", "busybox"))
	assert.False(t, may("patch", "argocd"))
}
