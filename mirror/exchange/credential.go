// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"encoding/json"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Ends of a link whose API server accepts a credential.
const (
	// CredentialForHub : the mirror runs on the cluster and reaches the hub by it.
	CredentialForHub = "hub"
	// CredentialForCluster : the mirror runs on the hub and reaches the cluster by it.
	CredentialForCluster = "cluster"
)

const (
	// maxCredential bounds what is read of a credential, in bytes, and maxAuthorities the authorities of it (X16).
	maxCredential  = 8 << 10
	maxAuthorities = 16
	maxTrouble     = 256
)

// Credential is what a mirror tells, in AnnotationCredential of the lease, about the credential by which it reaches the
// other end of its link. It says nothing that is secret.
type Credential struct {
	// For is the end that accepts it: CredentialForHub or CredentialForCluster.
	For string `json:"for"`
	// Issued and Expires are the bounds of its life, by the clock of the API server that issued it; both zero: it does not
	// expire.
	Issued  time.Time `json:"issued,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	// Renewed says that the mirror renews it.
	Renewed bool `json:"renewed,omitempty"`
	// BoundTo is the UID of the Secret whose deletion ends it; empty: there is none.
	BoundTo types.UID `json:"boundTo,omitempty"`
	// Authorities are the SHA-256 fingerprints of the certificate authorities that the mirror trusts to vouch for that API
	// server, as openssl prints them.
	Authorities []string `json:"authorities,omitempty"`
	// Trouble is why the last renewal failed; empty: it did not.
	Trouble string `json:"trouble,omitempty"`
}

// String is the annotation.
func (c Credential) String() string {
	c.Trouble = c.Trouble[:min(len(c.Trouble), maxTrouble)]
	c.Authorities = c.Authorities[:min(len(c.Authorities), maxAuthorities)]
	text, err := json.Marshal(c)
	if err != nil {
		return "" // a year that JSON does not know
	}
	return string(text)
}

// CredentialIn is what the lease tells; false: nothing, or nothing that can be read.
func CredentialIn(lease *coordinationv1.Lease) (Credential, bool) {
	var c Credential
	if lease == nil {
		return c, false
	}
	text := lease.Annotations[AnnotationCredential]
	if text == "" || len(text) > maxCredential || json.Unmarshal([]byte(text), &c) != nil {
		return Credential{}, false
	}
	c.Trouble = c.Trouble[:min(len(c.Trouble), maxTrouble)]
	c.Authorities = c.Authorities[:min(len(c.Authorities), maxAuthorities)]
	return c, c.For == CredentialForHub || c.For == CredentialForCluster
}

// ExpiredAt reports whether the credential has expired at now.
func (c Credential) ExpiredAt(now time.Time) bool {
	return !c.Expires.IsZero() && !now.Before(c.Expires)
}

// Remedy is the command that gives the mirror of cluster a new credential.
func (c Credential) Remedy(cluster string) string {
	if c.For == CredentialForCluster {
		return "mirror credentials --mode push --cluster " + cluster + " --context <" + cluster + "> | kubectl --context <hub> apply -f -"
	}
	return "kubectl ramen-direct connect " + cluster + " --context <hub> --cluster-context <" + cluster + ">"
}
