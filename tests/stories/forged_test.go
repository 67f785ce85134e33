// SPDX-License-Identifier: Apache-2.0

package stories

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/tests/lab"
)

// TestX16_AForgedReportMovesNothing: somebody who has the credentials of dr1's mirror says for dr1 that it was promoted later than
// the hub knows. The workload on dr2 runs on, and when it is on dr1 a failover away from there goes through.
func TestX16_AForgedReportMovesNothing(t *testing.T) {
	l := shared.Lab(t)
	a := protected(t, l, "forged", lab.DR1)
	_, err := a.Relocate(t.Context(), lab.DR2)
	require.NoError(t, err)
	f := newForger(t, l, lab.DR1)

	require.NoError(t, l.Stop("mirror-dr1"), "it would put the report right at once")
	t.Cleanup(func() { _ = l.StartProcess(cleanupContext(t), "mirror-dr1") })
	stop := f.keepLive()
	wish, pod := f.wish(a, lab.DR2), a.Pod(lab.DR2)
	stays(a, lab.DR2, func() {
		require.NoError(t, f.claim(a, 1000))
		w := a.Waits("ConflictSolved", lab.DR1)
		assert.Contains(t, w.Message, "with epoch 1000; cluster dr2 is to be Primary by what this hub wished")
		err := f.claim(a, math.MaxInt64)
		assert.True(t, apierrors.IsInvalid(err), "the hub's API server takes no such epoch: %v", err)
		require.NoError(t, f.claim(a, exchange.MaxEpoch))
		assert.Contains(t, a.Waits("Answer", lab.DR1).Message, "which no hub can have wished: the report is not believed")
	})
	assert.Equal(t, wish, f.wish(a, lab.DR2), "dr2 was told nothing")
	assert.Equal(t, pod, a.Pod(lab.DR2))
	assert.Equal(t, lab.DR2, a.DRPC().Status.PreferredDecision.ClusterName)
	stop()
	require.NoError(t, l.StartProcess(t.Context(), "mirror-dr1"))
	a.Settled(v1alpha1.Relocated, lab.DR2)
	require.NoError(t, a.GoesOn(t.Context(), lab.DR2))

	_, err = a.Relocate(t.Context(), lab.DR1)
	require.NoError(t, err)
	require.NoError(t, l.Stop("mirror-dr1"))
	stop = f.keepLive()
	require.NoError(t, f.claim(a, 1000))
	a.Ask(failoverTo(lab.DR2))
	a.Control("it runs on dr2", func(c *assert.CollectT, drpc *v1alpha1.DRPlacementControl) {
		assert.Equal(c, lab.DR2, drpc.Status.PreferredDecision.ClusterName)
		assert.NoError(c, f.claim(a, 2000), "the lies go on")
	})
	stop()
	require.NoError(t, l.StartProcess(t.Context(), "mirror-dr1"))
	a.Settled(v1alpha1.FailedOver, lab.DR2)
	require.NoError(t, a.GoesOn(t.Context(), lab.DR2))
	a.RunsOnlyOn(lab.DR2)
	f.floods()
}

// forger is somebody with the credentials of a mirror on the hub.
type forger struct {
	t       *testing.T
	cluster string
	admin   client.Client
	client  client.Client
}

func newForger(t *testing.T, l *lab.Lab, cluster string) *forger {
	t.Helper()
	hub := l.Cluster(lab.Hub)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox(cluster), Name: exchange.ServiceAccount}}
	token := &authenticationv1.TokenRequest{}
	require.NoError(t, hub.Client.SubResource("token").Create(t.Context(), account, token))
	config := rest.AnonymousClientConfig(hub.Config)
	config.BearerToken = token.Status.Token
	c, err := client.New(config, client.Options{Scheme: hub.Client.Scheme()})
	require.NoError(t, err)
	return &forger{t: t, cluster: cluster, admin: hub.Client, client: c}
}

// floods makes leases without end: the hub takes no more than a few.
func (f *forger) floods() {
	f.t.Helper()
	require.EventuallyWithT(f.t, func(c *assert.CollectT) {
		quota := &corev1.ResourceQuota{}
		require.NoError(c, f.admin.Get(f.t.Context(), client.ObjectKey{Namespace: exchange.Inbox(f.cluster), Name: exchange.ServiceAccount}, quota))
		assert.Len(c, quota.Status.Used, len(quota.Spec.Hard), "what was counted")
	}, 3*time.Minute, time.Second, "the quota is counted")
	const enough = 50
	lease := func(i int) *coordinationv1.Lease {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox(f.cluster), Name: fmt.Sprintf("flood-%d", i)}}
	}
	var err error
	made := 0
	for ; err == nil && made < enough; made++ {
		err = f.client.Create(f.t.Context(), lease(made))
	}
	assert.True(f.t, apierrors.IsForbidden(err), "the quota of the inbox is not enforced: %v", err)
	assert.ErrorContains(f.t, err, "exceeded quota")
	for i := range made {
		l := lease(i)
		reason := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"exchange.ramendr.openshift.io/break-glass":"made by a test"}}}`))
		require.NoError(f.t, client.IgnoreNotFound(f.admin.Patch(f.t.Context(), l, reason)))
		require.NoError(f.t, client.IgnoreNotFound(f.admin.Delete(f.t.Context(), l)))
	}
}

func (f *forger) wish(a *actor, cluster string) *v1alpha1.VolumeReplicationGroup {
	f.t.Helper()
	wish := &v1alpha1.VolumeReplicationGroup{}
	require.NoError(f.t, f.admin.Get(f.t.Context(), a.WishKey(cluster), wish))
	wish.ManagedFields = nil
	return wish
}

// claim writes a report: the group of a was promoted with epoch, and is Primary and ready.
func (f *forger) claim(a *actor, epoch int64) error {
	report := &v1alpha1.VolumeReplicationGroup{}
	key := client.ObjectKey{Namespace: exchange.Inbox(f.cluster), Name: a.WishKey(f.cluster).Name}
	if err := f.client.Get(f.t.Context(), key, report); err != nil {
		return err
	}
	if report.Spec.ReplicationState != v1alpha1.Primary {
		report.Spec.ReplicationState = v1alpha1.Primary
		if err := f.client.Update(f.t.Context(), report); err != nil {
			return err
		}
	}
	s := &report.Status
	s.Exchange.Epoch, s.State = epoch, v1alpha1.PrimaryState
	s.Exchange.WishGeneration++
	for i := range s.Conditions {
		s.Conditions[i].Status = metav1.ConditionTrue
	}
	return f.client.Status().Update(f.t.Context(), report)
}

// keepLive renews the lease as the mirror would, until stop.
func (f *forger) keepLive() (stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			lease := &coordinationv1.Lease{}
			if f.client.Get(ctx, client.ObjectKey{Namespace: exchange.Inbox(f.cluster), Name: exchange.LeaseName}, lease) == nil {
				lease.Spec.RenewTime = &metav1.MicroTime{Time: clock.RealClock{}.Now()}
				_ = f.client.Update(ctx, lease)
			}
			select {
			case <-ctx.Done():
			case <-clock.RealClock{}.After(tick):
			}
		}
	}()
	return func() { cancel(); <-done }
}
