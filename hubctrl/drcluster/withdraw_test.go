// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

const keysOfPeer = "spoke-system.keys-dr2"

func TestKeysThatNobodyNeedsLeaveTheClusterBeforeTheirWish(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	w.delete(policy("policy", ""))
	w.mustReconcile()
	s := &corev1.Secret{}
	require.True(t, w.get(s, "outbox-dr1", keysOfPeer), "the wish stays until the cluster has obeyed its deletion")
	require.False(t, s.DeletionTimestamp.IsZero())

	w.tells(map[string]string{exchange.AnnotationWithdrawn: "another," + string(s.UID)})
	w.mustReconcile()
	assert.False(t, w.get(s, "outbox-dr1", keysOfPeer))
	assert.True(t, w.get(s, "outbox-dr1", "spoke-system.keys-dr1"), "of that one the lease says nothing")
}

func TestTheLeaseOfAnotherClusterTellsNothingOfSecrets(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	w.delete(policy("policy", ""))
	w.mustReconcile()
	s := &corev1.Secret{}
	require.True(t, w.get(s, "outbox-dr1", keysOfPeer))
	w.tells(map[string]string{exchange.AnnotationWithdrawn: string(s.UID)})
	dc := w.dr1()
	dc.Status.ClusterID = "the one that was replaced"
	require.NoError(t, w.client.Status().Update(t.Context(), dc))
	w.mustReconcile()
	assert.True(t, w.get(s, "outbox-dr1", keysOfPeer))
}

func TestKeysThatAreWantedAgainAreWishedAgain(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	s := &corev1.Secret{}
	require.True(t, w.get(s, "outbox-dr1", keysOfPeer))
	was := s.UID
	w.delete(policy("policy", ""))
	w.mustReconcile()
	require.False(t, w.wishes(keysOfPeer))
	require.NoError(t, w.client.Create(t.Context(), policy("policy", "5m")))
	w.mustReconcile()
	require.True(t, w.wishes(keysOfPeer))
	require.True(t, w.get(s, "outbox-dr1", keysOfPeer))
	assert.NotEqual(t, was, s.UID)
	w.writes = 0
	w.mustReconcile()
	assert.Zero(t, w.writes)
}

// TestAGroupKeepsTheKeysOfItsStores, also while it is being removed: to end, it needs them.
func TestAGroupKeepsTheKeysOfItsStores(t *testing.T) {
	group := wish("app.drpc")
	group.Spec.S3Profiles = []string{"s3-dr2", "NoS3"}
	w := newWorld(t, group)
	w.mustReconcile()
	w.delete(policy("policy", ""))
	w.mustReconcile()
	assert.True(t, w.wishes(keysOfPeer))
	assert.False(t, w.wishes("spoke-system.keys-dr1"))
	w.delete(group)
	w.mustReconcile()
	assert.True(t, w.wishes(keysOfPeer), "it is a tombstone: the cluster has not obeyed yet")
	left := &v1alpha1.VolumeReplicationGroup{}
	require.True(t, w.get(left, "outbox-dr1", "app.drpc"))
	left.Finalizers = nil
	w.update(left)
	w.mustReconcile()
	assert.False(t, w.wishes(keysOfPeer))
}

// TestKeysStayOnTheClusterWhereOthersDistributeThem: without a finalizer the wish goes at once, and its copy stays.
func TestKeysStayOnTheClusterWhereOthersDistributeThem(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	w.update(configMap(strings.Replace(config, "namespaceName: spoke-system", "namespaceName: spoke-system\n  s3SecretDistributionEnabled: false", 1)))
	w.mustReconcile()
	assert.False(t, w.get(&corev1.Secret{}, "outbox-dr1", keysOfPeer))
}

func TestAClusterThatCannotBeHeardKeepsItsSecrets(t *testing.T) {
	w := leaving(t)
	w.delete(policy("policy", ""))
	w.mustReconcile()
	require.Equal(t, "RemovingSecrets", w.condition("DeletionBlocked").Reason)
	w.tells(map[string]string{})
	w.links["dr1"] = exchange.Link{State: exchange.LinkConnecting}
	w.mustReconcile()
	require.Equal(t, "RemovingSecrets", w.condition("DeletionBlocked").Reason, "a hub that has just started does not know yet")
	w.links["dr1"] = exchange.Link{State: exchange.LinkLost}
	w.mustReconcile()
	w.mustReconcile()
	assert.False(t, w.get(&v1alpha1.DRCluster{}, "", "dr1"))
}

func TestNothingIsTakenBackWhereNoClusterWasEverRecorded(t *testing.T) {
	w := leaving(t)
	w.delete(policy("policy", ""))
	w.links["dr1"] = exchange.Link{State: exchange.LinkConnecting}
	w.mustReconcile()
	w.mustReconcile()
	assert.False(t, w.get(&v1alpha1.DRCluster{}, "", "dr1"))
}

// TestAClusterThatStillRemovesAGroupKeepsItsKeys: the group needs its store to end.
func TestAClusterThatStillRemovesAGroupKeepsItsKeys(t *testing.T) {
	tombstone := wish("app.drpc")
	report := wish("app.drpc")
	report.Namespace, report.Finalizers = "inbox-dr1", nil
	w := leaving(t, tombstone, report)
	w.delete(tombstone)
	w.delete(policy("policy", ""))
	w.mustReconcile()
	c := w.condition("DeletionBlocked")
	assert.Equal(t, "RemovingGroups", c.Reason)
	assert.Contains(t, c.Message, "waiting until cluster dr1 has removed the VolumeReplicationGroups app.drpc. If it can't, ")
	assert.True(t, w.wishes(keysOfPeer))
	w.delete(report)
	w.mustReconcile()
	assert.Equal(t, "RemovingSecrets", w.condition("DeletionBlocked").Reason)
	w.withdrawn()
	w.mustReconcile()
	w.mustReconcile()
	assert.False(t, w.get(&v1alpha1.DRCluster{}, "", "dr1"))
}
