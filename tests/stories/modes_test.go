// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	replicationv1alpha1 "github.com/csi-addons/kubernetes-csi-addons/api/replication.storage/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/tests/lab"
	"github.com/ramendr/ramen-direct/tests/lab/actors"
	"github.com/ramendr/ramen-direct/tests/lab/faultproxy"
	"github.com/ramendr/ramen-direct/tests/lab/labtest"
)

// TestAFailoverWaitsForTheStorage: the storage of dr2 needs a maintenance mode for failovers. With dr1 lost, the failover
// waits, and says for what, until the storage's operator has activated the mode; then it goes on, and the mode is ended
// while dr1 is still away.
func TestAFailoverWaitsForTheStorage(t *testing.T) {
	l := shared.Lab(t)
	needMode(t, l, lab.DR2)
	a := protected(t, l, "storage-mode", lab.DR1)
	assert.Empty(t, modesOn(t, l, lab.DR2), "nobody fails over")

	moved := make(chan error, 1)
	go func() {
		m, err := a.FailoverWithout(t.Context(), lab.DR2, faultproxy.Cut)
		t.Logf("%s in %s", m.Loss, m.Took.Round(time.Millisecond))
		moved <- err
	}()
	w := saysOfStorage(a, "no operator of the storage has answered yet")
	assert.Contains(t, w.Message, "driver "+lab.Driver+", target "+lab.ReplicationID)
	_, command, found := strings.Cut(w.NextStep, "kubectl --context "+lab.DR2+" ")
	require.True(t, found, w.NextStep)
	shown, err := labtest.Kubectl(t.Context(), l, lab.DR2, "", strings.Fields(command)...)
	require.NoError(t, err, "the command that the wait tells works")
	assert.Contains(t, shown, "targetID: "+lab.ReplicationID)

	activate := startVendor(t, l, lab.DR2)
	saysOfStorage(a, "its state is Progressing, FailoverActivated is False, Switching: pools are being switched")
	table, err := labtest.Kubectl(t.Context(), l, lab.DR2, "", "get", "maintenancemodes")
	require.NoError(t, err)
	t.Logf("kubectl get maintenancemodes:\n%s", table)
	assert.Regexp(t, lab.Driver+" +"+lab.ReplicationID+" +Progressing +False", table)
	wish := &v1alpha1.VolumeReplicationGroup{}
	require.NoError(t, l.Cluster(lab.Hub).Client.Get(t.Context(), client.ObjectKey{Namespace: "outbox-" + lab.DR2, Name: "storage-mode.storage-mode"}, wish))
	assert.Equal(t, v1alpha1.Secondary, wish.Spec.ReplicationState, "nothing is promoted before")
	dc := &v1alpha1.DRCluster{}
	require.NoError(t, l.Cluster(lab.Hub).Client.Get(t.Context(), client.ObjectKey{Name: lab.DR2}, dc))
	require.Len(t, dc.Status.MaintenanceModes, 1)
	assert.Equal(t, v1alpha1.MModeStateProgressing, dc.Status.MaintenanceModes[0].State)

	activate()
	require.NoError(t, <-moved)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Empty(c, modesOn(t, l, lab.DR2))
		require.NoError(c, l.Cluster(lab.Hub).Client.Get(t.Context(), client.ObjectKey{Name: lab.DR2}, dc))
		assert.Empty(c, dc.Status.MaintenanceModes)
	}, patience, tick, "the mode is ended when the failover is over, though dr1 is away")
	_, err = a.Return(t.Context(), lab.DR1)
	require.NoError(t, err)
	assert.Empty(t, modesOn(t, l, lab.DR2), "the action stays in the spec, and asks for nothing")
}

// needMode labels the replication class of a cluster until the test ends, and waits until the hub knows.
func needMode(t *testing.T, l *lab.Lab, cluster string) {
	t.Helper()
	label := func(ctx context.Context, value string) error {
		class := &replicationv1alpha1.VolumeReplicationClass{}
		if err := l.Cluster(cluster).Client.Get(ctx, client.ObjectKey{Name: lab.VolumeReplicationClass}, class); err != nil {
			return err
		}
		delete(class.Labels, v1alpha1.LabelMaintenanceModes)
		if value != "" {
			class.Labels[v1alpha1.LabelMaintenanceModes] = value
		}
		return l.Cluster(cluster).Client.Update(ctx, class)
	}
	knows := func(ctx context.Context, value string) bool {
		config := &v1alpha1.DRClusterConfig{}
		if l.Cluster(lab.Hub).Client.Get(ctx, client.ObjectKey{Name: cluster}, config) != nil {
			return false
		}
		for _, c := range config.Status.Classes {
			if c.Kind == v1alpha1.KindVolumeReplicationClass && c.Name == lab.VolumeReplicationClass {
				return c.Labels[v1alpha1.LabelMaintenanceModes] == value
			}
		}
		return false
	}
	t.Cleanup(func() {
		ctx := cleanupContext(t)
		actors.Heal(t, l)
		require.NoError(t, label(ctx, ""))
		require.Eventually(t, func() bool { return knows(ctx, "") }, patience, tick, "the hub knows that the class is as it was")
	})
	require.NoError(t, label(t.Context(), string(v1alpha1.MModeFailover)))
	require.Eventually(t, func() bool { return knows(t.Context(), string(v1alpha1.MModeFailover)) }, patience, tick, "the hub knows that the class needs a mode")
}

func modesOn(t *testing.T, l *lab.Lab, cluster string) []v1alpha1.MaintenanceMode {
	t.Helper()
	list := &v1alpha1.MaintenanceModeList{}
	require.NoError(t, l.Cluster(cluster).Client.List(t.Context(), list))
	return list.Items
}

// saysOfStorage waits until the failover says that it waits for the storage of dr2, in these words.
func saysOfStorage(a *actor, words string) *v1alpha1.Waiting {
	a.T.Helper()
	drpc := a.Control("it waits for the storage: "+words, func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, v1alpha1.ProgressionWaitForStorageMaintenance, drpc.Status.Progression)
		if assert.NotNil(c, drpc.Status.Waiting) {
			assert.Equal(c, "StorageReady "+lab.DR2, drpc.Status.Waiting.Fact+" "+drpc.Status.Waiting.Cluster)
			assert.Contains(c, drpc.Status.Waiting.Message, words)
		}
	})
	return drpc.Status.Waiting
}

// startVendor runs an operator of the storage on a cluster. It takes up each mode at once, and has activated all when
// the function that it returns was called.
func startVendor(t *testing.T, l *lab.Lab, cluster string) (activate func()) {
	t.Helper()
	c := l.Cluster(cluster).Client
	ctx, stop := context.WithCancel(t.Context())
	activated := make(chan struct{})
	var gone sync.WaitGroup
	t.Cleanup(func() { stop(); gone.Wait() })
	events, err := c.Watch(ctx, &v1alpha1.MaintenanceModeList{})
	require.NoError(t, err)
	gone.Go(func() {
		defer events.Stop()
		modes := map[string]*v1alpha1.MaintenanceMode{}
		ready := activated
		for {
			select {
			case <-ctx.Done():
				return
			case <-ready:
				ready = nil
			case e := <-events.ResultChan():
				mode, ok := e.Object.(*v1alpha1.MaintenanceMode)
				if !ok {
					return
				}
				modes[mode.Name] = mode
				if e.Type == watch.Deleted {
					delete(modes, mode.Name)
				}
			}
			for _, mode := range modes {
				told(ctx, t, c, mode, ready == nil)
			}
		}
	})
	return func() { close(activated) }
}

// told writes what the operator says of a mode, if that is new.
func told(ctx context.Context, t *testing.T, c client.Client, mode *v1alpha1.MaintenanceMode, active bool) {
	state := v1alpha1.MModeStateProgressing
	condition := metav1.Condition{
		Type: v1alpha1.ConditionFailoverActivated, Status: metav1.ConditionFalse, Reason: "Switching", Message: "pools are being switched", ObservedGeneration: mode.Generation,
	}
	if active {
		state = v1alpha1.MModeStateCompleted
		condition.Status, condition.Reason, condition.Message = metav1.ConditionTrue, "Switched", "all pools are switched"
	}
	if mode.Status.State == state || mode.DeletionTimestamp != nil {
		return
	}
	mode.Status.State, mode.Status.ObservedGeneration = state, mode.Generation
	meta.SetStatusCondition(&mode.Status.Conditions, condition)
	if err := c.Status().Update(ctx, mode); err != nil {
		t.Logf("the storage's operator: %v", err) // an event brings the newer version
	}
}
