// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/link"
)

// leaseNamed is a Lease in the inbox; nil: there is none.
func (w *world) leaseNamed(name string) *coordinationv1.Lease {
	lease := &coordinationv1.Lease{}
	if w.hub.Get(w.t.Context(), client.ObjectKey{Namespace: exchange.Inbox(w.cluster), Name: name}, lease) != nil {
		return nil
	}
	return lease
}

// strangerIs waits until the link says that it runs on a cluster that the hub does not take for this one, twice.
func (w *world) strangerIs(identity string) {
	w.t.Helper()
	var first *metav1.MicroTime
	require.Eventually(w.t, func() bool {
		lease := w.leaseNamed("stranger")
		if lease == nil || lease.Annotations["exchange.ramendr.openshift.io/spoke-id"] != identity {
			return false
		}
		if first == nil {
			first = lease.Spec.RenewTime
		}
		return first.Before(lease.Spec.RenewTime)
	}, soon, polling, "the stranger is not told")
}

func TestX13_AnotherClusterAppliesAndReportsNothing(t *testing.T) {
	w := newWorld(t)
	w.record("another")
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox(w.cluster), Name: "mirror",
		Annotations: map[string]string{"exchange.ramendr.openshift.io/spoke-id": "another"}}}
	w.create(w.hub, lease)
	wish := w.wish("db")
	here := w.newWish(w.app, "here")
	here.Namespace, here.Name, here.Finalizers = w.app, "here", nil
	w.create(w.spoke, here)
	old := w.newWish(w.app, "old")
	old.Namespace, old.Finalizers = exchange.Inbox(w.cluster), nil
	w.create(w.hub, old)

	l, _ := w.startOn(w.hubWire, w.spokeWire, clock.RealClock{})
	w.strangerIs(w.identity())
	assert.Nil(t, w.get(w.spoke, w.app, "db"), "a wish was applied")
	assert.Nil(t, w.report("here"), "an object was reported")
	assert.NotNil(t, w.report("old"), "what the recorded cluster told last was withdrawn")
	assert.Equal(t, lease.ResourceVersion, w.leaseNamed("mirror").ResourceVersion, "the lease of the recorded cluster was written")
	require.ErrorIs(t, l.Live(), link.ErrNotLive)
	require.ErrorContains(t, l.Live(), "belongs to another cluster, another, and this one is "+w.identity())
	require.ErrorContains(t, l.Live(), "annotate the DRCluster on the hub with ramendr.openshift.io/accept-cluster="+w.identity())

	// A user accepts it: from then on it is the cluster of this name.
	w.record(w.identity())
	w.eventually(func() bool { return l.Live() == nil }, "the link is not live")
	w.applied(wish, metav1.ConditionTrue, "Applied")
	w.eventually(func() bool { return w.report("here") != nil && w.report("old") == nil }, "the inbox does not show the cluster")
	assert.Equal(t, w.identity(), w.report("here").Status.Exchange.ClusterID)
	assert.Equal(t, w.identity(), w.leaseNamed("mirror").Annotations["exchange.ramendr.openshift.io/spoke-id"])

	// Another one is accepted in its place.
	w.record("another")
	w.eventually(func() bool { return l.State().Cause != "" }, "it does not notice")
	second := w.wish("second")
	w.strangerIs(w.identity())
	assert.Nil(t, w.get(w.spoke, w.app, "second"), "a wish was applied")
	assert.Empty(t, w.get(w.hub, second.Namespace, second.Name).Status.Conditions)
}

// TestX13_AStrangerThatLearnsItLateWritesNoLease: what the hub has recorded arrives while the mirror is about to tell in the
// lease why it does nothing yet.
func TestX13_AStrangerThatLearnsItLateWritesNoLease(t *testing.T) {
	w := newWorld(t)
	w.record("another")
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: exchange.Inbox(w.cluster), Name: "mirror",
		Annotations: map[string]string{"exchange.ramendr.openshift.io/spoke-id": "another"}}}
	w.create(w.hub, lease)
	looks, listed := make(chan struct{}), make(chan struct{})
	var look, list sync.Once
	wait := func(c chan struct{}) {
		select {
		case <-c:
		case <-time.After(soon):
		}
	}
	w.hubWire.before(func(req *http.Request) {
		switch config := strings.Contains(req.URL.Path, "/drclusterconfigs"); {
		case config && !isWrite(req):
			wait(looks)
			list.Do(func() { close(listed) })
		case strings.HasSuffix(req.URL.Path, "/leases/mirror") && !isWrite(req): // not those of an election
			look.Do(func() { close(looks) })
			wait(listed)
			<-time.After(300 * time.Millisecond) // for the answer to arrive; too short, and nothing is tested, but nothing fails
		}
	})
	w.startOn(w.hubWire, w.spokeWire, clock.RealClock{})
	w.strangerIs(w.identity())
	assert.Equal(t, lease.ResourceVersion, w.leaseNamed("mirror").ResourceVersion, "the lease of the recorded cluster was written")
}

func TestX13_AClusterThatIsNotRecordedYetSaysWhoItIs(t *testing.T) {
	w := newWorld(t)
	w.record("")
	w.wish("db")
	l, _ := w.startOn(w.hubWire, w.spokeWire, clock.RealClock{})
	w.eventually(func() bool {
		lease := w.leaseNamed("mirror")
		return lease != nil && lease.Annotations["exchange.ramendr.openshift.io/spoke-id"] == w.identity()
	}, "it does not say who it is")
	w.eventually(func() bool { return l.State().Cause != "" }, "it does not say why it does nothing")
	assert.Nil(t, w.leaseNamed("mirror").Spec.RenewTime, "nothing that the cluster has is told yet")
	assert.Nil(t, w.leaseNamed("stranger"))
	assert.Nil(t, w.get(w.spoke, w.app, "db"), "a wish was applied")
	w.record(w.identity())
	w.eventually(func() bool { return l.Live() == nil && w.get(w.spoke, w.app, "db") != nil }, "the link is not live")
}

func TestX13_AWishForAnEarlierClusterOfTheNameIsRefused(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.newWish(w.app, "db")
	wish.Annotations["exchange.ramendr.openshift.io/spoke-id"] = "gone"
	w.create(w.hub, wish)
	w.applied(wish, metav1.ConditionFalse, "OtherCluster")
	assert.Nil(t, w.get(w.spoke, w.app, "db"))
	edit(w, w.hub, wish, func(v *v1alpha1.VolumeReplicationGroup) {
		v.Annotations["exchange.ramendr.openshift.io/spoke-id"] = w.identity()
	})
	w.applied(wish, metav1.ConditionTrue, "Applied")
}
