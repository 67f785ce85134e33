// SPDX-License-Identifier: Apache-2.0

package drcluster_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// telling is the lease of a mirror that tells of its credential.
func telling(c exchange.Credential) *coordinationv1.Lease {
	l := lease()
	l.Annotations = map[string]string{"exchange.ramendr.openshift.io/credential": c.String()}
	return l
}

func TestTheStatusTellsOfTheCredentials(t *testing.T) {
	told := exchange.Credential{For: "hub", Issued: noon.Add(-time.Hour), Expires: noon.Add(23 * time.Hour), Renewed: true, BoundTo: "uid", Authorities: []string{"AA:BB"}}
	w := newWorld(t, inbox(), telling(told), account(), bound("uid"))
	w.mustReconcile()
	got := w.dr1().Status.Credential
	require.NotNil(t, got)
	assert.True(t, told.Issued.Equal(got.IssuedTime.Time))
	assert.True(t, told.Expires.Equal(got.ExpirationTime.Time))
	assert.Equal(t, "hub AA:BB", got.For+" "+got.TrustedAuthorities[0])
	assert.Equal(t, metav1.ConditionTrue, w.condition("CredentialCurrent").Status)
	for len(w.events.Events) > 0 {
		<-w.events.Events
	}
	w.writes = 0
	w.mustReconcile()
	assert.Zero(t, w.writes, "nothing has changed")

	w.clock.SetTime(noon.Add(16 * time.Hour))
	w.mustReconcile()
	assert.Equal(t, "Expiring", w.condition("CredentialCurrent").Reason)
	assert.Contains(t, <-w.events.Events, "Warning Expiring the credentials of the mirror")
	assert.Equal(t, "Live", w.condition("Connected").Reason, "it is only a warning")
}

// TestTheStatusChangesWithoutAnybodysWord when no object store makes the hub look again.
func TestTheStatusChangesWithoutAnybodysWord(t *testing.T) {
	without := cluster("dr1")
	without.Spec.S3ProfileName = "NoS3"
	w := newWorld(t, without, inbox(), account(), bound("uid"),
		telling(exchange.Credential{For: "hub", Issued: noon, Expires: noon.Add(3 * time.Hour), BoundTo: "uid"}))
	assert.Equal(t, 2*time.Hour, w.mustReconcile().RequeueAfter, "until it warns")
	w.clock.SetTime(noon.Add(2 * time.Hour))
	assert.Equal(t, time.Hour, w.mustReconcile().RequeueAfter, "until the end")
}

func TestALinkWhoseCredentialsEndedSaysSo(t *testing.T) {
	told := exchange.Credential{For: "hub", Issued: noon.Add(-time.Hour), Expires: noon.Add(time.Hour), BoundTo: "uid"}
	for name, tc := range map[string]struct {
		bound  *corev1.Secret
		after  time.Duration
		reason string
		says   string
	}{
		"they were taken back": {bound("another"), 0, "CredentialRevoked", "is silent: last heard at 2026-01-01T11:58:00Z: the hub refuses the credentials of the mirror: Secret inbox-dr1/mirror-credential"},
		"they expired":         {bound("uid"), time.Hour, "CredentialExpired", "the credentials of the mirror for the hub expired at 2026-01-01T13:00:00Z"},
		"they are good":        {bound("uid"), 0, "Lost", "Check that the cluster and its mirror run and reach the hub, and whether the mirror's log complains about credentials or a certificate (x509)"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, inbox(), telling(told), account(), tc.bound)
			w.links["dr1"] = exchange.Link{State: exchange.LinkLost, LastRenewal: noon.Add(-2 * time.Minute)}
			w.clock.SetTime(noon.Add(tc.after))
			w.mustReconcile()
			c := w.condition("Connected")
			assert.Equal(t, "False "+tc.reason, string(c.Status)+" "+c.Reason)
			assert.Contains(t, c.Message, tc.says)
			if tc.reason != "Lost" {
				assert.Contains(t, c.Message, "kubectl ramen-direct connect dr1 ")
			}
		})
	}
}

// TestWhatWasDeletedToTakeAccessBackStaysAway until no API server believes a token of before: an agent could ask for another
// one that is bound to what is made again.
func TestWhatWasDeletedToTakeAccessBackStaysAway(t *testing.T) {
	for name, tc := range map[string]struct {
		left []client.Object
	}{
		"the Secret":                       {[]client.Object{account()}},
		"the ServiceAccount":               {[]client.Object{bound("uid")}},
		"both, of an agent that connected": {[]client.Object{lease()}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, append(tc.left, inbox())...)
			whole := func() bool {
				return w.get(&corev1.ServiceAccount{}, "inbox-dr1", "mirror") && w.get(&corev1.Secret{}, "inbox-dr1", "mirror-credential")
			}
			assert.Equal(t, time.Minute, w.mustReconcile().RequeueAfter)
			assert.False(t, whole())
			assert.Equal(t, "Succeeded", w.condition("Validated").Reason, "that is no failure")
			w.clock.SetTime(noon.Add(59 * time.Second))
			assert.Equal(t, time.Second, w.mustReconcile().RequeueAfter)
			assert.False(t, whole())
			w.clock.SetTime(noon.Add(time.Minute))
			w.mustReconcile()
			assert.True(t, whole())

			require.True(t, w.get(bound(""), "inbox-dr1", "mirror-credential"))
			w.delete(bound(""))
			w.mustReconcile()
			assert.False(t, whole(), "each time")
		})
	}
}

func inbox() *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "inbox-dr1", Labels: map[string]string{
		"ramendr.openshift.io/cluster": "dr1", "ramendr.openshift.io/exchange": "inbox"}}}
}

func account() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror"}}
}

func bound(uid types.UID) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror-credential", UID: uid}}
}
