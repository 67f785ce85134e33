// SPDX-License-Identifier: Apache-2.0

package drcluster

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ramendr/ramen-direct/api/v1alpha1"
	"github.com/ramendr/ramen-direct/internal/cond"
	"github.com/ramendr/ramen-direct/mirror/exchange"
)

// Reasons of the condition CredentialCurrent. Two of them are also why a lost link is lost.
const (
	reasonCurrent  = "Current"
	reasonEndless  = "DoesNotExpire"
	reasonExpiring = "Expiring"
	reasonExpired  = "CredentialExpired"
	reasonRevoked  = "CredentialRevoked"
	reasonNotTold  = "NotTold"
)

const (
	// warnAtMost is how long before its end a credential is warned of at the earliest.
	warnAtMost = 14 * 24 * time.Hour
	// warnParts is in how many parts a shorter life is divided: the last one is warned of.
	warnParts = 3
)

// verdict is what the hub makes of what the mirror told of its credential.
type verdict struct {
	told    exchange.Credential
	current metav1.ConditionStatus
	reason  string
	message string
	// next is when the verdict changes by itself; zero: it does not.
	next time.Time
}

// judge is pure.
func judge(cluster string, s seen, now time.Time) verdict {
	told, ok := exchange.CredentialIn(s.lease)
	v := verdict{told: told, current: metav1.ConditionFalse}
	remedy := "Give the mirror new ones: " + told.Remedy(cluster)
	trouble := ""
	if told.Trouble != "" {
		trouble = "; the mirror says that it " + told.Trouble
	}
	ends := told.Expires.UTC().Format(time.RFC3339)
	warn := told.Expires.Add(-min(told.Expires.Sub(told.Issued)/warnParts, warnAtMost))
	switch {
	case !ok:
		v.current, v.reason, v.message = metav1.ConditionUnknown, reasonNotTold, "the mirror has not reported its credentials"
	case revoked(told, s.identity):
		v.reason, v.message = reasonRevoked, fmt.Sprintf("the hub refuses the credentials of the mirror: Secret %s/%s, which they were bound to, was deleted. %s",
			exchange.Inbox(cluster), exchange.SecretCredential, remedy)
	case told.Expires.IsZero():
		v.current, v.reason, v.message = metav1.ConditionTrue, reasonEndless, "the credentials of the mirror do not expire"
	case told.ExpiredAt(now):
		v.reason, v.message = reasonExpired, fmt.Sprintf("the credentials of the mirror for the %s expired at %s%s. %s", told.For, ends, trouble, remedy)
	case !now.Before(warn):
		v.reason, v.next = reasonExpiring, told.Expires
		v.message = fmt.Sprintf("the credentials of the mirror for the %s expire at %s, and were not renewed%s. %s", told.For, ends, trouble, remedy)
	default:
		v.current, v.reason, v.next = metav1.ConditionTrue, reasonCurrent, warn
		renews := "the mirror renews them"
		if !told.Renewed {
			renews = "nobody renews them"
		}
		v.message = fmt.Sprintf("the credentials of the mirror for the %s expire at %s; %s%s", told.For, ends, renews, trouble)
	}
	return v
}

// revoked reports whether the hub has deleted what the credential is bound to. What a cluster accepts is not known here.
func revoked(told exchange.Credential, is identity) bool {
	return told.For == exchange.CredentialForHub && is.err == nil && (!is.account || told.BoundTo != "" && told.BoundTo != is.bound)
}

func (v verdict) condition(dc *v1alpha1.DRCluster) metav1.Condition {
	return cond.New(v1alpha1.ConditionCredentialCurrent, v.current, v.reason, v.message, dc.Generation)
}

// untold reports whether c says that nothing is known of the credential: such a condition is left out of the status.
func untold(c metav1.Condition) bool {
	return c.Type == v1alpha1.ConditionCredentialCurrent && c.Reason == reasonNotTold
}

// ended reports whether the credential is why the link is lost.
func (v verdict) ended() bool { return v.reason == reasonExpired || v.reason == reasonRevoked }

// status is what the status tells of the credential; nil: nothing is known.
func (v verdict) status() *v1alpha1.ClusterCredential {
	if v.reason == reasonNotTold {
		return nil
	}
	out := &v1alpha1.ClusterCredential{For: v.told.For, TrustedAuthorities: v.told.Authorities}
	if !v.told.Expires.IsZero() {
		out.IssuedTime, out.ExpirationTime = new(metav1.NewTime(v.told.Issued)), new(metav1.NewTime(v.told.Expires))
	}
	return out
}
