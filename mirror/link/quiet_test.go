// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
)

func TestX11_OneChangeOfAStatusIsOneWriteOnTheHub(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")
	w.quiet()
	hub, spoke := w.hubWire.writes(), w.spokeWire.writes()

	for round := range 5 {
		vrg := w.copy("db")
		vrg.Status.ProtectedPVCs = []v1alpha1.ProtectedPVC{{Name: fmt.Sprintf("pvc-%d", round)}}
		require.NoError(t, w.spoke.Status().Update(t.Context(), vrg))
		w.eventually(func() bool { return w.report("db").Status.Exchange.SpokeResourceVersion == vrg.ResourceVersion }, "the change is not reported")
	}
	w.quiet()
	assert.Equal(t, 5, w.hubWire.writes()-hub)
	assert.Zero(t, w.spokeWire.writes()-spoke)
}

// TestX11_AWishAndItsAnswerAreReportedAtOnce lets a controller answer each change of a wish as soon as it is on the cluster.
func TestX11_AWishAndItsAnswerAreReportedAtOnce(t *testing.T) {
	const rounds = 10
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.quiet()
	facts := func() int { return w.hubWire.writesTo("/inbox-") - w.hubWire.writesTo("/leases/") }
	before := facts()
	ctx, stop := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	gone.Go(func() {
		for ctx.Err() == nil {
			w.obey("db")
		}
	})
	for round := range rounds {
		edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) {
			wish.Spec.Async = &v1alpha1.VRGAsyncSpec{SchedulingInterval: fmt.Sprintf("%dm", round+10)}
		})
		w.carriedOut(wish, "db")
	}
	stop()
	gone.Wait()
	w.quiet()
	// Of each the spec, and facts and stamp in one; on a machine that is busy an answer may come too late now and then.
	t.Logf("%d writes for %d changes", facts()-before, rounds)
	assert.Less(t, facts()-before, 3*rounds)
}

func TestX11_DeliveryComesAfterTheFactsAndOnce(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")
	w.quiet()
	inbox, outbox := w.hubWire.writesTo("/inbox-"), w.hubWire.writesTo("/outbox-")

	// A wish, its copy and a look at it change the state of the delivery three times.
	var order []string
	var mu sync.Mutex
	w.hubWire.before(func(req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if isWrite(req) && !isLease(req) {
			order = append(order, strings.Split(req.URL.Path, "/")[5])
		}
	})
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.ReplicationState = v1alpha1.Primary })
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")
	w.quiet()
	mu.Lock()
	defer mu.Unlock()
	assert.Contains(t, order[0], "inbox-", "facts go first")
	facts, deliveries := w.hubWire.writesTo("/inbox-")-inbox, w.hubWire.writesTo("/outbox-")-outbox
	// Never more than one delivery for a generation and one for its observation; on a fast machine they are one.
	assert.LessOrEqual(t, deliveries, 2)
	assert.Positive(t, deliveries)
	assert.GreaterOrEqual(t, facts, 2)
}

func TestX11_DeliveriesLetManyFactsGoFirst(t *testing.T) {
	const many = 150
	w := newWorld(t)
	for i := range many {
		w.wish(fmt.Sprintf("db-%d", i))
	}
	var facts, before, after atomic.Int64 // deliveries before and after the last fact was sent
	w.hubWire.before(func(req *http.Request) {
		switch {
		case !isWrite(req):
		case toInbox(req) && strings.HasSuffix(req.URL.Path, "/status"):
			facts.Add(1)
		case strings.Contains(req.URL.Path, "/outbox-") && facts.Load() < many:
			before.Add(1)
		case strings.Contains(req.URL.Path, "/outbox-"):
			after.Add(1)
		}
	})
	w.start()
	w.eventually(func() bool { return after.Load()+before.Load() >= many }, "not all deliveries are told")
	t.Logf("%d of %d deliveries before the last fact", before.Load(), many)
	assert.Less(t, before.Load(), int64(many/3), "deliveries compete with facts")
}

func TestX11_AChangeOfAWishIsOneWriteOnTheSpoke(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.quiet()
	spoke := w.spokeWire.writes()
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.ReplicationState = v1alpha1.Primary })
	w.carriedOut(wish, "db")
	w.quiet()
	assert.Equal(t, 1, w.spokeWire.writes()-spoke)
}

func TestX11_ARestartInSyncWritesOnlyTheLease(t *testing.T) {
	w := newWorld(t)
	stop := w.start()
	for i := range 5 {
		name := fmt.Sprintf("db-%d", i)
		wish := w.wish(name)
		w.carriedOut(wish, name)
	}
	w.create(w.hub, w.secretWish(w.app, "s3", "value"))
	w.configure()
	w.applied(w.newWish(w.app, "db-4"), metav1.ConditionTrue, "Applied")
	w.quiet()
	stop()

	hub, spoke := w.hubWire.writes(), w.spokeWire.writes()
	leases := w.hubWire.writesTo("/leases/")
	w.start()
	w.quiet()
	assert.Zero(t, w.hubWire.writes()-hub)
	assert.Zero(t, w.spokeWire.writes()-spoke)
	assert.Positive(t, w.hubWire.writesTo("/leases/")-leases)
}

func TestX11_AnAnnotationThatIsTakenBackIsTakenBackOnTheSpoke(t *testing.T) {
	const key = "drplacementcontrol.ramendr.openshift.io/do-not-delete-pvc"
	w := newWorld(t)
	w.start()
	wish := w.newWish(w.app, "db")
	wish.Annotations[key] = "true"
	w.create(w.hub, wish)
	w.eventually(func() bool { vrg := w.copy("db"); return vrg != nil && vrg.Annotations[key] == "true" }, "the annotation is not copied")
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { delete(wish.Annotations, key) })
	w.eventually(func() bool { _, there := w.copy("db").Annotations[key]; return !there }, "the annotation stays")
}
