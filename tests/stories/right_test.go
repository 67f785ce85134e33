// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/internal/testlayer"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// TestARightOnOneNamespaceMovesNothingOfAnother: those who may protect applications of their own namespace can't take
// those of another one over, neither by an annotation nor by a list.
func TestARightOnOneNamespaceMovesNothingOfAnother(t *testing.T) {
	testlayer.Slow(t, "tests/admission TestARightOnOneNamespaceIsNoRightOnAnother")
	calm(t)
	l := shared.Lab(t)
	a := enter(t, l, "victim")
	require.NoError(t, a.Protect(t.Context(), lab.DR1))
	onHub(t, l, "create", "namespace", "mallory")
	t.Cleanup(func() {
		_, err := labtest.Kubectl(cleanupContext(t), l, lab.Hub, "", "delete", "namespace", "mallory")
		assert.NoError(t, err)
	})
	onHub(t, l, "create", "role", "dr", "-n", "mallory", "--verb=*", "--resource=drplacementcontrols.ramendr.openshift.io")
	onHub(t, l, "create", "rolebinding", "dr", "-n", "mallory", "--role=dr", "--user=mallory")
	for what, text := range map[string]string{
		"by an annotation": "metadata: {name: victim, namespace: mallory, annotations: {drplacementcontrol.ramendr.openshift.io/app-namespace: victim}}\nspec: {",
		"by a list":        "metadata: {name: victim, namespace: mallory}\nspec: {protectedNamespaces: [victim], ",
	} {
		said := refused(t, l, "apiVersion: ramendr.openshift.io/v1alpha1\nkind: DRPlacementControl\n"+text+"drPolicyRef: {name: lab-1m}, preferredCluster: dr2, pvcSelector: {}}\n", "--as=mallory")
		assert.Contains(t, said, "may not create drplacementcontrols in", what)
	}
	require.NoError(t, a.GoesOn(t.Context(), lab.DR1))
	a.RunsOnlyOn(lab.DR1)
}
