// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

const policyText = `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPolicy
metadata:
  name: bad
spec:
  drClusters: %s
  schedulingInterval: %s
`

const controlText = `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPlacementControl
metadata:
  name: bad
  namespace: default
spec:
  drPolicyRef: {name: %s}
  pvcSelector: {}
  %s
`

// TestBadManifestsAreRefused by the API server, with what to write instead.
func TestBadManifestsAreRefused(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	for what, c := range map[string]struct{ text, says string }{
		"a policy with one cluster":           {fmt.Sprintf(policyText, "[dr1]", "5m"), "drClusters must name exactly two DRClusters"},
		"a policy with three clusters":        {fmt.Sprintf(policyText, "[dr1, dr2, dr3]", "5m"), "drClusters must name exactly two DRClusters"},
		"a policy with two equal clusters":    {fmt.Sprintf(policyText, "[dr1, dr1]", "5m"), "drClusters must name two different DRClusters"},
		"a policy with an unknown unit":       {fmt.Sprintf(policyText, "[dr1, dr2]", "5x"), "schedulingInterval must be a positive number followed by m, h or d, such as 5m"},
		"a policy that never replicates":      {fmt.Sprintf(policyText, "[dr1, dr2]", "0m"), "schedulingInterval must be a positive number"},
		"a relocate to nowhere":               {fmt.Sprintf(controlText, "lab-1m", "action: Relocate"), "action Relocate needs preferredCluster"},
		"an unknown action":                   {fmt.Sprintf(controlText, "lab-1m", "action: Move"), `Unsupported value: "Move": supported values: "", "Failover", "Relocate"`},
		"a test failover":                     {fmt.Sprintf(controlText, "lab-1m", "dryRun: true"), "dryRun (test failover) is not supported"},
		"an application without a policy":     {fmt.Sprintf(controlText, `""`, "preferredCluster: dr1"), "drPolicyRef.name must name a DRPolicy"},
		"a field that is not known to anyone": {fmt.Sprintf(controlText, "lab-1m", "preferedCluster: dr1"), `unknown field "spec.preferedCluster"`},
	} {
		t.Run(what, func(t *testing.T) { assert.Contains(t, refused(t, l, c.text), c.says) })
	}
}

// TestAnUnknownClusterHarmsNothing: neither at the beginning nor as the target of a relocate, and once it is repaired the
// operation continues automatically.
func TestAnUnknownClusterHarmsNothing(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	a := enter(t, l, "unknown-cluster")
	require.NoError(t, a.App.Protect(t.Context(), "dr9"))
	requireUnknownTarget(a)
	assert.NotContains(t, onHub(t, l, "get", "vrg", "-A"), "unknown-cluster", "nothing is wished")
	a.Ask(func(s *v1alpha1.DRPlacementControlSpec) { s.PreferredCluster = lab.DR1 })
	require.NoError(t, a.Begin(t.Context(), lab.DR1))

	a.Ask(func(s *v1alpha1.DRPlacementControlSpec) {
		s.Action, s.PreferredCluster = v1alpha1.ActionRelocate, "dr9"
	})
	drpc := requireUnknownTarget(a)
	assert.Equal(t, lab.DR1, drpc.Status.PreferredDecision.ClusterName)
	require.NoError(t, a.GoesOn(t.Context(), lab.DR1), "it is protected meanwhile")
	_, err := a.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err)
}

func requireUnknownTarget(a *actor) *v1alpha1.DRPlacementControl {
	a.T.Helper()
	w := a.Waits("TargetNamed", "")
	assert.Equal(a.T, `spec.preferredCluster is "dr9", which is not a cluster of DRPolicy lab-1m`, w.Message)
	assert.Equal(a.T, "set spec.preferredCluster to dr1 or dr2", w.NextStep)
	drpc, err := a.App.Control(a.T.Context())
	require.NoError(a.T, err)
	assert.Equal(a.T, v1alpha1.WaitForUser, drpc.Status.Phase)
	assert.Equal(a.T, "True", actors.Says(drpc, v1alpha1.ConditionStalled), "for tools that wait for it")
	return drpc
}

// TestAMissingPolicyIsAwaited: the order in which a tool applies manifests does not matter.
func TestAMissingPolicyIsAwaited(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	a := enter(t, l, "early")
	onHub(t, l, "create", "namespace", "early")
	applied(t, l, `
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPlacementControl
metadata: {name: early, namespace: early}
spec:
  drPolicyRef: {name: late-policy}
  preferredCluster: dr1
  pvcSelector: {matchLabels: {app: early}}
`)
	a.Control("the policy is missed", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Contains(c, actors.Says(drpc, v1alpha1.ConditionReady), `NoSuchPolicy: spec.drPolicyRef names "late-policy": there is no such DRPolicy: create it`)
		assert.Equal(c, v1alpha1.WaitForUser, drpc.Status.Phase)
	})
	assert.Contains(t, a.Waits("NoSuchPolicy", "").Message, "there is no such DRPolicy")
	applied(t, l, fmt.Sprintf(`
apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPolicy
metadata: {name: late-policy}
spec: {drClusters: [dr1, dr2], schedulingInterval: %s}
`, lab.SchedulingInterval))
	t.Cleanup(func() {
		_, err := labtest.Kubectl(cleanupContext(t), l, lab.Hub, "", "delete", "drpolicy", "late-policy", "--wait=false")
		assert.NoError(t, err)
	})
	require.NoError(t, a.Begin(t.Context(), lab.DR1))
}
