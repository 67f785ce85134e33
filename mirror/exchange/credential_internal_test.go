// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestALeaseTellsOfTheCredential(t *testing.T) {
	leaseWith := func(text string) *coordinationv1.Lease {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"exchange.ramendr.openshift.io/credential": text}}}
	}
	told := Credential{
		For: CredentialForHub, Issued: time.Unix(1000, 0).UTC(), Expires: time.Unix(2000, 0).UTC(), Renewed: true,
		BoundTo: "uid", Authorities: []string{"AA:BB"}, Trouble: "it does not answer",
	}
	got, ok := CredentialIn(leaseWith(told.String()))
	assert.True(t, ok)
	assert.Equal(t, told, got)

	// What a mirror tells is bounded, whatever it is (X16).
	told.Trouble, told.Authorities = strings.Repeat("x", 1000), make([]string, 100)
	got, ok = CredentialIn(leaseWith(told.String()))
	assert.True(t, ok)
	assert.Len(t, got.Trouble, 256)
	assert.Len(t, got.Authorities, 16)
	for name, text := range map[string]string{
		"nothing":       "",
		"no JSON":       "expires tomorrow",
		"of no end":     `{"for":"moon"}`,
		"far too much":  `{"for":"hub","trouble":"` + strings.Repeat("x", 10_000) + `"}`,
		"not its types": `{"for":"hub","expires":7}`,
	} {
		_, ok := CredentialIn(leaseWith(text))
		assert.False(t, ok, name)
	}
	_, ok = CredentialIn(nil)
	assert.False(t, ok)
}

func TestACredentialHasExpiredFromItsLastMoment(t *testing.T) {
	end := time.Unix(2000, 0)
	assert.False(t, Credential{Expires: end}.ExpiredAt(end.Add(-time.Nanosecond)))
	assert.True(t, Credential{Expires: end}.ExpiredAt(end))
	assert.False(t, Credential{}.ExpiredAt(end), "one that does not expire")
}
