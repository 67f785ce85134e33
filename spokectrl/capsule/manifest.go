// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// version of the manifest's format. A reader refuses what it does not know.
const version = 1

// ErrVersion means that a manifest was written by a version of this program that writes others.
var ErrVersion = errors.New("its version is not known")

// Manifest vouches for the objects of a group in one store. It is written after them.
type Manifest struct {
	Version int `json:"version"`
	// Epoch of the group when it was written. A lower epoch never overwrites a higher one.
	Epoch int64 `json:"epoch"`
	// Cluster is the id of the cluster that wrote it: the UID of its namespace kube-system.
	Cluster string `json:"cluster"`
	// Generation of the VolumeReplicationGroup on that cluster.
	Generation int64 `json:"generation"`
	// Serial grows with each manifest of one epoch, so that of two stores the newer one is known.
	Serial int64 `json:"serial"`
	// Objects are the checksums by key.
	Objects map[string]Sum `json:"objects"`
	// KubeObjects names the capture of Kubernetes objects that would be restored; nil: there is none.
	KubeObjects *Pointer `json:"kubeObjects,omitempty"`
	// Signer is the public key of the cluster that wrote it, and Signature its signature; empty: it was written before there were
	// signatures.
	Signer    string `json:"signer,omitempty"`
	Signature string `json:"signature,omitempty"`
	// Foreign says that another writer stored the objects, without a manifest: there are no checksums.
	Foreign bool `json:"-"`

	genuine bool // the signature is one of this manifest by Signer
}

// Sum is the checksum of an object.
type Sum struct {
	SHA256 string `json:"sha256"`
	// Next is the checksum that the object is about to have: it is announced before the object is overwritten, so that
	// a writer that dies in between leaves a manifest that still vouches for what is there.
	Next string `json:"next,omitempty"`
}

// Vouches reports whether the manifest vouches for an object with this checksum under key.
func (m *Manifest) Vouches(key, sum string) bool {
	s, ok := m.Objects[key]
	if m.Foreign {
		return ok
	}
	return ok && (s.SHA256 == sum || (s.Next != "" && s.Next == sum))
}

// Keys are the keys of the objects, sorted.
func (m *Manifest) Keys() []string { return slices.Sorted(maps.Keys(m.Objects)) }

// Newer reports whether m is to be preferred over other; nil: there is no other.
func (m *Manifest) Newer(other *Manifest) bool {
	switch {
	case other == nil:
		return true
	case m.Epoch != other.Epoch:
		return m.Epoch > other.Epoch
	default:
		return m.Serial > other.Serial
	}
}

// Encode makes the stored form of m: plain JSON, for people to read.
func (m *Manifest) Encode() ([]byte, error) {
	m.Version = version
	body, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return append(body, '\n'), nil
}

// DecodeManifest reads the manifest of group g. Keys outside of the group are refused: nobody restores or deletes
// what belongs to another group.
func DecodeManifest(g Group, body []byte) (*Manifest, error) {
	text, plain, err := canonical(g, body)
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	// What is believed is read from what was signed.
	if err := json.Unmarshal(plain, m); err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	var signature struct{ Signature string }
	if err := json.Unmarshal(body, &signature); err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	m.Signature = signature.Signature
	m.genuine = m.Signature != "" && m.verify(text)
	if m.Version != version {
		return nil, fmt.Errorf("decode manifest: %w: it is %d, want %d", ErrVersion, m.Version, version)
	}
	if m.KubeObjects != nil {
		if err := m.KubeObjects.valid(); err != nil {
			return nil, fmt.Errorf("decode manifest: %w", err)
		}
	}
	for key := range m.Objects {
		if !strings.HasPrefix(key, g.Prefix()) || key == g.Manifest() {
			return nil, fmt.Errorf("decode manifest: key %q is not of group %s/%s", key, g.Namespace, g.Name)
		}
	}
	return m, nil
}
