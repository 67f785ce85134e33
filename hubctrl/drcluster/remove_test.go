// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func wish(name string, more ...string) *v1alpha1.VolumeReplicationGroup {
	return &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{
		Namespace: "outbox-dr1", Name: name, UID: types.UID("uid-" + name),
		Finalizers: append(more, "exchange.ramendr.openshift.io/wish"),
	}}
}

// leaving is a world whose dr1 was set up and is being deleted.
func leaving(t *testing.T, with ...client.Object) *world {
	t.Helper()
	w := newWorld(t, with...)
	w.mustReconcile()
	w.delete(w.dr1())
	return w
}

func TestADRClusterThatAPolicyListsStaysAndSaysSo(t *testing.T) {
	w := leaving(t, policy("another", "1h"))
	drain(w)
	w.mustReconcile()
	c := w.condition("DeletionBlocked")
	assert.Equal(t, metav1.ConditionTrue, c.Status)
	assert.Equal(t, "ListedByDRPolicy", c.Reason)
	assert.Contains(t, c.Message, "delete the DRPolicies that list this cluster first: another, policy")
	require.Len(t, w.events.Events, 1)
	assert.Contains(t, <-w.events.Events, "Warning ListedByDRPolicy delete the DRPolicies")
	assert.Equal(t, "Succeeded", w.condition("Validated").Reason)

	w.writes = 0
	w.mustReconcile()
	assert.Zero(t, w.writes)
	assert.Empty(t, w.events.Events, "it says so once")

	w.delete(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror"}})
	w.mustReconcile()
	assert.True(t, w.get(&rbacv1.RoleBinding{}, "inbox-dr1", "mirror"), "a cluster that is still needed is still kept")
}

func TestADRClusterThatNobodyNeedsGoesWithAllThatItHad(t *testing.T) {
	w := leaving(t)
	w.delete(policy("policy", ""))
	w.mustReconcile()
	c := w.condition("DeletionBlocked")
	assert.Equal(t, "RemovingSecrets", c.Reason)
	assert.Contains(t, c.Message, "waiting until cluster dr1 has removed the Secrets that it was given: spoke-system/keys-dr1, spoke-system/keys-dr2. If it can't, ")
	assert.True(t, w.get(&rbacv1.ClusterRole{}, "", "ramen-mirror-cluster-dr1"), "its mirror needs its rights until then")
	w.withdrawn()
	w.mustReconcile()
	assert.False(t, w.get(&corev1.Namespace{}, "", "outbox-dr1"))
	assert.False(t, w.get(&corev1.Namespace{}, "", "inbox-dr1"))
	assert.False(t, w.get(&rbacv1.ClusterRole{}, "", "ramen-mirror-cluster-dr1"))
	assert.False(t, w.get(&rbacv1.ClusterRoleBinding{}, "", "ramen-mirror-cluster-dr1"))
	assert.False(t, w.get(&v1alpha1.DRClusterConfig{}, "", "dr1"))
	assert.Equal(t, "RemovingNamespaces", w.condition("DeletionBlocked").Reason)
	w.mustReconcile()
	assert.False(t, w.get(&v1alpha1.DRCluster{}, "", "dr1"))
	w.mustReconcile()
}

func TestItWaitsUntilTheNamespacesAreGone(t *testing.T) {
	w := leaving(t)
	w.delete(policy("policy", ""))
	ns := &corev1.Namespace{}
	require.True(t, w.get(ns, "", "outbox-dr1"))
	ns.Finalizers = []string{"kubernetes.example/slow"}
	w.update(ns)
	w.mustReconcile()
	w.withdrawn()
	w.mustReconcile()
	c := w.condition("DeletionBlocked")
	assert.Equal(t, "RemovingNamespaces", c.Reason)
	assert.Contains(t, c.Message, "outbox-dr1")
	require.True(t, w.get(ns, "", "outbox-dr1"))
	ns.Finalizers = nil
	w.update(ns)
	w.mustReconcile()
	assert.False(t, w.get(&v1alpha1.DRCluster{}, "", "dr1"))
}

func TestTombstonesAreDropped(t *testing.T) {
	tombstone := wish("app.drpc", "somebody/else")
	w := leaving(t, tombstone)
	w.delete(tombstone)
	w.delete(policy("policy", ""))
	w.mustReconcile()
	left := &v1alpha1.VolumeReplicationGroup{}
	require.True(t, w.get(left, "outbox-dr1", "app.drpc"))
	assert.Equal(t, []string{"somebody/else"}, left.Finalizers)
}

func TestALivingWishIsNotATombstone(t *testing.T) {
	w := leaving(t, wish("app.drpc"))
	w.delete(policy("policy", ""))
	w.mustReconcile()
	c := w.condition("DeletionBlocked")
	assert.Equal(t, "WishesRemain", c.Reason)
	assert.Contains(t, c.Message, "app.drpc")
	left := &v1alpha1.VolumeReplicationGroup{}
	require.True(t, w.get(left, "outbox-dr1", "app.drpc"))
	assert.Len(t, left.Finalizers, 1)
	assert.True(t, left.DeletionTimestamp.IsZero(), "it is not deleted either: that would end the protection")
	assert.True(t, w.get(&corev1.Namespace{}, "", "outbox-dr1"))
}

func TestARemovalThatFailsHalfwayPutsNothingBack(t *testing.T) {
	w := leaving(t)
	w.delete(policy("policy", ""))
	w.mustReconcile()
	w.withdrawn()
	boom := errors.New("boom")
	w.failures[op{"delete", "inbox-dr1"}] = boom
	_, err := w.reconcile()
	require.ErrorIs(t, err, boom)
	assert.Contains(t, w.condition("DeletionBlocked").Message, "boom")
	assert.False(t, w.get(&rbacv1.ClusterRoleBinding{}, "", "ramen-mirror-cluster-dr1"))
	delete(w.failures, op{"delete", "inbox-dr1"})
	w.mustReconcile()
	w.mustReconcile()
	assert.False(t, w.get(&v1alpha1.DRCluster{}, "", "dr1"))
}

func TestANamespaceOfSomebodyElseSurvivesTheRemoval(t *testing.T) {
	w := leaving(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "inbox-dr1"}})
	w.delete(policy("policy", ""))
	w.mustReconcile()
	w.withdrawn()
	w.mustReconcile()
	w.mustReconcile()
	assert.False(t, w.get(&v1alpha1.DRCluster{}, "", "dr1"))
	assert.True(t, w.get(&corev1.Namespace{}, "", "inbox-dr1"))
}

func TestARemovalThatCanNotLookPutsNothingBack(t *testing.T) {
	w := leaving(t)
	w.delete(policy("policy", ""))
	w.delete(&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "ramen-mirror-cluster-dr1"}})
	boom := errors.New("boom")
	w.failures[op{"list", "VolumeReplicationGroupList"}] = boom
	_, err := w.reconcile()
	require.ErrorIs(t, err, boom)
	assert.False(t, w.get(&rbacv1.ClusterRole{}, "", "ramen-mirror-cluster-dr1"), "the removal had begun")
	assert.True(t, w.get(&corev1.Namespace{}, "", "outbox-dr1"), "what is not known is not absent")
}
