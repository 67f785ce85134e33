// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/mirror/exchange"
)

func TestTheHubSaysHowLongTheCredentialsLast(t *testing.T) {
	const day = 24 * time.Hour
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	told := func(c exchange.Credential) *coordinationv1.Lease {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "inbox-dr1", Name: "mirror", Annotations: map[string]string{
			"exchange.ramendr.openshift.io/credential": c.String(),
		}}}
	}
	token := func(life, age time.Duration) exchange.Credential {
		return exchange.Credential{For: "hub", Issued: noon.Add(-age), Expires: noon.Add(life - age), Renewed: true, BoundTo: "uid"}
	}
	remedy := "Give the mirror new ones: kubectl ramen-direct connect dr1 --context <hub> --cluster-context <dr1>"
	whole := identity{account: true, bound: "uid"}
	for name, tc := range map[string]struct {
		told   exchange.Credential
		is     identity
		status metav1.ConditionStatus
		reason string
		says   string
		next   time.Time
	}{
		"a fresh token": {token(30*day, time.Hour), whole, "True", "Current",
			"the credentials of the mirror for the hub expire at 2026-01-31T11:00:00Z; the mirror renews them", noon.Add(20*day - time.Hour)},
		"one that was granted for a day, fresh": {token(day, time.Hour), whole, "True", "Current", "expire at 2026-01-02T11:00:00Z", noon.Add(15 * time.Hour)},
		"one that is not renewed":               {token(day, 16*time.Hour), whole, "False", "Expiring", "expire at 2026-01-01T20:00:00Z, and were not renewed. " + remedy, noon.Add(8 * time.Hour)},
		"one that can't be renewed": {func() exchange.Credential {
			c := token(30*day, 21*day)
			c.Trouble = "cannot renew it: no answer"
			return c
		}(), whole, "False", "Expiring", "were not renewed; the mirror says that it cannot renew it: no answer. " + remedy, noon.Add(9 * day)},
		"one that has expired": {token(day, day), whole, "False", "CredentialExpired",
			"the credentials of the mirror for the hub expired at 2026-01-01T12:00:00Z. " + remedy, time.Time{}},
		"one whose Secret was deleted": {token(30*day, time.Hour), identity{account: true}, "False", "CredentialRevoked",
			"the hub refuses the credentials of the mirror: Secret inbox-dr1/mirror-credential, which they were bound to, was deleted. " + remedy, time.Time{}},
		"one whose Secret is another one by now": {token(30*day, time.Hour), identity{account: true, bound: "another"}, "False", "CredentialRevoked", remedy, time.Time{}},
		"one whose account was deleted":          {token(30*day, time.Hour), identity{bound: "uid"}, "False", "CredentialRevoked", remedy, time.Time{}},
		"one whose Secret can't be read":         {token(30*day, 0), identity{err: errors.New("boom")}, "True", "Current", "", noon.Add(20 * day)},
		"for the cluster, which the hub can't ask": {exchange.Credential{For: "cluster", Issued: noon.Add(-20 * time.Hour), Expires: noon.Add(4 * time.Hour), BoundTo: "there"}, identity{}, "False", "Expiring",
			"Give the mirror new ones: mirror credentials --mode push --cluster dr1 --context <dr1> | kubectl --context <hub> apply -f -", noon.Add(4 * time.Hour)},
		"a certificate": {exchange.Credential{For: "cluster", Issued: noon.Add(-100 * day), Expires: noon.Add(265 * day)}, whole, "True", "Current",
			"nobody renews them", noon.Add(251 * day)},
		"without an end":  {exchange.Credential{For: "hub", BoundTo: "uid"}, whole, "True", "DoesNotExpire", "do not expire", time.Time{}},
		"an older mirror": {exchange.Credential{}, whole, "Unknown", "NotTold", "has not reported", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge("dr1", seen{lease: told(tc.told), identity: tc.is}, noon)
			assert.Equal(t, string(tc.status)+" "+tc.reason, string(v.current)+" "+v.reason)
			assert.Contains(t, v.message, tc.says)
			assert.Equal(t, tc.next, v.next)
		})
	}
	assert.Equal(t, "NotTold", judge("dr1", seen{}, noon).reason, "no lease")
}
