// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// second starts another link for the same cluster: a mirror that was not stopped when a new one came.
func (w *world) second() (hub, spoke *wire) {
	w.t.Helper()
	hub, spoke = newWire(), newWire()
	l, _ := w.startOn(hub, spoke, clock.RealClock{})
	w.eventually(func() bool { return l.Live() == nil }, "the second link is not live")
	return hub, spoke
}

// hold stops the next write whose path contains part, and ends in end, before it is sent. reached waits until one is
// stopped; release lets it go. A write whose mirror is stopped meanwhile goes too.
func (w *world) hold(on *wire, part, end string) (reached, release func()) {
	held, free := make(chan struct{}), make(chan struct{})
	var once sync.Once
	on.before(func(req *http.Request) {
		if !isWrite(req) || !strings.Contains(req.URL.Path, part) || !strings.HasSuffix(req.URL.Path, end) {
			return
		}
		first := false
		once.Do(func() { first = true; close(held) })
		if first {
			select {
			case <-free:
			case <-req.Context().Done():
			}
		}
	})
	reached = func() {
		w.t.Helper()
		select {
		case <-held:
		case <-time.After(soon):
			require.FailNow(w.t, "there is no write to hold up", "to %s…%s", part, end)
		}
	}
	return reached, func() { close(free) }
}

// settledEpoch waits for the copy to carry an epoch, and for the mirrors to be done.
func (w *world) settledEpoch(name, epoch string) {
	w.t.Helper()
	w.eventually(func() bool {
		vrg := w.copy(name)
		return vrg != nil && vrg.Annotations[exchange.AnnotationEpoch] == epoch
	}, "the copy does not carry epoch %s", epoch)
}

func TestX9_AWriteThatWasHeldUpCannotUndoALaterEpoch(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.settledEpoch("db", "1")
	other, _ := w.second()

	other.freeze(true) // else it could be the first to obey, and leave nothing to hold up
	reached, release := w.hold(w.spokeWire, "/volumereplicationgroups/", "db")
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Annotations[exchange.AnnotationEpoch] = "2" })
	reached()
	other.freeze(false)
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) {
		wish.Annotations[exchange.AnnotationEpoch] = "3"
		wish.Spec.ReplicationState = v1alpha1.Primary
	})
	w.settledEpoch("db", "3")
	version := w.copy("db").ResourceVersion
	release()
	w.quiet()
	assert.Equal(t, version, w.copy("db").ResourceVersion, "the copy was written after the later epoch")
}

func TestX9_ACreationThatWasHeldUpCannotUndoALaterEpoch(t *testing.T) {
	w := newWorld(t)
	w.start()
	other, _ := w.second()
	other.freeze(true)
	reached, release := w.hold(w.spokeWire, "/volumereplicationgroups/", "db")
	wish := w.wish("db")
	reached()
	other.freeze(false)
	w.settledEpoch("db", "1") // the other mirror made it
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Annotations[exchange.AnnotationEpoch] = "2" })
	w.settledEpoch("db", "2")
	version := w.copy("db").ResourceVersion
	release()
	w.quiet()
	assert.Equal(t, version, w.copy("db").ResourceVersion)
}

func TestX9_AnOutdatedViewOfTheWishUndoesNothing(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")
	w.second()
	w.quiet()
	w.hubWire.freeze(true)
	before := w.spokeWire.writes()

	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.ReplicationState = v1alpha1.Primary })
	w.carriedOut(wish, "db")
	w.quiet()
	assert.Equal(t, v1alpha1.Primary, w.copy("db").Spec.ReplicationState)
	assert.Equal(t, before, w.spokeWire.writes(), "the mirror with the outdated view wrote")
	w.hubWire.freeze(false)
}

func TestX6_AnOutdatedViewOfADeletedWishMakesNoNewCopy(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")
	w.second()
	w.quiet()
	w.hubWire.freeze(true)
	var looked atomic.Bool
	path := "/" + wish.Name
	w.hubWire.before(func(req *http.Request) {
		if req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, path) {
			looked.Store(true)
		}
	})

	require.NoError(t, w.hub.Delete(t.Context(), wish))
	w.eventually(func() bool { return w.copy("db") == nil }, "the copy is not deleted")
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Finalizers = nil })
	w.eventually(looked.Load, "the mirror did not read the wish again")
	w.quiet()
	assert.Nil(t, w.copy("db"), "a copy was made from a wish that is gone")
	w.hubWire.freeze(false)
}

func TestX9_AHubFromABackupIsRefusedWithinAnEpochToo(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.settledEpoch("db", "1")
	// The spoke has obeyed a later generation than the hub remembers.
	edit(w, w.spoke, w.copy("db"), func(vrg *v1alpha1.VolumeReplicationGroup) {
		vrg.Annotations[exchange.AnnotationWishGeneration] = "9"
		vrg.Spec.ReplicationState = v1alpha1.Primary
	})
	w.applied(wish, metav1.ConditionFalse, "EpochRefused")
	assert.Equal(t, v1alpha1.Primary, w.copy("db").Spec.ReplicationState)

	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Annotations[exchange.AnnotationEpoch] = "2" })
	w.applied(wish, metav1.ConditionTrue, "Applied")
	assert.Equal(t, v1alpha1.Secondary, w.copy("db").Spec.ReplicationState)
}

func TestX9_AHubFromABackupThatWishesWhatIsGetsItsAnswer(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	// The spoke has obeyed a later generation of the same content.
	edit(w, w.spoke, w.copy("db"), func(vrg *v1alpha1.VolumeReplicationGroup) {
		vrg.Annotations[exchange.AnnotationWishGeneration] = "9"
	})
	w.eventually(func() bool { return w.copy("db").Annotations[exchange.AnnotationWishGeneration] == "1" }, "the copy is not stamped with the wish that is")
	w.carriedOut(wish, "db")
	w.applied(wish, metav1.ConditionTrue, "Applied")
}

func TestX6_ADeletionThatWasHeldUpDoesNotHitAnotherCopy(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.quiet()
	reached, release := w.hold(w.spokeWire, "/volumereplicationgroups/", "db")
	require.NoError(t, w.hub.Delete(t.Context(), wish))
	reached()
	require.NoError(t, w.spoke.Delete(t.Context(), w.copy("db")))
	again := w.newWish(w.app, "db")
	again.Namespace, again.Name, again.Finalizers = w.app, "db", nil
	w.create(w.spoke, again)
	release()
	w.applied(wish, metav1.ConditionFalse, "OwnedElsewhere")
	assert.Equal(t, again.UID, w.copy("db").UID, "an object that this wish did not make was deleted")
}

func TestX9_OldReportsDoNotReplaceNewerOnes(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.quiet()

	// A second mirror whose write of a report is held up while the first tells of something newer.
	hub, _ := w.second()
	reached, release := w.hold(hub, "/inbox-", "/status")
	reachedFirst, releaseFirst := w.hold(w.hubWire, "/inbox-", "/status") // else it could leave the second nothing to tell
	edit(w, w.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.RunFinalSync = true })
	reached()
	reachedFirst()
	releaseFirst()
	w.carriedOut(wish, "db")
	w.quiet()
	told := w.report("db")
	assert.Equal(t, w.copy("db").ResourceVersion, told.Status.Exchange.SpokeResourceVersion)
	release()
	w.quiet()
	assert.Equal(t, told.ResourceVersion, w.report("db").ResourceVersion, "the report was written after the newer one")
}
