// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestADeletionOfTheDefinitionEndsNoProtection(t *testing.T) {
	h := deployed(t)
	definition := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{
		Name: "drplacementcontrols.ramendr.openshift.io", Finalizers: []string{"customresourcecleanup.apiextensions.k8s.io"}}}
	require.NoError(t, h.api.Create(t.Context(), definition))
	require.NoError(t, h.api.Delete(t.Context(), definition))
	h.disable()
	_, err := h.try(app)
	require.ErrorContains(t, err, "deleted because its definition drplacementcontrols.ramendr.openshift.io is: the protection of the application is not ended by that")
	for _, cluster := range []string{"dr1", "dr2"} {
		assert.Nil(t, h.wish(cluster).DeletionTimestamp, cluster)
	}
	waiting := h.drpc().Status.Waiting
	require.NotNil(t, waiting)
	assert.Equal(t, "DefinitionDeleted", waiting.Fact)
	assert.Contains(t, waiting.Message, "install the hub again")
	assert.NotEmpty(t, h.drpc().Finalizers, "it stays")
}

func TestADeletionBesideADefinitionThatStaysIsAWord(t *testing.T) {
	h := deployed(t)
	definition := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "drplacementcontrols.ramendr.openshift.io"}}
	require.NoError(t, h.api.Create(t.Context(), definition))
	h.disable()
	h.settle()
	assert.Nil(t, h.drpc())
}
