// SPDX-License-Identifier: Apache-2.0

package drpc_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/drpc"
	hublinks "github.com/ramendr/ramen-direct/hubctrl/links"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// run runs a reconciler under a real controller whose timers go by the fake clock, and that only source wakes.
func run(t *testing.T, name string, r reconcile.Reconciler, now *clocktesting.FakeClock, wakes source.Source) {
	t.Helper()
	c, err := controller.NewUnmanaged(name, controller.Options{
		Reconciler: r, Logger: logr.Discard(), SkipNameValidation: new(true),
		NewQueue: func(_ string, limit workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
			return workqueue.NewTypedRateLimitingQueueWithConfig(limit, workqueue.TypedRateLimitingQueueConfig[reconcile.Request]{Clock: now})
		},
	})
	require.NoError(t, err)
	require.NoError(t, c.Watch(wakes))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
}

// renewing are the mirrors as the hub sees them: leases, and the watch on them.
type renewing struct {
	*hub
	now     *clocktesting.FakeClock
	watched *hublinks.Links
	watch   chan event.GenericEvent
}

// renew renews the lease of cluster, and waits until the hub has seen it.
func (r *renewing) renew(cluster string) {
	r.t.Helper()
	lease := &coordinationv1.Lease{}
	require.True(r.t, r.get(lease, clientKey("inbox-"+cluster, "mirror")))
	lease.Annotations["exchange.ramendr.openshift.io/spoke-id"] = cluster + "-a"
	lease.Spec.RenewTime = new(metav1.NewMicroTime(r.now.Now()))
	require.NoError(r.t, r.api.Update(r.t.Context(), lease))
	r.watch <- event.GenericEvent{Object: lease}
	require.Eventually(r.t, func() bool { return r.watched.Link(cluster).LastRenewal.Equal(r.now.Now()) },
		10*time.Second, time.Millisecond, "the hub sees the renewal of %s", cluster)
}

// says waits until the conditions are as they should be. Less than a second goes by meanwhile, however slow the machine is.
func (r *renewing) says(want map[string]string) {
	r.t.Helper()
	got := map[string]string{}
	require.Eventually(r.t, func() bool {
		r.now.Step(time.Millisecond)
		d := &v1alpha1.DRPlacementControl{}
		if r.api.Get(r.t.Context(), app, d) != nil {
			return false
		}
		same := true
		for kind, w := range want {
			if c := meta.FindStatusCondition(d.Status.Conditions, kind); c != nil {
				got[kind] = string(c.Status) + " " + c.Reason
			}
			same = same && got[kind] == w
		}
		return same
	}, 30*time.Second, 50*time.Millisecond, "conditions: %v", got)
}

func TestALostLinkIsToldByATimerAlone(t *testing.T) {
	healthy := map[string]string{"Available": "True Deployed", "PeerReady": "True Success", "Protected": "True Protected"}
	for cluster, lost := range map[string]map[string]string{
		"dr1": {"Available": "Unknown LinkLost", "PeerReady": "True Success", "Protected": "Unknown LinkLost"},
		"dr2": {"Available": "True Deployed", "PeerReady": "False LinkLost", "Protected": "True Protected"},
	} {
		t.Run(cluster, func(t *testing.T) {
			r := &renewing{hub: identified(t), now: clocktesting.NewFakeClock(start), watch: make(chan event.GenericEvent)}
			r.watched = hublinks.New(r.api, r.now)
			r.r.Watch(r.watched, r.now)
			changes := r.watched.Changes()
			run(t, "links", r.watched, r.now, source.Channel(r.watch, &handler.EnqueueRequestForObject{}))
			run(t, "drpc", r.r, r.now, source.Channel(changes, handler.EnqueueRequestsFromMapFunc(r.r.OfCluster)))

			// A link is live when two renewals were seen. Before it looks at a lease, the hub answers with what that says itself.
			live := func() bool {
				r.now.Step(exchange.DefaultTiming().Renew)
				r.renew("dr1")
				r.renew("dr2")
				return r.watched.Link("dr1").State == exchange.LinkLive && r.watched.Link("dr2").State == exchange.LinkLive
			}
			require.Eventually(t, live, 30*time.Second, 10*time.Millisecond, "both links are live")
			r.says(healthy)
			r.renew("dr1")
			r.renew("dr2")
			other := map[string]string{"dr1": "dr2", "dr2": "dr1"}[cluster]
			last := r.watched.Link(cluster).LastRenewal
			for range 3 {
				require.Equal(t, exchange.LinkLive, r.watched.Link(cluster).State)
				r.now.SetTime(r.now.Now().Truncate(time.Second).Add(exchange.DefaultTiming().Renew))
				r.renew(other)
			}
			r.says(lost)
			assert.Less(t, r.now.Since(last), exchange.DefaultLeaseDuration+time.Second, "nothing but time has gone by")
			d := r.drpc()
			require.NotNil(t, d.Status.Waiting)
			assert.Equal(t, []string{"LinkLive", cluster}, []string{d.Status.Waiting.Fact, d.Status.Waiting.Cluster})
			assert.True(t, d.Status.Waiting.Since.Time.Equal(last.Truncate(time.Second)), "since it was last heard of")

			r.renew(cluster)
			r.renew(other)
			r.says(healthy)
		})
	}
}

func TestOurOwnStatusWritesWakeNobody(t *testing.T) {
	was, is := newDRPC(), newDRPC()
	was.ResourceVersion, is.ResourceVersion = "1", "2"
	is.Status.LastUpdateTime = &metav1.Time{Time: start}
	is.Status.Phase = v1alpha1.Deployed
	assert.False(t, drpc.ByUser().Update(event.UpdateEvent{ObjectOld: was, ObjectNew: is}))
	is.Generation++
	assert.True(t, drpc.ByUser().Update(event.UpdateEvent{ObjectOld: was, ObjectNew: is}), "the user changed the spec")
	assert.False(t, drpc.Yields().Update(event.UpdateEvent{ObjectOld: was, ObjectNew: is}), "nor those that it is a rival of")
}

func TestLastUpdateTimeChangesOnlyWithSomethingElse(t *testing.T) {
	h := deployed(t)
	was := h.drpc()
	h.at(time.Hour)
	for range 2 {
		assert.Zero(t, h.pass(), "no timer is set for it either")
	}
	assert.Equal(t, was.ResourceVersion, h.drpc().ResourceVersion)
	h.cut("dr2")
	h.pass()
	is := h.drpc()
	assert.Equal(t, start.Add(time.Hour), is.Status.LastUpdateTime.UTC())
	assert.NotEqual(t, was.Status.Conditions, is.Status.Conditions)
}
