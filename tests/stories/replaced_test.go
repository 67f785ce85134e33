// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/link"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// drCluster is a DRCluster and its condition Connected.
func drCluster(t require.TestingT, ctx context.Context, l *lab.Lab, name string) (*v1alpha1.DRCluster, metav1.Condition) {
	dc := &v1alpha1.DRCluster{}
	require.NoError(t, l.Cluster(lab.Hub).Client.Get(ctx, client.ObjectKey{Name: name}, dc))
	c := meta.FindStatusCondition(dc.Status.Conditions, v1alpha1.ConditionConnected)
	require.NotNil(t, c)
	return dc, *c
}

// TestAHomeThatIsRebuiltEmptyCostsNoCopy: the home burns down and comes back empty under its name, with a mirror that has its
// credentials. The copies on the peer stay, the user is told, and a failover brings the data back.
func TestAHomeThatIsRebuiltEmptyCostsNoCopy(t *testing.T) {
	calm(t) // its lab is its own
	l := labtest.Up(t, lab.Options{Restart: true, Storage: "rbd", CSIAddons: lab.AddonsQuick})
	a := enter(t, l, "rebuilt")
	a.App.Class = lab.SnapshotStorageClass
	ctx := t.Context()
	require.NoError(t, a.Protect(ctx, lab.DR1))
	was, _ := drCluster(t, ctx, l, lab.DR1)
	require.NotEmpty(t, was.Status.ClusterID)
	before, err := a.Before(ctx, lab.DR1)
	require.NoError(t, err)

	require.NoError(t, l.ReplaceCluster(ctx, lab.DR1))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		dc, connected := drCluster(c, ctx, l, lab.DR1)
		assert.Equal(c, "ClusterReplaced", connected.Reason)
		assert.Equal(c, was.Status.ClusterID, dc.Status.ClusterID)
		assert.Contains(c, connected.Message, was.Status.ClusterID)
		groups := &v1alpha1.VolumeReplicationGroupList{}
		require.NoError(c, l.Cluster(lab.DR1).Client.List(ctx, groups))
		assert.Empty(c, groups.Items, "a wish for the old cluster was carried out on the new one")
	}, patience, tick)
	dc, _ := drCluster(t, ctx, l, lab.DR1)
	dc.Annotations = map[string]string{v1alpha1.AnnotationAcceptCluster: identityOf(t, l, lab.DR1)}
	require.NoError(t, l.Cluster(lab.Hub).Client.Update(ctx, dc))

	w := a.Waits("VolumesLost", lab.DR1)
	assert.Contains(t, w.NextStep, "set action Failover and failoverCluster to dr2")
	a.Control("nothing runs", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, []v1alpha1.ClusterDecision{{ClusterName: lab.DR1, ClusterNamespace: lab.DR1, Reason: v1alpha1.DecisionRetain}}, drpc.Status.Decisions)
	})
	assert.NotEmpty(t, a.Group(lab.DR2).Spec.VolSync.RDSpec, "the copies were given up")

	a.Ask(failoverTo(lab.DR2))
	acceptLoss(a, lab.DR1)
	a.Settled(v1alpha1.FailedOver, lab.DR2)
	require.NoError(t, a.GoesOn(ctx, lab.DR2))
	a.RunsOnlyOn(lab.DR2)
	require.NoError(t, a.Kept(before, lab.DR2), "what was synchronized before is back")
}

// acceptLoss gives the user's word that the claims on cluster, which were made there before anybody knew that it was replaced, are
// worth nothing: nobody has a copy of them, so they are not given up without it.
func acceptLoss(a *actor, cluster string) {
	a.T.Helper()
	w := a.Waits("NoClusterDataConflict", cluster)
	_, word, found := strings.Cut(w.NextStep, v1alpha1.AnnotationAcceptLoss+"=")
	require.True(a.T, found, w.NextStep)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationAcceptLoss, word)
	require.NoError(a.T, a.Lab.Cluster(lab.Hub).Client.Patch(a.T.Context(), a.DRPC(), client.RawPatch(types.MergePatchType, []byte(patch))))
}

// identityOf is the UID of the namespace kube-system.
func identityOf(t *testing.T, l *lab.Lab, cluster string) string {
	t.Helper()
	ns := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}
	require.NoError(t, l.Cluster(cluster).Client.Get(t.Context(), client.ObjectKey{Name: metav1.NamespaceSystem}, ns))
	return string(ns.UID)
}

// TestCredentialsOnTheWrongClusterDoNothing: a mirror on dr2 has the credentials of dr1, whose own mirror runs on. What dr1 is
// wished to be is not applied on dr2, the link to dr1 stays live, and its DRCluster tells of the mirror.
func TestCredentialsOnTheWrongClusterDoNothing(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "misplaced", lab.DR1)
	hub, err := l.Kubeconfig(t.Context(), lab.MirrorOnHub(lab.DR1))
	require.NoError(t, err)
	wrong, err := l.Kubeconfig(t.Context(), lab.MirrorOnSpoke(lab.DR2))
	require.NoError(t, err)
	hubConfig, err := clientcmd.BuildConfigFromFlags("", hub)
	require.NoError(t, err)
	spokeConfig, err := clientcmd.BuildConfigFromFlags("", wrong)
	require.NoError(t, err)
	metrics, err := link.NewMetrics(prometheus.NewRegistry())
	require.NoError(t, err)
	misplaced, err := link.New(link.Options{Cluster: lab.DR1, Hub: hubConfig, Spoke: spokeConfig, Holder: "misplaced", Clock: clock.RealClock{},
		Timing: exchange.TimingOf(exchange.MinLeaseDuration), Metrics: metrics})
	require.NoError(t, err)
	before := a.Group(lab.DR2)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = misplaced.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})

	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, connected := drCluster(c, t.Context(), l, lab.DR1)
		assert.Equal(c, metav1.ConditionTrue, connected.Status)
		assert.Equal(c, "StrangerConnected", connected.Reason)
		assert.Contains(c, connected.Message, fmt.Sprintf("the cluster of DRCluster dr2 (%s)", identityOf(t, l, lab.DR2)))
	}, patience, tick)
	require.ErrorContains(t, misplaced.Live(), "belongs to another cluster")
	after := a.Group(lab.DR2)
	assert.Equal(t, before.Spec, after.Spec)
	assert.Equal(t, before.Annotations, after.Annotations)
	a.Settled(v1alpha1.Deployed, lab.DR1)

	stop()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, connected := drCluster(c, t.Context(), l, lab.DR1)
		assert.Equal(c, "Live", connected.Reason)
	}, patience, tick)
	_, err = a.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err, "everything goes on")
}
