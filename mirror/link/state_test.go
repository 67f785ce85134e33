// SPDX-License-Identifier: Apache-2.0

package link_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/mirror/exchange"
	"github.com/ramendr/ramen-direct/mirror/link"
)

// told is what the lease says of the link; empty: nothing.
func (w *world) told() string {
	w.t.Helper()
	var lease coordinationv1.Lease
	key := client.ObjectKey{Namespace: exchange.Inbox(w.cluster), Name: exchange.LeaseName}
	if err := w.hub.Get(w.t.Context(), key, &lease); err != nil {
		return ""
	}
	return lease.Annotations[exchange.AnnotationLink]
}

func TestX5_NoRenewalWhileTheSpokeDoesNotAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		fail func(w *world) (restore func())
		says string
	}{
		"because its network is cut": {func(w *world) func() {
			w.spokeWire.set(false, true)
			return func() { w.spokeWire.set(false, false) }
		}, "live: cluster: cannot "},
		"because packets vanish": {func(w *world) func() {
			w.spokeWire.set(true, false)
			return func() { w.spokeWire.set(false, false) }
		}, "it does not answer"},
		"because the rights of the mirror are taken away": {func(w *world) func() {
			binding := &rbacv1.ClusterRoleBinding{}
			require.NoError(w.t, w.spoke.Get(w.t.Context(), client.ObjectKey{Name: "ramen-mirror"}, binding))
			require.NoError(w.t, w.spoke.Delete(w.t.Context(), binding))
			return func() {
				binding.ResourceVersion, binding.UID = "", ""
				w.create(w.spoke, binding)
			}
		}, "cluster: cannot ask for news: the permission to do so is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			l, _ := w.startOn(w.hubWire, w.spokeWire, clock.RealClock{})
			w.eventually(func() bool { return l.State().Phase == link.Live }, "the link is not live")
			w.eventually(func() bool { return w.told() == "live" }, "the lease does not say that the link is live")
			restore := tc.fail(w)
			w.eventually(func() bool { return strings.Contains(w.told(), tc.says) }, "the lease does not tell %q", tc.says)
			renewal := w.lease().Spec.RenewTime.Time
			w.eventually(func() bool { return l.State().Phase == link.Lost }, "the link is not lost")
			assert.Equal(t, renewal, w.lease().Spec.RenewTime.Time, "renewed though the cluster does not answer")
			w.eventually(func() bool { return strings.HasPrefix(w.told(), "lost since ") }, "the lease does not say that the link is lost")
			require.ErrorIs(t, l.Live(), link.ErrNotLive)
			restore()
			w.eventually(func() bool { return w.told() == "live" }, "the link is not live again")
		})
	}
}

func TestX5_AHangingHubIsToldByTheMirrorItself(t *testing.T) {
	w := newWorld(t)
	w.hubWire.set(true, false)
	l, _ := w.startOn(w.hubWire, w.spokeWire, clock.RealClock{})
	w.eventually(func() bool { return strings.Contains(l.State().String(), "connecting: hub: cannot ") }, "the state does not name the hub")
	w.hubWire.set(false, false)
	w.eventually(func() bool { return l.State().Phase == link.Live }, "the link is not live")
}

func TestCredentialsThatAreTakenAwayAreAClearState(t *testing.T) {
	w := newWorld(t)
	ended := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	remedy := "; to give the mirror new ones: kubectl ramen-direct connect " + w.cluster + " --context <hub> --cluster-context <" + w.cluster + ">"
	for name, tc := range map[string]struct {
		change  func(*rest.Config)
		expires time.Time
		says    string
	}{
		"the token": {func(cfg *rest.Config) { cfg.BearerToken = "of yesterday" }, time.Time{},
			"it refuses the credentials: they are wrong, expired or revoked" + remedy},
		"the token, by its age": {func(cfg *rest.Config) { cfg.BearerToken = "of yesterday" }, ended,
			"it refuses the credentials: they expired at 2026-01-02T03:04:05Z" + remedy},
		"the certificate authority": {func(cfg *rest.Config) { cfg.CAData = spokeAdmin.CAData }, time.Time{},
			"its certificate is not trusted (x509): the certificate authority in the credentials is another one, or the certificate has expired or is for another address" + remedy},
	} {
		t.Run(name, func(t *testing.T) {
			hub := rest.AnonymousClientConfig(hubAdmin)
			tc.change(hub)
			told := exchange.Credential{For: exchange.CredentialForHub, Expires: tc.expires}
			l, err := link.New(link.Options{Cluster: w.cluster, Hub: w.hubWire.connect(hub), Spoke: w.spokeWire.connect(spokeAdmin),
				Holder: "test", Clock: clock.RealClock{}, Timing: quick, Metrics: w.metrics, Credential: func() exchange.Credential { return told }})
			require.NoError(t, err)
			stop := w.run(l)
			w.eventually(func() bool {
				return strings.HasSuffix(l.State().String(), tc.says)
			}, "the state does not say %q", tc.says)
			assert.Equal(t, link.Connecting, l.State().Phase)
			assert.Contains(t, l.State().String(), "connecting: hub: cannot ")
			stop()
		})
	}
}

func TestX5_AServerThatWentBackInTimeIsListedAnew(t *testing.T) {
	w := newWorld(t)
	w.start()
	wish := w.wish("db")
	w.carriedOut(wish, "db")
	w.quiet()
	// The hub forgets the last lease, as it does when it is restored from a backup, and shows an older one.
	lists := w.hubWire.reads("/inbox-")
	before := w.lease()
	require.NoError(t, w.hub.Delete(t.Context(), before))
	w.eventually(func() bool { return w.hubWire.reads("/inbox-") > lists }, "the inbox is not listed again")
	w.eventually(func() bool { return w.told() == "live" && w.inboxComplete() }, "the lease is not renewed")
}

func TestOneBrokenSpokeStallsOnlyItsOwnLink(t *testing.T) {
	good, bad := newWorld(t), newWorld(t)
	good.start()
	bad.spokeWire.setFail(func(req *http.Request) error {
		<-req.Context().Done() // it hangs
		return errors.New("it hangs")
	})
	stuck, _ := bad.startOn(bad.hubWire, bad.spokeWire, clock.RealClock{})
	wish := good.wish("db")
	good.carriedOut(wish, "db")
	good.applied(wish, metav1.ConditionTrue, "Applied")
	bad.eventually(func() bool { return strings.Contains(bad.told(), "cluster: cannot ") }, "the lease of the other does not tell")
	assert.Equal(t, link.Connecting, stuck.State().Phase)
	edit(good, good.hub, wish, func(wish *v1alpha1.VolumeReplicationGroup) { wish.Spec.ReplicationState = v1alpha1.Primary })
	began := time.Now()
	good.carriedOut(wish, "db")
	t.Logf("answered after %s", time.Since(began).Round(time.Millisecond))
}

// TestX5_TellingWhyTakesNoRenewalBack: a renewal may be stored though its answer is lost, or be of another mirror; what this
// mirror tells next is about the link, and leaves the time of the renewal as it is.
func TestX5_TellingWhyTakesNoRenewalBack(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.carriedOut(w.wish("db"), "db")
	w.quiet()
	var once sync.Once
	stored := make(chan time.Time, 1)
	w.hubWire.loseAnswers(func(req *http.Request) (lose bool) {
		if isWrite(req) && isLease(req) {
			once.Do(func() {
				w.spokeWire.set(false, true)
				stored <- w.lease().Spec.RenewTime.Time
				lose = true
			})
		}
		return lose
	})
	var renewal time.Time
	select {
	case renewal = <-stored:
	case <-time.After(soon):
		require.FailNow(t, "no renewal")
	}
	w.eventually(func() bool { return strings.Contains(w.told(), "cluster: ") }, "the lease does not say why")
	assert.Equal(t, renewal, w.lease().Spec.RenewTime.Time)
}
