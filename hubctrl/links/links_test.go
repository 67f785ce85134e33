// SPDX-License-Identifier: Apache-2.0

package links_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/cache/informertest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/hubctrl/links"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// hub is a hub that watches the lease of dr1.
type hub struct {
	t       *testing.T
	client  client.WithWatch
	clock   *clocktesting.FakePassiveClock
	links   *links.Links
	changes <-chan event.GenericEvent
	scheme  *runtime.Scheme
	watch   *controllertest.FakeInformer // of reports
	fail    error                        // of reads
}

func newHub(t *testing.T) *hub {
	t.Helper()
	s := runtime.NewScheme()
	require.NoError(t, coordinationv1.AddToScheme(s))
	require.NoError(t, v1alpha1.AddToScheme(s))
	dr1 := &v1alpha1.DRCluster{ObjectMeta: metav1.ObjectMeta{Name: "dr1"}, Status: v1alpha1.DRClusterStatus{ClusterID: "a"}}
	h := &hub{t: t, scheme: s, clock: clocktesting.NewFakePassiveClock(start)}
	h.client = interceptor.NewClient(fake.NewClientBuilder().WithScheme(s).WithObjects(dr1).Build(), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if h.fail != nil {
				return h.fail
			}
			return c.Get(ctx, key, o, opts...)
		},
	})
	h.links = links.New(h.client, h.clock)
	informers := &informertest.FakeInformers{Scheme: s}
	require.NoError(t, h.links.Follow(t.Context(), informers))
	watch, err := informers.FakeInformerFor(t.Context(), &v1alpha1.VolumeReplicationGroup{})
	require.NoError(t, err)
	h.watch = watch
	h.changes = h.links.Changes()
	return h
}

var lease = client.ObjectKey{Namespace: "inbox-dr1", Name: "mirror"}

// renew is the mirror, whose clock is an hour off.
func (h *hub) renew(digest string) {
	h.t.Helper()
	l := &coordinationv1.Lease{}
	err := h.client.Get(h.t.Context(), lease, l)
	l.Namespace, l.Name = lease.Namespace, lease.Name
	at := metav1.NewMicroTime(h.clock.Now().Add(-time.Hour))
	l.Spec.RenewTime = &at
	l.Annotations = map[string]string{"exchange.ramendr.openshift.io/inventory": digest, "exchange.ramendr.openshift.io/spoke-id": "a"}
	if err != nil {
		require.NoError(h.t, h.client.Create(h.t.Context(), l))
		return
	}
	require.NoError(h.t, h.client.Update(h.t.Context(), l))
}

// look lets the hub look at the lease, and returns after what time it looks again by itself.
func (h *hub) look() time.Duration {
	h.t.Helper()
	res, err := h.links.Reconcile(h.t.Context(), reconcile.Request{NamespacedName: lease})
	require.NoError(h.t, err)
	return res.RequeueAfter
}

func (h *hub) pass(d time.Duration) { h.clock.SetTime(h.clock.Now().Add(d)) }

// told are the names of the objects of the events on c.
func told(c <-chan event.GenericEvent) []string {
	var out []string
	for {
		select {
		case e := <-c:
			out = append(out, client.ObjectKeyFromObject(e.Object).String())
		default:
			return out
		}
	}
}

func TestALinkIsLiveOnceItsRenewalWasSeen(t *testing.T) {
	h := newHub(t)
	assert.Equal(t, exchange.LinkNever, h.links.Link("dr1").State)
	h.renew("a")
	assert.Equal(t, 15*time.Second+time.Millisecond, h.look())
	assert.Equal(t, exchange.LinkConnecting, h.links.Link("dr1").State, "the lease may be an old one")
	h.pass(5 * time.Second)
	h.renew("a")
	assert.Equal(t, 15*time.Second+time.Millisecond, h.look())
	assert.Equal(t, exchange.Link{State: exchange.LinkLive, LastRenewal: start.Add(5 * time.Second), Expires: start.Add(20 * time.Second)}, h.links.Link("dr1"), "by the hub's clock")
	assert.Equal(t, []string{"/dr1", "/dr1"}, told(h.changes))
}

// live returns a hub whose link to dr1 is live since now.
func live(t *testing.T) *hub {
	t.Helper()
	h := newHub(t)
	h.renew("a")
	h.look()
	h.pass(time.Second)
	h.renew("a")
	h.look()
	require.Equal(t, exchange.LinkLive, h.links.Link("dr1").State)
	told(h.changes)
	return h
}

func TestASilentLinkIsToldLostInTime(t *testing.T) {
	h := live(t)
	again := h.look()
	assert.Equal(t, 15*time.Second+time.Millisecond, again, "it looks by itself when the link may be lost: a silent link sends no event")
	h.pass(again)
	assert.Zero(t, h.look())
	assert.Equal(t, exchange.Link{State: exchange.LinkLost, LastRenewal: start.Add(time.Second)}, h.links.Link("dr1"))
	assert.Equal(t, []string{"/dr1"}, told(h.changes))
	h.renew("a")
	h.look()
	assert.Equal(t, exchange.LinkLive, h.links.Link("dr1").State)
	assert.Equal(t, []string{"/dr1"}, told(h.changes))
}

func TestALookInBetweenDoesNotPutTheEndOff(t *testing.T) {
	h := live(t)
	h.pass(10 * time.Second)
	assert.Equal(t, 5*time.Second+time.Millisecond, h.look())
}

func TestARenewalThatChangesNothingWakesNobody(t *testing.T) {
	h := live(t)
	assert.False(t, h.links.Await("dr1", group("db"), group("db")))
	for range 3 {
		h.pass(5 * time.Second)
		h.renew("a")
		h.look()
	}
	assert.Empty(t, told(h.changes))
	assert.Empty(t, told(h.links.Absences()))
}

func group(name string) client.ObjectKey { return client.ObjectKey{Namespace: "shop", Name: name} }

// report is the report of dr1 about a group.
func report(name string) *v1alpha1.VolumeReplicationGroup {
	r := &v1alpha1.VolumeReplicationGroup{}
	r.Namespace, r.Name = "inbox-dr1", "shop."+name
	r.Annotations = map[string]string{"exchange.ramendr.openshift.io/namespace": "shop", "exchange.ramendr.openshift.io/name": name}
	r.Status.Exchange = &v1alpha1.ExchangeStamp{SpokeUID: "uid-" + name}
	return r
}

func digestOf(names ...string) string {
	var items []exchange.Item
	for _, name := range names {
		items = append(items, exchange.Item{Namespace: "shop", Name: name, UID: "uid-" + name})
	}
	return exchange.Digest(items)
}

func TestWhoAwaitsAnAbsenceIsWokenOnceItIsKnown(t *testing.T) {
	h := live(t)
	h.watch.Add(report("one"))
	h.watch.Add(report("two"))
	other := report("other")
	other.Namespace = "outbox-dr1"
	h.watch.Add(other)
	for _, name := range []string{"one", "two", "three"} {
		assert.Equal(t, exchange.Unknown, h.links.View("dr2", group(name)))
		assert.False(t, h.links.Await("dr1", group(name), group(name)))
		assert.False(t, h.links.Await("dr1", group(name), group(name)), "twice")
	}
	assert.Equal(t, exchange.Unknown, h.links.View("dr1", group("three")), "the lease tells of something else")
	h.renew(digestOf("one", "two"))
	h.look()
	assert.Equal(t, []string{"shop/three"}, told(h.links.Absences()), "nobody else is woken by an inventory")
	assert.Equal(t, exchange.Absent, h.links.View("dr1", group("three")))
	assert.Equal(t, exchange.Present, h.links.View("dr1", group("two")))
	assert.True(t, h.links.Await("dr1", group("three"), group("three")), "it is known already")

	// The lease may be told before the last report that it counts is seen to go, and after.
	h.renew(digestOf("two"))
	h.look()
	assert.Empty(t, told(h.links.Absences()))
	h.watch.Delete(report("one"))
	assert.Equal(t, []string{"shop/one"}, told(h.links.Absences()))
	h.watch.Delete(report("two"))
	assert.Empty(t, told(h.links.Absences()))
	h.renew(digestOf())
	h.look()
	assert.Equal(t, []string{"shop/two"}, told(h.links.Absences()))
	h.renew(digestOf())
	h.look()
	assert.Empty(t, told(h.links.Absences()), "each once")
	assert.Empty(t, told(h.changes))
}

func TestWhoAwaitsAnAbsenceIsWokenWhenTheLinkComesBack(t *testing.T) {
	h := live(t)
	h.renew(digestOf())
	h.look()
	h.pass(time.Minute)
	h.look()
	assert.Equal(t, exchange.Unknown, h.links.View("dr1", group("db")))
	assert.False(t, h.links.Await("dr1", group("db"), group("db")))
	h.renew(digestOf())
	h.look()
	assert.Equal(t, []string{"shop/db"}, told(h.links.Absences()), "the same digest counts again")
}

func TestNothingIsAbsentBeforeAllReportsWereNoted(t *testing.T) {
	h := live(t)
	started := links.New(h.client, h.clock)
	informers := &informertest.FakeInformers{Scheme: h.scheme}
	informers.InformersByGVK = map[schema.GroupVersionKind]toolscache.SharedIndexInformer{
		v1alpha1.GroupVersion.WithKind("VolumeReplicationGroup"): controllertest.NewFakeInformer(), // not synced
	}
	require.NoError(t, started.Follow(t.Context(), informers))
	h.links = started
	for range 2 {
		h.pass(time.Second)
		h.renew(digestOf())
		h.look()
	}
	require.Equal(t, exchange.LinkLive, started.Link("dr1").State)
	assert.Equal(t, exchange.Unknown, started.View("dr1", group("db")))
}

func TestALeaseThatIsGoneIsNoLink(t *testing.T) {
	h := live(t)
	l := &coordinationv1.Lease{}
	l.Namespace, l.Name = lease.Namespace, lease.Name
	require.NoError(t, h.client.Delete(t.Context(), l))
	assert.Zero(t, h.look())
	assert.Equal(t, exchange.LinkNever, h.links.Link("dr1").State)
	assert.Equal(t, []string{"/dr1"}, told(h.changes))
}

func TestAReadThatFailsChangesNothing(t *testing.T) {
	h := live(t)
	h.fail = errors.New("the API server is down")
	_, err := h.links.Reconcile(t.Context(), reconcile.Request{NamespacedName: lease})
	require.ErrorContains(t, err, "read lease mirror of dr1: the API server is down")
	assert.Equal(t, exchange.LinkLive, h.links.Link("dr1").State)
	assert.Empty(t, told(h.changes))
}

func TestEachListenerHearsOfEachChange(t *testing.T) {
	h := live(t)
	second := h.links.Changes()
	h.pass(time.Minute)
	h.look()
	assert.Equal(t, []string{"/dr1"}, told(h.changes))
	assert.Equal(t, []string{"/dr1"}, told(second))
}

func TestAHubThatHasJustStartedDoesNotCallALinkOneThatNeverWas(t *testing.T) {
	h := live(t)
	started := links.New(h.client, h.clock)
	assert.Equal(t, exchange.Link{State: exchange.LinkConnecting, LastRenewal: start.Add(time.Second - time.Hour)}, normal(started.Link("dr1")), "by the lease alone")
	assert.Equal(t, exchange.LinkNever, started.Link("dr2").State, "there is no lease")
	h.fail = errors.New("the cache is not filled")
	assert.Equal(t, exchange.LinkConnecting, started.Link("dr2").State, "what can't be read may be there")
}

// normal gives a time that was read back its zone.
func normal(l exchange.Link) exchange.Link {
	l.LastRenewal = l.LastRenewal.UTC()
	return l
}

// appear is the mirror of another cluster that uses the name of dr1.
func (h *hub) appear(identity string) {
	h.t.Helper()
	l := &coordinationv1.Lease{}
	key := client.ObjectKey{Namespace: "inbox-dr1", Name: "stranger"}
	err := h.client.Get(h.t.Context(), key, l)
	l.Namespace, l.Name = key.Namespace, key.Name
	at := metav1.NewMicroTime(h.clock.Now())
	l.Spec.RenewTime = &at
	l.Annotations = map[string]string{"exchange.ramendr.openshift.io/spoke-id": identity}
	if err != nil {
		require.NoError(h.t, h.client.Create(h.t.Context(), l))
		return
	}
	require.NoError(h.t, h.client.Update(h.t.Context(), l))
}

func (h *hub) record(identity string) {
	h.t.Helper()
	dc := &v1alpha1.DRCluster{}
	require.NoError(h.t, h.client.Get(h.t.Context(), client.ObjectKey{Name: "dr1"}, dc))
	dc.Status.ClusterID = identity
	require.NoError(h.t, h.client.Update(h.t.Context(), dc))
}

func TestX13_AStrangerIsToldAndDoesNotEndTheLink(t *testing.T) {
	h := live(t)
	h.appear("b")
	h.look()
	assert.Equal(t, exchange.LinkLive, h.links.Link("dr1").State)
	assert.Equal(t, "b", h.links.Link("dr1").Stranger)
	assert.Equal(t, []string{"/dr1"}, told(h.changes), "it is told though the link is as it was")
	h.pass(20 * time.Second)
	h.appear("b")
	h.look()
	assert.Equal(t, exchange.LinkReplaced, h.links.Link("dr1").State, "the recorded cluster is silent")
	h.pass(20 * time.Second)
	h.look()
	assert.Equal(t, exchange.LinkLost, h.links.Link("dr1").State, "both are")
	h.appear("b")
	assert.Positive(t, h.look(), "it looks by itself when the stranger may be gone")
}

func TestX13_ALinkIsLiveAgainOnceTheUserHasAcceptedTheCluster(t *testing.T) {
	h := live(t)
	h.record("b")
	h.look()
	assert.Equal(t, exchange.LinkReplaced, h.links.Link("dr1").State)
	h.record("")
	h.look()
	assert.Equal(t, exchange.LinkConnecting, h.links.Link("dr1").State, "nothing is recorded: nothing is believed")
	h.record("a")
	h.look()
	assert.Equal(t, exchange.LinkLive, h.links.Link("dr1").State)
}
