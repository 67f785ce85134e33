// SPDX-License-Identifier: Apache-2.0

package order_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/cli/order"
	"github.com/ramendr/ramen-direct/cli/view"
)

// valid is a policy that protects volumes of class fast.
func (w *world) valid() {
	p := w.Policies["5m"]
	p.Status.Conditions = []metav1.Condition{{Type: "Validated", Status: "True"}}
	p.Status.Async.PeerClasses = []v1alpha1.PeerClass{{StorageClassName: "fast"}}
	w.Policies["5m"] = p
}

func wanted(change ...func(*order.Wanted)) order.Wanted {
	w := order.Wanted{Namespace: "bank", Name: "vault", Policy: "5m", Cluster: "dr1", Claims: metav1.LabelSelector{MatchLabels: map[string]string{"app": "vault"}}}
	for _, c := range change {
		c(&w)
	}
	return w
}

func TestProtect(t *testing.T) {
	w := newWorld()
	w.valid()
	d, p := order.Protect(&w.Snapshot, wanted())
	assert.Empty(t, p.Refusals)
	assert.Empty(t, p.Warnings)
	assert.Equal(t, "dr2", p.Peer)
	assert.Equal(t, "5m", d.Spec.DRPolicyRef.Name)
	assert.Equal(t, `apiVersion: ramendr.openshift.io/v1alpha1
kind: DRPlacementControl
metadata:
  name: vault
  namespace: bank
spec:
  drPolicyRef:
    name: 5m
  preferredCluster: dr1
  pvcSelector:
    matchLabels:
      app: vault
`, p.Manifest)
	d, p = order.Protect(&w.Snapshot, wanted(func(w *order.Wanted) { w.AppNamespace, w.Claims = "vaults", metav1.LabelSelector{} }))
	assert.Equal(t, "vaults", d.Annotations["drplacementcontrol.ramendr.openshift.io/app-namespace"])
	assert.Contains(t, p.Manifest, "  annotations:\n    drplacementcontrol.ramendr.openshift.io/app-namespace: vaults\n")
	assert.Contains(t, p.Manifest, "  pvcSelector: {}\n")

	hour := metav1.Duration{Duration: time.Hour}
	d, p = order.Protect(&w.Snapshot, wanted(func(w *order.Wanted) {
		w.Namespaces = []string{"vaults", "doors"}
		w.Objects = &v1alpha1.KubeObjectProtectionSpec{CaptureInterval: &hour, RecipeRef: &v1alpha1.RecipeRef{Namespace: "vaults", Name: "lock"}, RecipeParameters: map[string][]string{"key": {"a", "b"}}}
	}))
	assert.Equal(t, []string{"vaults", "doors"}, d.Spec.ProtectedNamespaces)
	assert.Equal(t, "lock", d.Spec.KubeObjectProtection.RecipeRef.Name)
	assert.Contains(t, p.Manifest, "  kubeObjectProtection:\n    captureInterval: 1h0m0s\n    recipeParameters:\n      key:\n      - a\n      - b\n    recipeRef:\n      name: lock\n      namespace: vaults\n")
	assert.Contains(t, p.Manifest, "  protectedNamespaces:\n  - vaults\n  - doors\n")
	assert.Equal(t, "its Kubernetes objects are captured every 60m by Recipe vaults/lock", p.Objects)
	for says, objects := range map[string]*v1alpha1.KubeObjectProtectionSpec{
		"": nil,
		"its Kubernetes objects are captured every 5m, all of its namespaces": {},
		"its Kubernetes objects with labels app=vault are captured every 5m":  {KubeObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "vault"}}},
		"its Kubernetes objects are captured every 5m by Recipe bank/lock":    {RecipeRef: &v1alpha1.RecipeRef{Name: "lock"}},
	} {
		_, p = order.Protect(&w.Snapshot, wanted(func(w *order.Wanted) { w.Objects = objects }))
		assert.Equal(t, says, p.Objects)
	}

	_, p = order.Protect(&w.Snapshot, wanted(func(w *order.Wanted) { w.Policy = "1h" }))
	assert.Contains(t, p.Refusals[0].Message, "there is no DRPolicy 1h: there is 5m")
	_, p = order.Protect(&w.Snapshot, wanted(func(w *order.Wanted) { w.Cluster = "dr3" }))
	assert.Contains(t, p.Refusals[0].Message, "which has dr1 and dr2: choose one of them with --cluster")
	w.heard("dr2", time.Hour)
	_, p = order.Protect(&w.Snapshot, wanted())
	assert.Equal(t, []string{"cluster dr2 is not heard of: the protection begins when both clusters have said what they have"}, p.Warnings)

	w = newWorld()
	_, p = order.Protect(&w.Snapshot, wanted())
	assert.Contains(t, p.Warnings[0], "DRPolicy 5m is not valid")
	w.valid()
	invalid := w.Policies["5m"]
	invalid.Status.Async.PeerClasses = nil
	w.Policies["5m"] = invalid
	_, p = order.Protect(&w.Snapshot, wanted())
	assert.Contains(t, p.Warnings[0], "no volume would be protected")
	w.Policies = nil
	_, p = order.Protect(&w.Snapshot, wanted())
	assert.Empty(t, p.Refusals, "what may not be read is not taken for absent")
	assert.Contains(t, p.Warnings[0], "you may not read DRPolicies")
}

func TestTheClaimsOfAProtection(t *testing.T) {
	w := newWorld()
	w.valid()
	policy := w.Policies["5m"]
	_, p := order.Protect(&w.Snapshot, wanted())
	order.Selects(p, &policy, []view.Claim{{Namespace: "bank", Name: "a", StorageClass: "fast"}})
	assert.Empty(t, p.Refusals)
	assert.True(t, p.Claims[0].Replicated)
	order.Selects(p, &policy, []view.Claim{{Namespace: "bank", Name: "a", StorageClass: "fast"}, {Namespace: "bank", Name: "b", StorageClass: "slow"}})
	require.Len(t, p.Refusals, 1)
	assert.Contains(t, p.Refusals[0].Message, "does not replicate the StorageClass of PVC bank/b (slow)")
	_, p = order.Protect(&w.Snapshot, wanted())
	order.Selects(p, &policy, nil)
	assert.Contains(t, p.Warnings[0], "no PVC on dr1 is selected now")
	assert.NotNil(t, p.Claims)
}

func TestUnprotect(t *testing.T) {
	w := newWorld()
	p := order.Unprotect(w.Detail, false)
	assert.Empty(t, p.Refusals)
	assert.Empty(t, p.Warnings)
	assert.Equal(t, "dr1", p.Home)

	w.heard("dr2", time.Hour)
	p = order.Unprotect(w.Detail, false)
	assert.Equal(t, []string{"cluster dr2 was last heard of 60m ago: the end waits for it. kubectl ramen-direct why says how to give that cluster up"}, p.Warnings)
	w.heard("dr2", time.Second)
	w.heard("dr1", time.Hour)
	p = order.Unprotect(w.Detail, false)
	assert.Contains(t, p.Warnings[0], "what dr2 has is the only copy that can. Fail over first to keep it: kubectl ramen-direct failover ledger -n bank")

	w = newWorld()
	w.drpc.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "dr:x"}
	p = order.Unprotect(w.Detail, false)
	require.Len(t, p.Refusals, 1)
	assert.Equal(t, view.GuardGit, p.Refusals[0].Guard)
	assert.Equal(t, "apiVersion: ramendr.openshift.io/v1alpha1\nkind: DRPlacementControl\nmetadata:\n  name: ledger\n  namespace: bank\n", p.Git.Commit)
	p = order.Unprotect(w.Detail, true)
	assert.Empty(t, p.Refusals)
	assert.Contains(t, p.Warnings[0], "may create it again")

	w.drpc.DeletionTimestamp = &metav1.Time{Time: now}
	assert.Equal(t, view.OutcomeNothing, order.Unprotect(w.Detail, false).Outcome)
}
