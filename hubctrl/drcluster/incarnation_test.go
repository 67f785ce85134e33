// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// claiming is the lease of dr1 in which a mirror says on which cluster it runs.
func claiming(identity string) *coordinationv1.Lease {
	l := lease()
	l.Annotations = map[string]string{"exchange.ramendr.openshift.io/spoke-id": identity}
	return l
}

// agentIsTold is the identity that the DRClusterConfig tells the mirror.
func (w *world) agentIsTold() string {
	w.t.Helper()
	c := &v1alpha1.DRClusterConfig{}
	require.True(w.t, w.get(c, "", "dr1"))
	return c.Annotations["exchange.ramendr.openshift.io/spoke-id"]
}

func TestX13_TheFirstClusterThatConnectsIsRecorded(t *testing.T) {
	w := newWorld(t)
	w.mustReconcile()
	assert.Empty(t, w.dr1().Status.ClusterID)
	assert.Empty(t, w.agentIsTold())
	require.NoError(t, w.client.Create(t.Context(), claiming("a")))
	w.mustReconcile()
	assert.Equal(t, "a", w.dr1().Status.ClusterID)
	assert.Equal(t, "a", w.agentIsTold())
	w.writes = 0
	w.mustReconcile()
	assert.Zero(t, w.writes)
}

func TestX13_AnotherClusterIsToldUntilTheUserAcceptsIt(t *testing.T) {
	w := newWorld(t, claiming("a"))
	w.mustReconcile()
	drain(w)
	w.links["dr1"] = exchange.Link{State: exchange.LinkReplaced, LastRenewal: w.clock.Now(), Stranger: "b"}
	w.mustReconcile()
	assert.Equal(t, "a", w.agentIsTold())
	c := w.condition("Connected")
	assert.Equal(t, metav1.ConditionFalse, c.Status)
	assert.Equal(t, "ClusterReplaced", c.Reason)
	assert.Contains(t, c.Message, "a mirror on cluster b uses the credentials of dr1, which was cluster a until now: last heard at 2026-01-01T12:00:00Z")
	assert.Contains(t, c.Message, "kubectl annotate drcluster dr1 ramendr.openshift.io/accept-cluster=b --overwrite")
	require.Len(t, drain(w), 1)

	dc := w.dr1()
	dc.Annotations = map[string]string{"ramendr.openshift.io/accept-cluster": "c"}
	w.update(dc)
	w.mustReconcile()
	assert.Equal(t, "a", w.dr1().Status.ClusterID, "the user has accepted another one")
	dc = w.dr1()
	dc.Annotations["ramendr.openshift.io/accept-cluster"] = "b"
	w.update(dc)
	w.mustReconcile()
	assert.Equal(t, "b", w.dr1().Status.ClusterID)
	assert.Equal(t, "b", w.agentIsTold())
	assert.Contains(t, drain(w)[0], "ClusterAccepted")
}

func TestX13_AMirrorOnTheClusterOfAnotherDRClusterIsNeverRecorded(t *testing.T) {
	dr2 := cluster("dr2")
	dr2.Status.ClusterID = "b"
	w := newWorld(t, dr2, claiming("b"))
	w.links["dr1"] = exchange.Link{State: exchange.LinkConnecting}
	w.mustReconcile()
	assert.Empty(t, w.dr1().Status.ClusterID)
	assert.Empty(t, w.agentIsTold())
	c := w.condition("Connected")
	assert.Equal(t, metav1.ConditionFalse, c.Status)
	assert.Equal(t, "DRClustersAreOne", c.Reason)
	assert.Contains(t, c.Message, "the mirror that uses the credentials of dr1 runs on the cluster of DRCluster dr2 (b), and nothing is applied there: delete the Secret with the credentials of dr1 there")
	dc := w.dr1()
	dc.Annotations = map[string]string{"ramendr.openshift.io/accept-cluster": "b"}
	w.update(dc)
	w.mustReconcile()
	assert.Empty(t, w.dr1().Status.ClusterID, "not even if the user accepts it")
}

func TestX13_AStrangerBesideTheRecordedClusterIsTold(t *testing.T) {
	dr2 := cluster("dr2")
	dr2.Status.ClusterID = "b"
	w := newWorld(t, dr2, claiming("a"))
	w.mustReconcile()
	drain(w)
	w.links["dr1"] = exchange.Link{State: exchange.LinkLive, LastRenewal: w.clock.Now(), Stranger: "b"}
	w.mustReconcile()
	c := w.condition("Connected")
	assert.Equal(t, metav1.ConditionTrue, c.Status, "the link works all the same")
	assert.Equal(t, "StrangerConnected", c.Reason)
	assert.Contains(t, c.Message, "a mirror on the cluster of DRCluster dr2 (b) uses the credentials of dr1 too. Nothing is applied there")
	require.Len(t, drain(w), 1)
	w.links["dr1"] = exchange.Link{State: exchange.LinkLive, LastRenewal: w.clock.Now()}
	w.mustReconcile()
	assert.Equal(t, "Live", w.condition("Connected").Reason)
}

func TestX13_AnAcceptedIdentityIsTheOnlyOneThatMayConnectFirst(t *testing.T) {
	dr1 := cluster("dr1")
	dr1.Annotations = map[string]string{"ramendr.openshift.io/accept-cluster": "b"}
	w := newWorld(t, dr1, claiming("a"))
	w.links["dr1"] = exchange.Link{State: exchange.LinkConnecting}
	w.mustReconcile()
	assert.Empty(t, w.dr1().Status.ClusterID)
	assert.Equal(t, "ClusterReplaced", w.condition("Connected").Reason)
	assert.Contains(t, w.condition("Connected").Message, "names cluster b")
}
