// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

// tell changes, as the agent of a cluster, what the cluster tells of itself.
func (h *hub) tell(cluster string, edit func(*v1alpha1.DRClusterConfig)) {
	h.t.Helper()
	agent, err := client.New(h.as("inbox-"+cluster, "mirror"), client.Options{Scheme: h.Scheme})
	require.NoError(h.t, err)
	config := &v1alpha1.DRClusterConfig{}
	require.NoError(h.t, agent.Get(h.t.Context(), client.ObjectKey{Name: cluster}, config))
	was := config.DeepCopy()
	edit(config)
	require.NoError(h.t, agent.Status().Patch(h.t.Context(), config, client.MergeFrom(was)))
}

// modes asks dr2 for a maintenance mode and ends it, each step woken by a watch.
func (h *hub) modes(t *testing.T) {
	ctx := t.Context()
	h.tell("dr2", func(c *v1alpha1.DRClusterConfig) {
		c.Status.Classes[0].Labels["ramendr.openshift.io/maintenancemodes"] = "Failover"
	})
	require.NoError(t, h.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}))
	wish := &v1alpha1.VolumeReplicationGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "outbox-dr2", Name: "shop.db", Annotations: map[string]string{
		"exchange.ramendr.openshift.io/drpc": "shop/db", "exchange.ramendr.openshift.io/namespace": "shop", "exchange.ramendr.openshift.io/name": "db",
	}}}
	wish.Spec.ReplicationState, wish.Spec.S3Profiles = v1alpha1.Secondary, []string{"s3-dr1"}
	wish.Spec.Async = &v1alpha1.VRGAsyncSpec{SchedulingInterval: "5m", PeerClasses: []v1alpha1.PeerClass{{StorageClassName: "fast"}}}
	require.NoError(t, h.Client.Create(ctx, wish))
	drpc := &v1alpha1.DRPlacementControl{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db"}}
	drpc.Spec.DRPolicyRef.Name, drpc.Spec.PreferredCluster, drpc.Spec.FailoverCluster = "dr-5m", "dr1", "dr2"
	require.NoError(t, h.Client.Create(ctx, drpc))

	drpc.Spec.Action = v1alpha1.ActionFailover
	require.NoError(t, h.Client.Update(ctx, drpc))
	config, dc := &v1alpha1.DRClusterConfig{}, &v1alpha1.DRCluster{}
	require.Eventually(t, func() bool {
		return h.Client.Get(ctx, client.ObjectKey{Name: "dr2"}, config) == nil && len(config.Spec.MaintenanceModes) == 1
	}, within, often, "dr2 is not asked for the mode")
	request := config.Spec.MaintenanceModes[0]
	assert.Equal(t, "csi dr2", request.StorageProvisioner+" "+request.TargetID)
	assert.Len(t, config.Spec.ReplicationSchedules, 1, "what the other controller keeps stays")

	h.tell("dr2", func(c *v1alpha1.DRClusterConfig) {
		c.Status.MaintenanceModes = []v1alpha1.MaintenanceModeAnswer{{Name: request.Name, RequestedTime: request.RequestedTime, Generation: 1, State: v1alpha1.MModeStateProgressing}}
	})
	require.Eventually(t, func() bool {
		return h.Client.Get(ctx, client.ObjectKey{Name: "dr2"}, dc) == nil && len(dc.Status.MaintenanceModes) == 1 && dc.Status.MaintenanceModes[0].State == v1alpha1.MModeStateProgressing
	}, within, often, "what dr2 answers is not shown")

	wish.Spec.ReplicationState = v1alpha1.Primary
	require.NoError(t, h.Client.Update(ctx, wish))
	drpc.Status.Decisions = []v1alpha1.ClusterDecision{{ClusterName: "dr2", Reason: v1alpha1.DecisionRun}}
	require.NoError(t, h.Client.Status().Update(ctx, drpc))
	require.Eventually(t, func() bool {
		return h.Client.Get(ctx, client.ObjectKey{Name: "dr2"}, config) == nil && len(config.Spec.MaintenanceModes) == 0 &&
			h.Client.Get(ctx, client.ObjectKey{Name: "dr2"}, dc) == nil && len(dc.Status.MaintenanceModes) == 0
	}, within, often, "the mode is not ended")
	assert.Len(t, config.Spec.ReplicationSchedules, 1)
	assert.NotEmpty(t, dc.Status.Conditions)

	require.NoError(t, h.Client.Delete(ctx, drpc))
	require.NoError(t, h.Client.Delete(ctx, wish))
}
