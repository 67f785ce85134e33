// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
)

// TestARelocateIsTakenBack while the workload has to leave and nobody removes it: it never stops where it is. Later the
// same relocate goes through. Its user types the commands of the plugin of kubectl.
func TestARelocateIsTakenBack(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	a := protected(t, l, "taken-back", lab.DR1)
	pod := a.Pod(lab.DR1)
	a.Leave()
	out, code := plugin(t, l, "status", "-n", "taken-back")
	assert.Zero(t, code)
	assert.Regexp(t, `taken-back +taken-back +Protected +dr1 +dr2 ready +\d+s of 60s +-\n1 application: 1 protected. Heard of dr1 \d+s ago, of dr2 \d+s ago.`, out)
	out, code = plugin(t, l, "failover", "taken-back", "-n", "taken-back", "--yes")
	assert.Equal(t, cli.ExitRefused, code, "dr1 answers")
	assert.Contains(t, out, "A relocate loses nothing: kubectl ramen-direct relocate taken-back -n taken-back.")
	out, code = plugin(t, l, "plan", "relocate", "taken-back", "-n", "taken-back")
	assert.Zero(t, code)
	assert.Contains(t, out, "wait for WorkloadGone of dr1, which the deployer brings about, a tool or you\n")
	assert.Contains(t, out, "The application runs on dr2 then. The plan ends at Relocated, Completed.\n")
	_, command, _ := strings.Cut(out, "Run: kubectl ramen-direct ")
	_, code = plugin(t, l, append(strings.Fields(command), "--yes")...)
	require.Zero(t, code)
	w := a.Waits("WorkloadGone", lab.DR1)
	assert.Contains(t, w.Message, "Pod taken-back-")
	assert.Contains(t, w.NextStep, "remove the workload and its PVCs from dr1")
	assert.Regexp(t, `taken-back .* Relocating +WaitOnUserToCleanUp .*the workload still uses the volumes on cluster dr1`,
		onHub(t, l, "get", "drpc", "-n", "taken-back", "-o", "wide"))

	out, code = plugin(t, l, "why", "taken-back", "-n", "taken-back")
	assert.Zero(t, code, "it moves")
	assert.Contains(t, out, "Who can help: the deployer of the workload, a tool or you. Next step:\n")
	assert.Contains(t, out, "Relocating: taken-back/taken-back moves dr1 -> dr2; phase Relocating, step WaitOnUserToCleanUp")
	assert.Regexp(t, `dr1 +live, heard of \d+s ago +Primary +Primary`, out)

	out, code = plugin(t, l, "clear", "taken-back", "-n", "taken-back", "--yes", "--wait")
	assert.Zero(t, code)
	assert.Contains(t, out, "Take back the action Relocate of taken-back/taken-back. It ends on dr1.\n")
	assert.Contains(t, out, "Done: taken-back/taken-back runs on dr1.\n")
	drpc := a.Settled(v1alpha1.Deployed, lab.DR1)
	assert.Equal(t, []v1alpha1.ClusterDecision{{ClusterName: lab.DR1, ClusterNamespace: lab.DR1, Reason: v1alpha1.DecisionRun}}, drpc.Status.Decisions)
	require.NoError(t, a.GoesOn(t.Context(), lab.DR1), "replication resumes")
	assert.Equal(t, pod, a.Pod(lab.DR1), "the workload was left alone")

	out, code = plugin(t, l, "protect", "rival", "-n", "taken-back", "--policy", drpc.Spec.DRPolicyRef.Name, "--cluster", lab.DR1, "--all-pvcs")
	assert.Equal(t, cli.ExitRefused, code)
	assert.Contains(t, out, "the hub would refuse it (Conflict): DRPlacementControl taken-back/taken-back")
	out, code = plugin(t, l, "disconnect", lab.DR1, "--yes")
	assert.Equal(t, cli.ExitRefused, code)
	assert.Contains(t, out, "taken-back/taken-back")

	a.Follow()
	_, err := a.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err)
	out, code = plugin(t, l, "history", "taken-back", "-n", "taken-back")
	assert.Zero(t, code)
	assert.Regexp(t, `Relocate dr1 -> dr2 +Completed +\d+s +\d+s +- +[a-z]`, out, "the API server knows who wrote the action")
	assert.Regexp(t, `Relocate dr1 -> dr2 +Superseded +- +\d+s +- +[a-z]`, out, "the plugin says who took it back")
	assert.Regexp(t, `\n  [A-Z]\w+ +\d+s\n`, out, "the steps of the last one")
	out, code = plugin(t, l, "unprotect", "taken-back", "-n", "taken-back", "--yes", "--wait")
	assert.Zero(t, code)
	assert.Contains(t, out, "stay as they are on dr2.")
	assert.Contains(t, out, "Done: taken-back/taken-back is not protected any more.\n")
}

// TestAFailoverWithoutATargetGoesToTheOtherClusterOnce: it does not swing back, neither by itself nor when the hub
// forgets what it did.
func TestAFailoverWithoutATargetGoesToTheOtherClusterOnce(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "no-target", lab.DR1)
	a.Ask(func(s *v1alpha1.DRPlacementControlSpec) { s.Action = v1alpha1.ActionFailover })
	a.Settled(v1alpha1.FailedOver, lab.DR2)
	require.NoError(t, a.GoesOn(t.Context(), lab.DR2))
	pod := a.Pod(lab.DR2)
	require.NoError(t, l.Kill("hubctrl"))
	require.NoError(t, l.StartProcess(t.Context(), "hubctrl"))
	require.NoError(t, a.GoesOn(t.Context(), lab.DR2))
	a.Settled(v1alpha1.FailedOver, lab.DR2)
	assert.Equal(t, pod, a.Pod(lab.DR2))

	// To ask again for what is so changes nothing either.
	a.Ask(func(s *v1alpha1.DRPlacementControlSpec) { s.FailoverCluster = lab.DR2 })
	a.Settled(v1alpha1.FailedOver, lab.DR2)
	assert.Equal(t, pod, a.Pod(lab.DR2))
}

// TestARelocateToWhereItIsMovesNothing.
func TestARelocateToWhereItIsMovesNothing(t *testing.T) {
	calm(t)
	l := shared.Lab(t)
	a := protected(t, l, "stays", lab.DR1)
	pod := a.Pod(lab.DR1)
	a.Ask(func(s *v1alpha1.DRPlacementControlSpec) { s.Action = v1alpha1.ActionRelocate })
	a.Settled(v1alpha1.Relocated, lab.DR1)
	require.NoError(t, a.GoesOn(t.Context(), lab.DR1))
	assert.Equal(t, pod, a.Pod(lab.DR1))
}

// TestProtectionEndsWhenALostClusterReturns: until then the deletion waits and names it, and the application runs on.
func TestProtectionEndsWhenALostClusterReturns(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "deleted", lab.DR1)
	require.NoError(t, l.Fault(lab.DR2, faultproxy.BlackHole))
	var disabling errgroup.Group
	disabling.Go(func() error {
		_, err := a.Disable(t.Context())
		return err
	})
	w := a.Waits("LinkLive", lab.DR2)
	assert.Contains(t, w.Message, "cluster dr2 can't be reached; last heard of at")
	drpc, err := a.App.Control(t.Context())
	require.NoError(t, err)
	assert.Equal(t, v1alpha1.Deleting, drpc.Status.Phase)
	assert.Contains(t, onHub(t, l, "describe", "drpc", "-n", "deleted", "deleted"), w.Message)
	require.NoError(t, l.Heal(lab.DR2))
	require.NoError(t, disabling.Wait())
}
