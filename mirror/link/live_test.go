// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/link"
)

var errRefused = errors.New("refused by the test")

func toInbox(req *http.Request) bool {
	return isWrite(req) && strings.Contains(req.URL.Path, "/inbox-") && strings.Contains(req.URL.Path, "/volumereplicationgroups")
}

func TestX5_NoRenewalWhileAFactIsNotWritten(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.quiet()

	var refused atomic.Int64
	w.hubWire.setFail(func(req *http.Request) error {
		if toInbox(req) {
			refused.Add(1)
			return errRefused
		}
		return nil
	})
	vrg := w.copy("db")
	vrg.Status.State = v1alpha1.UnknownState
	require.NoError(t, w.spoke.Status().Update(t.Context(), vrg))
	w.eventually(func() bool { return refused.Load() > 0 }, "the fact is not sent")
	renewal := w.lease().Spec.RenewTime.Time
	start := time.Now()
	w.eventually(func() bool { return time.Since(start) > 2*quick.Renew }, "time passes")
	assert.Equal(t, renewal, w.lease().Spec.RenewTime.Time, "renewed over a fact that is not written")

	w.hubWire.setFail(nil)
	w.eventually(func() bool { return w.lease().Spec.RenewTime.After(renewal) }, "not renewed")
	assert.Equal(t, v1alpha1.UnknownState, w.report("db").Status.State, "renewed before the fact was written")
}

func TestX5_NoRenewalBeforeTheSpokeWasListed(t *testing.T) {
	w := newWorld(t)
	var lists atomic.Int64
	w.spokeWire.setFail(func(req *http.Request) error {
		if strings.HasSuffix(req.URL.Path, "/volumereplicationgroups") {
			lists.Add(1)
			return errRefused
		}
		return nil
	})
	l, _ := w.startOn(w.hubWire, w.spokeWire, clock.RealClock{})
	w.eventually(func() bool { return lists.Load() >= 6 }, "the spoke is not listed again")
	w.eventually(func() bool { return w.told() != "" }, "the lease does not tell")
	assert.Nil(t, w.lease().Spec.RenewTime, "renewed")
	assert.NotContains(t, w.lease().Annotations, exchange.AnnotationInventory)
	require.ErrorIs(t, l.Live(), link.ErrNotLive)

	w.spokeWire.setFail(nil)
	w.eventually(func() bool { return l.Live() == nil }, "not live")
	assert.NotEmpty(t, w.lease().Annotations[exchange.AnnotationSpokeID])
}

func TestX5_ABlackHoleIsNoticedAndSurvived(t *testing.T) {
	for name, side := range map[string]func(*world) *wire{
		"on the way to the hub":   func(w *world) *wire { return w.hubWire },
		"on the way to the spoke": func(w *world) *wire { return w.spokeWire },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start()
			wish := w.wish("db")
			w.carriedOut(wish, "db")
			broken := side(w)
			dials := broken.dialled()
			start := time.Now()
			broken.set(true, false)
			require.Eventually(t, func() bool { return broken.dialled() > dials }, exchange.DefaultLeaseDuration, polling, "the dead connection is still believed in")
			t.Logf("noticed after %s", time.Since(start).Round(time.Millisecond))

			edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.ReplicationState = v1alpha1.Primary })
			broken.set(false, false)
			healed := time.Now()
			w.carriedOut(wish, "db")
			// No limit: a connection that was dialled into the hole lost its handshake, and the wire of this test does not
			// send it again as TCP would.
			t.Logf("answered %s after healing", time.Since(healed).Round(time.Millisecond))
		})
	}
}

func TestX5_ACutIsHealedSoon(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	dials := w.hubWire.dialled()
	w.hubWire.set(false, true)
	cut := time.Now()
	tries := 100 // long enough for a pause that grows without bound to have grown
	if testing.Short() {
		tries = 10
	}
	require.Eventually(t, func() bool { return w.hubWire.dialled() > dials+tries }, time.Minute, polling, "the hub is not tried again")
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.ReplicationState = v1alpha1.Primary })
	vrg := w.copy("db")
	vrg.Status.ProtectedPVCs = []v1alpha1.ProtectedPVC{{Name: "pvc"}}
	require.NoError(t, w.spoke.Status().Update(t.Context(), vrg))

	w.hubWire.set(false, false)
	healed := time.Now()
	w.carriedOut(wish, "db")
	t.Logf("answered %s after healing", time.Since(healed).Round(time.Millisecond))
	assert.Less(t, time.Since(healed), healed.Sub(cut), "the pause between two tries has a bound")
	assert.Len(t, w.report("db").Status.ProtectedPVCs, 1)
}

// TestX5_NoRenewalAfterAnOutageBeforeEverythingIsListedAnew: an API server that was away may be back with the state of a
// backup, and may have reached the resource version that a watch would go on from, by other changes.
func TestX5_NoRenewalAfterAnOutageBeforeEverythingIsListedAnew(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.quiet()
	for name, side := range map[string]struct {
		wire *wire
		path string
	}{"the hub": {w.hubWire, "/inbox-"}, "the spoke": {w.spokeWire, "/volumereplicationgroups"}} {
		var held atomic.Int64
		side.wire.setFail(func(req *http.Request) error {
			query := req.URL.Query()
			if !isWrite(req) && strings.Contains(req.URL.Path, side.path) && strings.HasSuffix(req.URL.Path, "/volumereplicationgroups") && query.Get("limit") != "1" &&
				(query.Get("watch") == "" || query.Get("sendInitialEvents") == "true") {
				held.Add(1)
				return errRefused
			}
			return nil
		})
		side.wire.set(false, true)
		renewal := w.lease().Spec.RenewTime.Time
		side.wire.set(false, false)
		w.eventually(func() bool { return held.Load() > 3 }, "%s is not listed again", name)
		start := time.Now()
		w.eventually(func() bool { return time.Since(start) > 2*quick.Renew }, "time passes")
		assert.Equal(t, renewal, w.lease().Spec.RenewTime.Time, "renewed before %s was listed again", name)
		side.wire.setFail(nil)
		w.eventually(func() bool { return w.lease().Spec.RenewTime.After(renewal) }, "not renewed")
	}
	w.carriedOut(wish, "db")
}

func TestX5_TheLeaseIsRenewedAtItsInterval(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.quiet()
	first := w.lease().Spec.RenewTime.Time
	w.eventually(func() bool { return w.lease().Spec.RenewTime.After(first) }, "not renewed")
	assert.InDelta(t, 1, w.lease().Spec.RenewTime.Sub(first).Seconds(), 0.9)
	assert.EqualValues(t, 3, *w.lease().Spec.LeaseDurationSeconds)
}

// TestAStoppedLinkAsksNothingMore holds up a list that is on its way when the link is stopped: the reflector leaves it to
// itself, and a link that has returned must have no request left.
func TestAStoppedLinkAsksNothingMore(t *testing.T) {
	w := newWorld(t)
	w.spokeWire.setFail(func(req *http.Request) error { // lists, where a watch would do
		if req.URL.Query().Get("sendInitialEvents") != "" {
			return errRefused
		}
		return nil
	})
	listing := make(chan struct{})
	var once sync.Once
	var left atomic.Bool
	w.spokeWire.before(func(req *http.Request) {
		query := req.URL.Query()
		probe := query.Get("limit") == "1" // of the heartbeat, which is waited for anyhow
		if isWrite(req) || !strings.HasSuffix(req.URL.Path, "/volumereplicationgroups") || query.Has("watch") || probe {
			return
		}
		once.Do(func() { close(listing) })
		<-req.Context().Done()
		<-time.After(200 * time.Millisecond) // longer than all else takes that ends with the link
		left.Store(true)
	})
	_, stop := w.startOn(w.hubWire, w.spokeWire, clock.RealClock{})
	select {
	case <-listing:
	case <-time.After(soon):
		require.FailNow(t, "nothing is listed")
	}
	stop()
	assert.True(t, left.Load(), "the link has returned before its last request")
}
