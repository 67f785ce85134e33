// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// refusesOwners sees that no garbage collection ends the protection of an application.
func (h *hub) refusesOwners(t *testing.T) {
	ctx := t.Context()
	owned := func(kind, apiVersion string) *v1alpha1.DRPlacementControl {
		d := drpc("")
		d.Namespace = "shop"
		d.OwnerReferences = []metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, Name: "db-placement", UID: "a-b-c"}}
		return d
	}
	for kind, apiVersion := range map[string]string{
		"Placement": "cluster.open-cluster-management.io/v1beta1", "PlacementRule": "apps.open-cluster-management.io/v1", "Portal": "example.com/v1",
	} {
		err := h.as(admin).Create(ctx, owned(kind, apiVersion), client.DryRunAll)
		assert.True(t, apierrors.IsInvalid(err), "%s: %v", kind, err)
		assert.ErrorContains(t, err, "metadata.ownerReferences names "+kind+" db-placement ("+apiVersion+"): remove metadata.ownerReferences", kind)
	}
	free := owned("", "")
	free.OwnerReferences = nil
	h.create(h.as(admin), free)
	patch := func(user, body string) error {
		return h.as(user).Patch(ctx, free.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(body)))
	}
	const owner = `{"metadata":{"ownerReferences":[{"apiVersion":"example.com/v1","kind":"Portal","name":"p","uid":"a-b-c"}]}}`
	assert.ErrorContains(t, patch(admin, owner), "names Portal p (example.com/v1): remove metadata.ownerReferences", "one that is added later")

	// One that was there before the policy was: it can be changed, and freed.
	require.NoError(t, patch(hubctrl, owner), "who is not asked")
	assert.NoError(t, patch(admin, `{"spec":{"action":"Relocate","preferredCluster":"dr2"}}`))
	for _, user := range []string{collector, "system:kube-controller-manager"} {
		err := h.as(user).Delete(ctx, free.DeepCopy(), client.DryRunAll)
		assert.True(t, apierrors.IsForbidden(err), "%s: %v", user, err)
		assert.ErrorContains(t, err, "the garbage collector does not end the protection of an application", user)
		assert.NoError(t, patch(user, `{"metadata":{"finalizers":["example.com/any"]}}`), "%s finishes what others began", user)
		assert.NoError(t, patch(user, `{"metadata":{"finalizers":null}}`), user)
	}
	assert.NoError(t, h.as(emptier).Delete(ctx, free.DeepCopy(), client.DryRunAll), "a namespace is emptied")
	assert.NoError(t, h.as(admin).Delete(ctx, free.DeepCopy(), client.DryRunAll))
	assert.NoError(t, patch(admin, `{"metadata":{"ownerReferences":null}}`))

	require.NoError(t, h.Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}))
	require.Eventually(t, func() bool {
		return h.as("system:kube-controller-manager").Delete(ctx, free.DeepCopy(), client.DryRunAll) == nil
	}, patience, tick, "where all controllers have one identity, a namespace that is deleted is emptied too")
}
