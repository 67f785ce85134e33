// SPDX-License-Identifier: Apache-2.0

package capsule

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
)

// A manifest is signed by the cluster that writes it. Anyone who has the keys of a bucket can write there, but can't sign. What a
// cluster signs with never leaves it; the hub hands only public keys on, of the two clusters of a group.

// Key is what a cluster signs with. The zero value signs nothing.
type Key struct{ private ed25519.PrivateKey }

// pemType is the type of a PEM block with a Key, in PKCS #8.
const pemType = "PRIVATE KEY"

// signedAs precedes what is signed: the key signs nothing else.
const signedAs = "ramen-capsule-manifest/1\n"

// NewKey makes a key.
func NewKey() (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make a signing key: %w", err)
	}
	return Key{private}, nil
}

// PEM is the stored form of k. It is secret.
func (k Key) PEM() ([]byte, error) {
	body, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("encode the signing key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: body}), nil
}

// ParseKey reads what PEM made. Its errors hold nothing of text.
func ParseKey(text []byte) (Key, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return Key{}, errors.New("the signing key is no PEM block of type " + pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return Key{}, errors.New("the signing key can't be read as PKCS #8")
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return Key{}, errors.New("the signing key is not of type Ed25519")
	}
	return Key{private}, nil
}

// Public is the name of k, which others check signatures with; empty for the zero value.
func (k Key) Public() string {
	if k.private == nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(k.private.Public().(ed25519.PublicKey))
}

// IsPublic reports whether text can be what Public returned.
func IsPublic(text string) bool { return publicOf(text) != nil }

func publicOf(text string) ed25519.PublicKey {
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil
	}
	return key
}

// Sign makes m the word of k about group g. The zero key leaves it without a signature.
func (m *Manifest) Sign(g Group, k Key) error {
	m.Version, m.Signer, m.Signature, m.genuine = version, k.Public(), "", false
	if k.private == nil {
		return nil
	}
	plain, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	text, _, err := canonical(g, plain)
	if err != nil {
		return err
	}
	m.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, text))
	m.genuine = true
	return nil
}

// SignedBy reports whether m carries a good signature of the key with this name.
func (m *Manifest) SignedBy(public string) bool { return m.genuine && m.Signer == public }

// canonical is what is signed of the manifest of g in body, and the manifest without its signature as nobody can read it in
// two ways: with one value for each field, whatever the order or the repetitions in body. Fields of later versions stay.
func canonical(g Group, body []byte) (text, plain []byte, err error) {
	fields := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		return nil, nil, fmt.Errorf("decode manifest: %w", err)
	}
	delete(fields, "signature")
	if plain, err = json.Marshal(fields); err != nil {
		return nil, nil, fmt.Errorf("encode manifest: %w", err)
	}
	return slices.Concat([]byte(signedAs+g.Prefix()+"\n"), plain), plain, nil
}

// verify finds out whether the signature that came with m is one of text by its signer.
func (m *Manifest) verify(text []byte) bool {
	public := publicOf(m.Signer)
	signature, err := base64.StdEncoding.Strict().DecodeString(m.Signature)
	return err == nil && public != nil && ed25519.Verify(public, text, signature)
}

// Trust says whose manifests are believed about one group.
type Trust struct {
	// Stored says that the group is known to have been stored with a signature: what has none is somebody else's.
	Stored bool
	// Signers are the public keys of its clusters.
	Signers []string
	// Told says that Signers has the keys of both clusters, whether the group was stored or not.
	Told bool
}

// Vouched reports whether m carries a good signature of a cluster of the group.
func (t Trust) Vouched(m *Manifest) bool { return slices.ContainsFunc(t.Signers, m.SignedBy) }

// Alien reports whether m is what somebody else than the clusters of the group has signed, in good order: another application, of
// another hub, is stored in the same place.
func (t Trust) Alien(m *Manifest) bool {
	return (t.Stored || t.Told) && m.genuine && m.Signer != "" && !t.Vouched(m)
}

// Refuses says why m is not restored from; empty: it is. What was stored before signatures were known, or by Ramen, is
// believed only as long as nothing better is known of the group.
func (t Trust) Refuses(m *Manifest) string {
	switch {
	case m.Signature != "" && !m.genuine:
		return "its signature is not of what it says: it was changed after it was signed"
	case !t.Stored && t.Alien(m):
		return fmt.Sprintf("it is signed by %.60q, which is the key of neither cluster of this group, and nothing of this group was stored yet", m.Signer)
	case !t.Stored || t.Vouched(m):
		return ""
	case m.Foreign:
		return "there are objects without a manifest, and what the clusters store of this group has one"
	case m.Signer == "":
		return "it is not signed, and what the clusters store of this group is"
	default:
		return fmt.Sprintf("it is signed by %.60q, which is the key of no cluster of this group", m.Signer)
	}
}
