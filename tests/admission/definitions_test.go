// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func definition(name string) *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// keepsDefinitions sees that no definition is deleted by mistake, and with it all objects of its kind.
func (h *hub) keepsDefinitions(t *testing.T) {
	ctx := t.Context()
	h.Kubectl(t, "apply", "-k", "config/install/hub/definitions")
	names := []string{"drplacementcontrols", "drpolicies", "drclusters", "drclusterconfigs", "volumereplicationgroups"}
	require.Eventually(t, func() bool {
		return h.as(admin).Delete(ctx, definition("drclusters.ramendr.openshift.io"), client.DryRunAll) != nil
	}, patience, tick, "the policy is not applied")
	for _, name := range names {
		d := definition(name + ".ramendr.openshift.io")
		err := h.as(admin).Delete(ctx, d, client.DryRunAll)
		assert.True(t, apierrors.IsForbidden(err), "%s: %v", name, err)
		assert.ErrorContains(t, err, "with the definition "+d.Name+" all objects of its kind would be deleted", name)

		require.NoError(t, h.Client.Get(ctx, client.ObjectKeyFromObject(d), d))
		assert.Equal(t, "Prune=false,Delete=false", d.Annotations["argocd.argoproj.io/sync-options"], name)
		assert.Equal(t, "disabled", d.Annotations["kustomize.toolkit.fluxcd.io/prune"], name)
		assert.Equal(t, "keep", d.Annotations["helm.sh/resource-policy"], name)
	}
	assert.Error(t, h.as(admin).DeleteAllOf(ctx, definition(""), client.DryRunAll), "all at once")

	// A cleanup goes on after a refusal, with the policy last, which nothing can refuse.
	out := h.KubectlFails(t, "delete", "--wait=false", "-k", "config/install/hub/definitions")
	assert.Contains(t, out, `validatingadmissionpolicy.admissionregistration.k8s.io "ramen-definitions" deleted`)
	for _, name := range names {
		d := definition(name + ".ramendr.openshift.io")
		require.NoError(t, h.Client.Get(ctx, client.ObjectKeyFromObject(d), d))
		assert.Nil(t, d.DeletionTimestamp, name)
	}
	h.Kubectl(t, "apply", "-k", "config/install/hub/definitions")

	broken := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+breakGlass+`":"uninstalled"}}}`))
	require.NoError(t, h.as(admin).Patch(ctx, definition("drclusters.ramendr.openshift.io"), broken))
	assert.NoError(t, h.as(admin).Delete(ctx, definition("drclusters.ramendr.openshift.io"), client.DryRunAll), "after the glass was broken")
}
